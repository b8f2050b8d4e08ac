import pg from 'pg';

/** What a figure rests on: with one of these off, commits are cheap because they may be lost. */
const demanded = ['fsync', 'full_page_writes', 'synchronous_commit'] as const;

/** Throws unless each setting is `on` for this login on this database; answers what was found, for the figure's `seen`. */
export const assertSettings = async (url: string): Promise<Readonly<Record<string, string>>> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings where name = any($1) order by name',
      [[...demanded]],
    );
    const wrong = demanded.filter((name) => rows.find((row) => row.name === name)?.setting !== 'on');
    if (wrong.length > 0) throw new Error(`no figure without durability: ${wrong.join(', ')} must be on`);
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  } finally {
    await client.end();
  }
};

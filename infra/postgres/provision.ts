import { readFile } from 'node:fs/promises';
import { Client } from 'pg';

export type DatabaseSecret = { owner: string; app: string };
export type DatabaseUrls = { ownerUrl: string; appUrl: string };

// Sixty-three bytes is what PostgreSQL keeps of a name, `_owner` included.
const validName = /^[a-z][a-z0-9_]{0,56}$/;
// Two that provision at once would both find a role missing and one would fail; they queue here instead.
const provisionLock = 7_461_001;

/**
 * Creates or repairs one database with an owner and a runtime role for each name, and answers their URLs. Idempotent; also sets the passwords
 * anew, so a changed secret takes effect. `adminUrl` is any database of the server as superuser; throws what PostgreSQL throws.
 */
export async function provision(
  adminUrl: string,
  names: readonly string[],
  secrets: Readonly<Record<string, DatabaseSecret>>,
): Promise<Record<string, DatabaseUrls>> {
  const urls: Record<string, DatabaseUrls> = {};
  if (names.length === 0) return urls;
  const [roles, createDatabase, database] = await Promise.all([sql('roles'), sql('create-database'), sql('database')]);
  await withClient(adminUrl, async (admin) => {
    await admin.query('SELECT pg_advisory_lock($1)', [provisionLock]);
    for (const name of names) {
      const secret = secrets[name];
      if (!validName.test(name) || !secret) throw new Error(`no valid name or no secret for the database "${name}"`);
      await announce(admin, name, secret);
      await admin.query(roles);
      const { rows } = await admin.query<{ statement: string }>(createDatabase);
      for (const row of rows) await admin.query(row.statement);
      await withClient(databaseUrl(adminUrl, name), async (inside) => {
        await announce(inside, name, secret);
        await inside.query(database);
      });
      urls[name] = {
        ownerUrl: databaseUrl(adminUrl, name, `${name}_owner`, secret.owner),
        appUrl: databaseUrl(adminUrl, name, `${name}_app`, secret.app),
      };
    }
  });
  return urls;
}

/** The same server's URL for another database and, when given, another login. */
export function databaseUrl(base: string, database: string, user?: string, password?: string): string {
  const url = new URL(base);
  url.pathname = `/${encodeURIComponent(database)}`;
  if (user !== undefined) url.username = encodeURIComponent(user);
  if (password !== undefined) url.password = encodeURIComponent(password);
  return url.href;
}

function sql(name: string): Promise<string> {
  return readFile(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');
}

async function announce(client: Client, name: string, secret: DatabaseSecret): Promise<void> {
  await client.query(
    `SELECT set_config('khue.name', $1, false), set_config('khue.owner_password', $2, false), set_config('khue.app_password', $3, false)`,
    [name, secret.owner, secret.app],
  );
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // A connection that breaks between two statements reports it here as well; unheard it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

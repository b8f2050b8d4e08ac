import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import pg from 'pg';
import { Umzug } from 'umzug';

export interface Migrations {
  /** Connection of the role that owns the schemas. */
  readonly ownerUrl: string;
  /** The service's runtime role, put for `${app}` in the SQL: it gets rights on rows, never DDL. */
  readonly appRole: string;
  /** Folders in Prisma's layout, `<n>_<name>/migration.sql`, applied one folder after the other. */
  readonly folders: readonly string[];
}

/** One number for all replicas and services: each database has its own lock space. */
const MIGRATION_LOCK = 7_140_001;

/**
 * Brings a database to the newest schema; safe when many processes start at once (an advisory lock), and after a kill (one transaction a
 * migration). Keeps `_prisma_migrations` as Prisma does. Throws when an applied file was changed afterwards.
 */
export const migrate = async ({ ownerUrl, appRole, folders }: Migrations): Promise<readonly string[]> => {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'migrate', connectionTimeoutMillis: 5_000, keepAlive: true });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query(`create table if not exists public._prisma_migrations (
      id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
      logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count int not null default 0)`);
    const umzug = new Umzug({
      migrations: (await Promise.all(folders.map(listMigrations))).flat().map((file) => ({
        name: basename(join(file, '..')),
        up: async () => apply(client, file, appRole),
      })),
      logger: undefined,
      storage: {
        executed: async () => {
          const { rows } = await client.query<{ migration_name: string }>(
            'select migration_name from public._prisma_migrations where finished_at is not null and rolled_back_at is null order by started_at, migration_name',
          );
          return rows.map((row) => row.migration_name);
        },
        logMigration: async () => undefined,
        unlogMigration: async () => undefined,
      },
    });
    await assertUnchanged(client, folders);
    const done = await umzug.up();
    return done.map((migration) => migration.name);
  } finally {
    await client.end();
  }
};

const listMigrations = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name, 'migration.sql'))
    .sort();

const checksum = (sql: string): string => createHash('sha256').update(sql).digest('hex');

const apply = async (client: pg.Client, file: string, appRole: string): Promise<void> => {
  const sql = await readFile(file, 'utf8');
  await client.query('begin');
  try {
    await client.query(sql.replaceAll('${app}', pg.escapeIdentifier(appRole)));
    // Bookkeeping in the migration's own transaction: a kill leaves both or neither.
    await client.query(
      `insert into public._prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) values ($1, $2, clock_timestamp(), $3, 1)`,
      [randomUUID(), checksum(sql), basename(join(file, '..'))],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw new Error(`migration ${basename(join(file, '..'))} failed: ${(error as Error).message}`, { cause: error });
  }
};

const assertUnchanged = async (client: pg.Client, folders: readonly string[]): Promise<void> => {
  const { rows } = await client.query<{ migration_name: string; checksum: string }>('select migration_name, checksum from public._prisma_migrations');
  const applied = new Map(rows.map((row) => [row.migration_name, row.checksum]));
  for (const file of (await Promise.all(folders.map(listMigrations))).flat()) {
    const was = applied.get(basename(join(file, '..')));
    if (was && was !== checksum(await readFile(file, 'utf8'))) {
      throw new Error(`migration ${basename(join(file, '..'))} was changed after it was applied; write a new one`);
    }
  }
};

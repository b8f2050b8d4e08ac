import { columnParsers } from '@khue/messaging/database';
import pg from 'pg';

/** One database as it was at one moment, for as long as the looking takes. */
export interface Snapshot {
  /** For the product's own readers, which ask for a pool: the one connection of this snapshot. */
  readonly pool: pg.Pool;
  query<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<T>>;
  /** Rows by and by, in bounded memory; one stream after the other may be read out of step with others. */
  stream<T extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): AsyncGenerator<T, undefined>;
  close(): Promise<void>;
}

/** Shown by the server beside the product's own connections, so that these can be told from ours. */
export const applicationName = 'check-invariants';
/** A check reads whole tables of a city. */
const longestStatementMs = 600_000;
const page = 5_000;

export const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
    statement_timeout: longestStatementMs,
    types: columnParsers,
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

/** Opens a read-only transaction that sees what is committed now and nothing later. */
export const takeSnapshot = async (url: string): Promise<Snapshot> => {
  const client = await connect(url);
  await client.query(`begin isolation level repeatable read read only; set local work_mem = '64MB'; set local jit = off`);
  // The moment is that of the first statement, not of BEGIN.
  await client.query('select 1 from messaging.head');
  let cursors = 0;
  return {
    pool: client as unknown as pg.Pool,
    query: (text, values = []) => client.query(text, values),
    async *stream<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): AsyncGenerator<T, undefined> {
      const cursor = `c${(cursors += 1)}`;
      await client.query(`declare ${cursor} no scroll cursor for ${text}`, [...values]);
      for (;;) {
        const { rows } = await client.query<T>(`fetch ${page} from ${cursor}`);
        yield* rows;
        if (rows.length < page) break;
      }
      await client.query(`close ${cursor}`);
      return undefined;
    },
    close: () => client.end(),
  };
};

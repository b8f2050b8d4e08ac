import type { Socket } from 'node:net';
import pg from 'pg';
import type { Tx } from './command.ts';

/** Every wait on the database, in milliseconds: nothing hangs past 30 s, also against a server that is frozen and says nothing. */
export const waits = {
  connect: 5_000,
  /** A row held by a stranger: after this the batch is halved until the one that waits is alone. */
  lock: 250,
  /** Of the halves of a batch that waited so long already. */
  lockOfHalf: 10,
  /** The one that waits alone. */
  lockAlone: 10_000,
  statement: 20_000,
  idleInTransaction: 5_000,
  /** Held against the clock here, for a frozen server measures nothing. */
  query: 25_000,
} as const;

/**
 * For transactions that find rows by their keys, sent with BEGIN. A plan made while a table was empty reads it whole, and a prepared statement keeps it until the server
 * has analyzed the table: the kept answers of 10,000 commands cost each flush 5 ms, more than all its other statements.
 */
export const byKeys = 'set local enable_seqscan = off';

/** At most this many connections a service (house rule: one PostgreSQL serves eight services). */
export const maxConnections = 8;

const INT8 = 20;
const DATE = 1082;
const TIMESTAMPTZ = 1184;

/** Business dates stay `YYYY-MM-DD`, instants are ISO strings in UTC, bigints are numbers (all of ours stay below 2^53). */
export const columnParsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return Number;
    if (oid === DATE) return (value: string) => value;
    if (oid === TIMESTAMPTZ) return (value: string) => new Date(value).toISOString();
    return pg.types.getTypeParser(oid, format as 'text');
  }) as pg.CustomTypesConfig['getTypeParser'],
};

export interface PoolOptions {
  readonly url: string;
  /** Shown by the server as application_name. */
  readonly name: string;
  readonly max?: number;
}

/** A pool of at most eight connections with every wait bounded. Errors of idle connections are dropped: the next use makes a new one. */
export const openPool = ({ url, name, max = maxConnections }: PoolOptions): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max,
    connectionTimeoutMillis: waits.connect,
    query_timeout: waits.query,
    statement_timeout: waits.statement,
    lock_timeout: waits.lock,
    idle_in_transaction_session_timeout: waits.idleInTransaction,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // Statements that don't wait for one another's answers travel together (`together`): half of a flush was waiting for the next turn.
    pipeline: true,
    types: columnParsers,
  } as pg.PoolConfig);
  pool.on('error', () => undefined);
  return pool;
};

/**
 * What an error of the database means for those who wait for the transaction:
 * `again` the same may pass now (deadlock, lock timeout, serialization), `data` one of the batch is unacceptable to the database,
 * `away` not reachable or not willing, nothing was committed; `disk-full`; `bug` anything else.
 */
export type Failure = 'again' | 'data' | 'away' | 'disk-full' | 'bug';

export const classify = (error: unknown): Failure => {
  const code = sqlState(error) ?? (error as { code?: unknown }).code;
  // The network's before the server's: EPIPE has five letters, as its states do, and none of those begins so.
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return 'away';
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) {
    if (prismaAway.has(code)) return 'away';
    if (code === '40P01' || code === '55P03' || code === '40001') return 'again';
    if (code === '53100') return 'disk-full';
    if (code.startsWith('22') || code.startsWith('23')) return 'data';
    if (code.startsWith('08') || code.startsWith('57') || code.startsWith('53') || code === '25P03') return 'away';
    return 'bug';
  }
  const message = error instanceof Error ? error.message : '';
  return /connection|timeout|terminat|client has encountered|not queryable|client was closed/i.test(message) ? 'away' : 'bug';
};

/** Prisma's own words for a server that can't be reached, does not answer in time, or closed the connection; they look like states of the server's. */
const prismaAway: ReadonlySet<string> = new Set(['P1001', 'P1002', 'P1008', 'P1017']);

/** Prisma wraps what the server said into an error with a code of its own. */
const sqlState = (error: unknown): unknown =>
  (error as { meta?: { driverAdapterError?: { cause?: { originalCode?: unknown } } } }).meta?.driverAdapterError?.cause?.originalCode;

/** The connection was lost while COMMIT was under way: nobody here knows whether it took place. */
export class OutcomeUnknown extends Error {
  constructor(cause: unknown) {
    super('the connection was lost at COMMIT', { cause });
    this.name = 'OutcomeUnknown';
  }
}

/** What a statement, or COMMIT, is told in a transaction in which another one has failed: the reason is that one's. */
export const failedBefore = '25P02';

/**
 * Sends statements that don't wait for one another's answers in one write, in their order, and waits for all of them. Throws what the first one that
 * failed by itself threw, when all have ended: one that went on sending would overtake the rollback, and what it wrote then would commit alone.
 */
export const together = async <T extends readonly unknown[]>(tx: Tx, send: () => T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> => {
  const wire = wireOf(tx);
  wire.cork();
  let sent: Promise<{ -readonly [K in keyof T]: PromiseSettledResult<Awaited<T[K]>> }>;
  try {
    sent = Promise.allSettled(send());
  } finally {
    wire.uncork();
  }
  const ended = await sent;
  const failed = ended.filter((one) => one.status === 'rejected');
  const [cause] = [...failed.filter(({ reason }) => (reason as { code?: unknown }).code !== failedBefore), ...failed];
  if (cause) throw cause.reason;
  return ended.map((one) => (one as PromiseFulfilledResult<unknown>).value) as { -readonly [K in keyof T]: Awaited<T[K]> };
};

/**
 * Documents that are JSON already as one parameter, for `jsonb_array_elements` in `rows from (unnest(…), …)`. As a PostgreSQL array each quote of theirs would be escaped
 * and taken back: a twentieth of a flush. Null is JSON's null.
 */
export const jsonArray = (documents: readonly (string | null)[]): string => `[${documents.map((document) => document ?? 'null').join(',')}]`;

/** The socket under a client, which pg's types leave out. */
const wireOf = (tx: Tx): Socket => (tx as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;

/**
 * Runs `work` in one READ COMMITTED transaction. Rolls back and rethrows what `work` throws; throws OutcomeUnknown when COMMIT got no answer.
 * `begin` holds extra `SET LOCAL` statements, sent with BEGIN in one round trip. `readsFirst` says that what `work` sends before it first waits are
 * reads and locks, harmless outside a transaction: they travel with BEGIN. A BEGIN that fails takes its connection with it, so that nothing follows.
 */
export const inTransaction = async <T>(
  pool: pg.Pool,
  work: (tx: Tx) => Promise<T>,
  begin = '',
  { readsFirst = false }: { readonly readsFirst?: boolean } = {},
): Promise<T> => {
  const tx = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  tx.on('error', onError);
  const start = async (): Promise<unknown> => tx.query(begin ? `begin; ${begin}` : 'begin');
  const startWithReads = async (): Promise<T> => {
    const [, worked] = await together(tx, () => [
      start().catch((error: Error) => {
        broken = error;
        wireOf(tx).destroy(error);
        throw error;
      }),
      work(tx),
    ]);
    return worked;
  };
  try {
    let result: T;
    try {
      if (!readsFirst) await start();
      result = readsFirst ? await startWithReads() : await work(tx);
    } catch (error) {
      // A server that says nothing would keep the rollback waiting as long again; with its connection the transaction ends by itself.
      if (classify(error) === 'away' && !(error instanceof pg.DatabaseError)) broken ??= error as Error;
      else
        await tx.query('rollback').catch((rollback: Error) => {
          broken = rollback;
        });
      throw error;
    }
    try {
      const done = await tx.query('commit');
      // A transaction that failed inside answers COMMIT with ROLLBACK, without an error.
      if (done.command !== 'COMMIT') throw Object.assign(new Error('the transaction had failed before COMMIT'), { code: failedBefore });
    } catch (error) {
      if (classify(error) === 'away') {
        broken = error as Error;
        throw new OutcomeUnknown(error);
      }
      throw error;
    }
    return result;
  } catch (error) {
    if (classify(error) === 'away') broken ??= error as Error;
    throw error;
  } finally {
    tx.off('error', onError);
    tx.release(broken ?? false);
  }
};

/**
 * Refuses a server that may lose what it acknowledged: kill -9 can't show what a power cut loses, only these settings can.
 * Throws an Error that names the setting.
 */
export const assertDurable = async (pool: pg.Pool): Promise<void> => {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name`,
  );
  const wrong = rows.filter((row) => row.setting === 'off');
  if (rows.length !== 3 || wrong.length > 0) {
    throw new Error(`the database may lose what it acknowledged: ${wrong.map((row) => `${row.name}=${row.setting}`).join(', ')}; turn it on`);
  }
};

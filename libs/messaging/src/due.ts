import { isInstant } from '@khue/contracts/dates';
import type { Pool } from 'pg';
import type { DueChange, Tx } from './command.ts';
import { jsonArray, together } from './database.ts';

/** A thing that is to happen by itself, as it stands in the table. */
export interface DueRow {
  readonly kind: string;
  readonly subject: string;
  /** Instant in UTC, to the millisecond. */
  readonly at: string;
  readonly body: unknown;
}

type Key = Pick<DueRow, 'kind' | 'subject'>;

/** Times a row's command may throw before it is parked, and milliseconds until it is tried again after the first time; twice as long after each one. */
export const dueTries: DueTries = { most: 5, firstRetryMs: 1_000 };

/** There is one row for each kind and subject. */
export const dueKey = ({ kind, subject }: Key): string => JSON.stringify([kind, subject]);

/** Writes what a batch sets, moves and cancels, in key order, in the transaction of the state it follows from. What is set anew is no longer parked. */
export const writeDues = async (tx: Tx, changes: ReadonlyMap<string, DueChange>): Promise<void> => {
  if (changes.size === 0) return;
  const sorted = [...changes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
  const set = sorted.filter((change) => change.at !== null);
  const cancelled = sorted.filter((change) => change.at === null);
  const wrong = set.find(({ at }) => !isInstant(at));
  if (wrong) throw new Error(`the due time of a ${wrong.kind} is not an instant in UTC`);
  await together(tx, () => [set.length > 0 && setRows(tx, set), deleteDues(tx, cancelled)]);
};

const setRows = (tx: Tx, rows: readonly Extract<DueChange, { at: string }>[]) =>
  tx.query({
    name: 'due-set',
    // To the millisecond: a row is fired at the instant it was read at, and that is what ours can hold.
    text: `insert into messaging.due as due (kind, subject, at, body)
      select kind, subject, date_trunc('milliseconds', at), body
      from rows from (unnest($1::text[], $2::text[], $3::timestamptz[]), jsonb_array_elements($4::jsonb)) with ordinality as row (kind, subject, at, body, place)
      order by place
      on conflict (kind, subject) do update set at = excluded.at, body = excluded.body, attempts = 0, retry_at = null, parked_at = null, reason = null`,
    values: [...columnsOf(rows), rows.map(({ at }) => at), jsonArray(rows.map(({ body }) => JSON.stringify(body ?? null)))],
  });

const columnsOf = (rows: readonly Key[]): [string[], string[]] => [rows.map(({ kind }) => kind), rows.map(({ subject }) => subject)];

/** Takes rows away, cancelled or fired by the command of this transaction; answers how many there were. */
export const deleteDues = async (tx: Tx, keys: readonly Key[]): Promise<number> => {
  if (keys.length === 0) return 0;
  const { rowCount } = await tx.query({
    name: 'due-delete',
    text: 'delete from messaging.due where (kind, subject) in (select * from unnest($1::text[], $2::text[]))',
    values: columnsOf(keys),
  });
  return rowCount ?? 0;
};

/** The next rows to fire, in the order of their instants and then of kind and subject: due at `now` and neither parked nor waiting for another try. */
export const nextDues = async (pool: Pool, kinds: readonly string[], now: string, most: number): Promise<readonly DueRow[]> => {
  const { rows } = await pool.query<DueRow>(
    `select kind, subject, at, body from messaging.due
     where parked_at is null and at <= $2 and kind = any($1) and (retry_at is null or retry_at <= clock_timestamp())
     order by at, kind, subject limit $3`,
    [kinds, now, most],
  );
  return rows;
};

/**
 * Locks rows, in key order, until the end of the transaction, and answers which of them still stand as they were read: neither fired elsewhere, moved nor cancelled.
 * Whoever waited for a lock is told what the other one has left.
 */
export const lockDues = async (tx: Tx, rows: readonly DueRow[]): Promise<ReadonlySet<string>> => {
  const { rows: standing } = await tx.query<DueRow>({
    name: 'due-lock',
    text: `select kind, subject, at, body from messaging.due
      where (kind, subject) in (select * from unnest($1::text[], $2::text[])) and parked_at is null
      order by kind, subject for update`,
    values: columnsOf(rows),
  });
  const read = new Map(rows.map((row) => [dueKey(row), row]));
  const same = (row: DueRow): boolean => {
    const was = read.get(dueKey(row));
    return was?.at === row.at && JSON.stringify(was.body) === JSON.stringify(row.body);
  };
  return new Set(standing.filter(same).map(dueKey));
};

export interface DueFailure {
  readonly row: DueRow;
  /** Codes, never a message, which may quote values. */
  readonly reason: string;
}

/** Counts a try that threw, and parks the row after the last one; until then it is tried again after a while. A row that has moved meanwhile is left alone. */
export const countTries = async (db: Pool | Tx, failures: readonly DueFailure[], { most, firstRetryMs }: DueTries): Promise<void> => {
  if (failures.length === 0) return;
  await db.query(
    `update messaging.due due set attempts = attempts + 1, reason = failed.reason,
       retry_at = clock_timestamp() + $6 * 2 ^ least(attempts, 20) * interval '1 ms',
       parked_at = case when attempts + 1 >= $5 then clock_timestamp() end
     from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) failed (kind, subject, at, reason)
     where due.kind = failed.kind and due.subject = failed.subject and due.at = failed.at`,
    [...columnsOf(failures.map(({ row }) => row)), failures.map(({ row }) => row.at), failures.map(({ reason }) => reason), most, firstRetryMs],
  );
};

export interface DueTries {
  readonly most: number;
  readonly firstRetryMs: number;
}

/** Has rows wait for another try without counting one: what they need is held by somebody, or on its way. */
export const postponeDues = async (db: Pool | Tx, rows: readonly DueRow[], forMs: number): Promise<void> => {
  if (rows.length === 0) return;
  await db.query(
    `update messaging.due set retry_at = clock_timestamp() + $4 * interval '1 ms'
     where (kind, subject, at) in (select * from unnest($1::text[], $2::text[], $3::timestamptz[]))`,
    [...columnsOf(rows), rows.map(({ at }) => at), forMs],
  );
};

/** What an operator looks at. Rows of kinds that nobody here fires are left alone, for they may be a later release's. */
export interface DueFigures {
  /** Age in seconds of the oldest row that is due and not parked, by the clock that rows are due by; 0 where there is none. */
  readonly oldestSeconds: number;
  readonly parked: number;
  readonly ofUnknownKind: number;
}

export const dueFigures = async (db: Pool, kinds: readonly string[], now: string): Promise<DueFigures> => {
  const { rows } = await db.query<DueFigures>(
    `select
       coalesce(extract(epoch from $2::timestamptz - (select min(at) from messaging.due where parked_at is null and at <= $2 and kind = any($1))), 0)::float8 as "oldestSeconds",
       (select count(*) from messaging.due where parked_at is not null) as parked,
       (select count(*) from messaging.due where kind <> all($1)) as "ofUnknownKind"`,
    [kinds, now],
  );
  return rows[0] ?? { oldestSeconds: 0, parked: 0, ofUnknownKind: 0 };
};

export interface ParkedDue extends Omit<DueRow, 'body'> {
  readonly attempts: number;
  readonly parkedAt: string;
  readonly reason: string;
}

const parkedOf = `from messaging.due where parked_at is not null and ($1::text is null or subject = $1)`;

/** Parked rows in the order of their instants, at most `limit`. */
export const listParkedDues = async (pool: Pool, subject: string | undefined, limit = 1_000): Promise<readonly ParkedDue[]> => {
  const { rows } = await pool.query<ParkedDue>(
    `select kind, subject, at, attempts, parked_at as "parkedAt", reason ${parkedOf} order by at, kind, subject limit $2`,
    [subject, limit],
  );
  return rows;
};

/** Has parked rows fire again as if they had never been tried; the running service does so within a second or two. Answers how many. */
export const retryParkedDues = async (pool: Pool, subject: string | undefined): Promise<number> => {
  const { rowCount } = await pool.query(
    `update messaging.due set attempts = 0, retry_at = null, parked_at = null, reason = null
     where parked_at is not null and ($1::text is null or subject = $1)`,
    [subject],
  );
  return rowCount ?? 0;
};

import type { Pool } from 'pg';
import type { Outcome, Tx } from './import-kind.ts';
import type { CellError } from './layout.ts';
import { importWaits } from './limits.ts';
import type { ImportRow } from './store.ts';

/** An import that this process has claimed. */
export type Claimed = Pick<ImportRow, 'id' | 'kind' | 'state' | 'failures'>;

/**
 * Claims the import that waits longest: one nobody holds, one whose holder was not heard of for 10 s, or one of the holder's own, so that several imports take
 * turns. SKIP LOCKED: a holder inside a chunk has the row locked, however long ago it last said so.
 */
export const claimImport = async (pool: Pool, holder: string, kinds: readonly string[]): Promise<Claimed | undefined> => {
  const { rows } = await pool.query<Claimed>({
    name: 'imports-claim',
    text: `update imports.import set holder = $1, heartbeat_at = clock_timestamp() where id = (
        select id from imports.import
        where state in ('committing', 'revoking') and kind = any ($3) and (retry_at is null or retry_at <= clock_timestamp())
          and (holder is null or holder = $1 or heartbeat_at < clock_timestamp() - $2 * interval '1 ms')
        order by heartbeat_at nulls first, created_at for update skip locked limit 1
      ) returning id, kind, state, failures`,
    values: [holder, importWaits.abandoned, kinds],
  });
  return rows[0];
};

export const beatHolder = async (pool: Pool, id: string, holder: string): Promise<void> => {
  await pool.query(`update imports.import set heartbeat_at = clock_timestamp() where id = $1 and holder = $2`, [id, holder]);
};

/** Lets go of what a process holds, so that another goes on at once. */
export const releaseImports = async (pool: Pool, holder: string): Promise<void> => {
  await pool.query(`update imports.import set holder = null, heartbeat_at = null where holder = $1 and state in ('committing', 'revoking')`, [
    holder,
  ]);
};

/** A chunk failed: nobody tries again before `wait` milliseconds have passed. */
export const postpone = async (pool: Pool, id: string, holder: string, wait: number): Promise<void> => {
  await pool.query(
    `update imports.import set failures = failures + 1, retry_at = clock_timestamp() + $3 * interval '1 ms', heartbeat_at = clock_timestamp() where id = $1 and holder = $2`,
    [id, holder, wait],
  );
};

/** Locks the import for a chunk. Undefined where it is no longer this holder's: taken over, finished, or turned round. */
export const lockClaimed = async (tx: Tx, { id, state }: Claimed, holder: string): Promise<ImportRow | undefined> => {
  const { rows } = await tx.query<ImportRow>({
    name: 'imports-lock-claimed',
    text: 'select * from imports.import where id = $1 and holder = $2 and state = $3 for update',
    values: [id, holder, state],
  });
  return rows[0];
};

export interface Staged {
  readonly row_no: number;
  readonly value: unknown;
}

/**
 * For statements that read some staged rows in order. A million rows that were just copied have no statistics, so the planner believes in a few, and
 * collects and sorts all that is left for each thousand (seen at 200,000 rows). `SET LOCAL`, for BEGIN; undone by `anyPlan`.
 */
export const indexOrder = 'set local enable_sort = off; set local enable_bitmapscan = off; set local enable_seqscan = off';
export const anyPlan = 'set local enable_sort to default; set local enable_bitmapscan to default; set local enable_seqscan to default';

export const nextRowsText = {
  committing: `select row_no, value from imports.staged_row where import_id = $1 and verdict = 'accepted' and row_no > $2 order by row_no limit $3`,
  revoking: `select row_no, value from imports.staged_row where import_id = $1 and verdict = 'accepted' and row_no <= $2 order by row_no desc limit $3`,
};

/**
 * The next accepted rows: of a commit those after the last one applied, of a revocation the last ones applied, last first. In a transaction begun with
 * `indexOrder`, which ends here.
 */
export const nextRows = async (tx: Tx, row: ImportRow, limit: number): Promise<readonly Staged[]> => {
  const step = row.state === 'committing' ? 'committing' : 'revoking';
  const { rows } = await tx.query<Staged>({ name: `imports-next-${step}`, text: nextRowsText[step], values: [row.id, row.last_row, limit] });
  await tx.query(anyPlan);
  return rows;
};

export interface Moved {
  readonly lastRow: number;
  readonly rows: number;
  readonly finished: boolean;
}

/** Moves the progress in the chunk's transaction: this is what makes it safe to kill. */
export const moveOn = async (tx: Tx, { id, state }: ImportRow, { lastRow, rows, finished }: Moved): Promise<void> => {
  await tx.query({
    name: 'imports-move-on',
    text: `update imports.import set last_row = $2, done = done + $3, heartbeat_at = clock_timestamp(), failures = 0, retry_at = null,
        state = case when $4 then case state when 'committing' then 'done' else 'revoked' end else state end,
        holder = case when $4 then null else holder end, finished_at = case when $4 then clock_timestamp() end
      where id = $1 and state = $5`,
    values: [id, lastRow, rows, finished, state],
  });
};

/** Writes down rows that were not applied after all: they count as unchanged or rejected from now on, and no revocation touches them. */
export const saveOutcomes = async (tx: Tx, id: string, outcomes: readonly Outcome[]): Promise<void> => {
  if (outcomes.length === 0) return;
  const errors = outcomes.map((outcome): readonly CellError[] | null => (outcome.outcome === 'rejected' ? outcome.errors : null));
  const { rowCount } = await tx.query(
    `update imports.staged_row row set verdict = given.verdict, errors = given.errors, value = null
     from unnest($2::int[], $3::text[], $4::json[]) as given (row_no, verdict, errors)
     where row.import_id = $1 and row.row_no = given.row_no and row.verdict = 'accepted'`,
    [
      id,
      outcomes.map((outcome) => outcome.rowNo),
      outcomes.map((outcome) => outcome.outcome),
      errors.map((list) => (list ? JSON.stringify(list) : null)),
    ],
  );
  if (rowCount !== outcomes.length) throw new Error(`${outcomes.length} outcomes, ${rowCount} accepted rows with their numbers`);
  const rejected = outcomes.filter((outcome) => outcome.outcome === 'rejected').length;
  await tx.query(
    `update imports.import set accepted_count = accepted_count - $2::int - $3::int, rejected_count = rejected_count + $2, unchanged_count = unchanged_count + $3
     where id = $1`,
    [id, rejected, outcomes.length - rejected],
  );
};

import { inTransaction, waits } from '@khue/messaging/database';
import type { Pool } from 'pg';
import type { Finding } from './findings.ts';
import type { Heading } from './heading.ts';
import type { ImportState, Tx } from './import-kind.ts';
import { importChunks, importWaits } from './limits.ts';
import type { ImportRefusalCode, RefusalParams } from './refusals.ts';
import type { Separator } from './read-table.ts';

/** A row of imports.import. */
export interface ImportRow {
  readonly id: string;
  readonly kind: string;
  readonly layout: string;
  readonly state: ImportState;
  readonly file_name: string;
  /** SHA-256 in hex of the file as sent; of a file that was refused `<bytes read>:<SHA-256 of those>`. */
  readonly file_hash: string | null;
  readonly plan_hash: string | null;
  readonly separator: Separator | null;
  readonly heading: readonly string[] | null;
  readonly places: Heading['places'] | null;
  readonly width: number;
  readonly row_count: number;
  readonly accepted_count: number;
  readonly rejected_count: number;
  readonly unchanged_count: number;
  readonly findings: Finding[];
  readonly done: number;
  readonly total: number;
  readonly last_row: number;
  readonly actor: string;
  readonly unit_id: string | null;
  readonly committed_by: string | null;
  readonly revoked_by: string | null;
  readonly context: Readonly<Record<string, string>> | null;
  readonly problem: { code: ImportRefusalCode; params: Record<string, string | number> } | null;
  readonly failures: number;
  readonly created_at: string;
  readonly planned_at: string | null;
  readonly finished_at: string | null;
  readonly expired_at: string | null;
}

export interface NewImport {
  /** UUIDv7 made at the door. */
  readonly id: string;
  readonly kind: string;
  readonly layout: string;
  readonly fileName: string;
  readonly actor: string;
  readonly unitId: string | null;
}

/** Which imports; `before` is the place of the last one of the page before. */
export interface Listing {
  /** Those on behalf of one of these. */
  readonly units: readonly string[];
  readonly before?: { readonly createdAt: string; readonly id: string } | undefined;
  readonly limit: number;
}

export const findImport = async (pool: Pool, id: string): Promise<ImportRow | undefined> => {
  const { rows } = await pool.query<ImportRow>({ name: 'imports-find', text: 'select * from imports.import where id = $1', values: [id] });
  return rows[0];
};

/** Imports of these kinds on behalf of these units, newest first; `exactly` is when, to the microsecond: the place after which the next page begins. */
export const listImports = async (
  pool: Pool,
  kinds: readonly string[],
  { units, before, limit }: Listing,
): Promise<readonly (ImportRow & { readonly exactly: string })[]> => {
  const { rows } = await pool.query<ImportRow & { exactly: string }>(
    `select *, created_at::text as exactly from imports.import
     where kind = any($1::text[]) and unit_id = any($2::uuid[]) ${before ? 'and (created_at, id) < ($4::timestamptz, $5::uuid)' : ''}
     order by created_at desc, id desc limit $3`,
    [kinds, units, limit, ...(before ? [before.createdAt, before.id] : [])],
  );
  return rows;
};

export const insertImport = async (pool: Pool, { id, kind, layout, fileName, actor, unitId }: NewImport): Promise<void> => {
  await pool.query(
    `insert into imports.import (id, kind, layout, state, file_name, actor, unit_id, created_at, heartbeat_at)
     values ($1, $2, $3, 'planning', $4, $5, $6, clock_timestamp(), clock_timestamp())`,
    [id, kind, layout, fileName, actor, unitId],
  );
};

/** Tells others that the upload is alive. */
export const beatUpload = async (pool: Pool, id: string): Promise<void> => {
  await pool.query(`update imports.import set heartbeat_at = clock_timestamp() where id = $1 and state = 'planning'`, [id]);
};

/** Locks an import that is being planned; false where somebody has given it up meanwhile. */
export const lockPlanning = async (tx: Tx, id: string): Promise<boolean> => {
  const { rowCount } = await tx.query({
    name: 'imports-lock-planning',
    text: `update imports.import set heartbeat_at = clock_timestamp() where id = $1 and state = 'planning'`,
    values: [id],
  });
  return rowCount === 1;
};

export interface PlanRow {
  readonly fileHash: string;
  readonly planHash: string;
  readonly separator: Separator;
  readonly heading: Heading;
  readonly width: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unchanged: number;
  readonly findings: readonly Finding[];
}

export const savePlan = async (pool: Pool, id: string, plan: PlanRow): Promise<boolean> => {
  const { rowCount } = await pool.query(
    `update imports.import set state = 'planned', file_hash = $2, plan_hash = $3, separator = $4, heading = $5, places = $6, width = $7, row_count = $8,
       accepted_count = $9, rejected_count = $10, unchanged_count = $11, findings = $12, planned_at = clock_timestamp(), heartbeat_at = null
     where id = $1 and state = 'planning'`,
    [
      id,
      plan.fileHash,
      plan.planHash,
      plan.separator,
      JSON.stringify(plan.heading.cells),
      JSON.stringify(plan.heading.places),
      plan.width,
      plan.accepted + plan.rejected + plan.unchanged,
      plan.accepted,
      plan.rejected,
      plan.unchanged,
      JSON.stringify(plan.findings),
    ],
  );
  return rowCount === 1;
};

/** Ends a plan that came to nothing; its rows go next. `print` says of which file. */
export const refuseImport = async (
  pool: Pool,
  id: string,
  problem: { readonly code: ImportRefusalCode; readonly params: RefusalParams },
  print: string,
): Promise<void> => {
  await pool.query(
    `update imports.import set state = 'refused', problem = $2, file_hash = $3, finished_at = clock_timestamp(), heartbeat_at = null
     where id = $1 and state in ('planning', 'planned')`,
    [id, JSON.stringify(problem), print],
  );
};

/** Uploads nobody reads any more: their process was killed. */
export const refuseAbandonedUploads = async (pool: Pool): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ id: string }>(
    `update imports.import set state = 'refused', problem = $1, finished_at = clock_timestamp(), heartbeat_at = null
     where state = 'planning' and heartbeat_at < clock_timestamp() - $2 * interval '1 ms' returning id`,
    [JSON.stringify({ code: 'upload-incomplete' satisfies ImportRefusalCode, params: {} }), importWaits.uploadAbandoned],
  );
  return rows.map((row) => row.id);
};

/** Deletes what an import has staged, some rows a statement and by ranges of the key: those already deleted are not looked at again. */
export const deleteStaged = async (pool: Pool, id: string): Promise<void> => {
  await eachRange(pool, id, 'delete from imports.staged_row where import_id = $1 and row_no > $2 and row_no <= $3');
  await deleteKeys(pool, id);
};

/** Runs a statement over ranges of an import's staged rows. */
export const eachRange = async (pool: Pool, id: string, statement: string): Promise<void> => {
  const { rows } = await pool.query<{ last: number | null }>('select max(row_no) as last from imports.staged_row where import_id = $1', [id]);
  const last = rows[0]?.last ?? 0;
  for (let after = 0; after < last; after += importChunks.expireRows) await pool.query(statement, [id, after, after + importChunks.expireRows]);
};

/** Deletes the natural keys an import has claimed, a sixteenth a statement. */
export const deleteKeys = async (pool: Pool, id: string): Promise<void> => {
  for (const digit of '0123456789abcdef') {
    const [from, to] = ['0', 'f'].map((rest) => `${digit}${rest.repeat(31)}`);
    await pool.query('delete from imports.row_key where import_id = $1 and key between $2 and $3', [id, from, to]);
  }
};

export interface Step {
  readonly id: string;
  readonly actor: string;
  readonly context: Readonly<Record<string, string>>;
}

// A chunk under way holds the row for as long as it takes, longer than a pool's usual wait for a lock.
const patient = `set local lock_timeout = ${waits.lockAlone}`;

/** planned -> committing, where the hash is that of the plan and the plan was read by one of the layouts. */
export const beginCommit = (pool: Pool, { id, actor, context }: Step, planHash: string, layouts: readonly string[]): Promise<boolean> =>
  inTransaction(
    pool,
    async (tx) => {
      const { rowCount } = await tx.query(
        `update imports.import set state = 'committing', committed_by = $2, context = $3, done = 0, total = accepted_count, last_row = 0, holder = null,
           heartbeat_at = null, failures = 0, retry_at = null
         where id = $1 and state = 'planned' and plan_hash = $4 and layout = any ($5)`,
        [id, actor, JSON.stringify(context), planHash, layouts],
      );
      return rowCount === 1;
    },
    patient,
  );

/**
 * done or committing -> revoking: a commit under way stops at its chunk, and what it has applied is undone. Of the rows done, those that were
 * not applied after all (accepted_count has lost them) need no undoing.
 */
export const beginRevoke = (pool: Pool, { id, actor, context }: Step): Promise<boolean> =>
  inTransaction(
    pool,
    async (tx) => {
      const { rowCount } = await tx.query(
        `update imports.import set state = 'revoking', revoked_by = $2, context = $3, total = done - (total - accepted_count), done = 0, holder = null, heartbeat_at = null, failures = 0,
           retry_at = null, finished_at = null
         where id = $1 and state in ('committing', 'done')`,
        [id, actor, JSON.stringify(context)],
      );
      return rowCount === 1;
    },
    patient,
  );

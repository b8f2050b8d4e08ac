import type { PoolClient } from 'pg';
import type { CellError, Layout } from './layout.ts';

/** The client of an open transaction. */
export type Tx = PoolClient;

export type ImportState = 'planning' | 'planned' | 'committing' | 'done' | 'revoking' | 'revoked' | 'refused';

/** What a service's callbacks know of the import they work for. */
export interface ImportJob {
  readonly id: string;
  readonly kind: string;
  /** Who uploaded, committed or revokes: whoever asked for the step under way. */
  readonly actor: string;
  readonly unitId: string | null;
  /** As given by whoever asked for the step: correlation, grant, trace, reason. */
  readonly context: Readonly<Record<string, string>>;
}

export interface RowToJudge<Row> {
  readonly rowNo: number;
  readonly value: Row;
}

/**
 * What the plan says of a row. `value` is the resolved one (ids in place of names and codes), JSON, and part of the plan's hash. `key` is the row's natural key: a
 * second row of the file with it is rejected as a duplicate of the first.
 */
export type Verdict<Value> =
  | { readonly verdict: 'accepted'; readonly value: Value; readonly key?: string }
  | { readonly verdict: 'unchanged'; readonly key?: string }
  | { readonly verdict: 'rejected'; readonly errors: readonly CellError[] };

export interface RowToApply<Value> {
  /** UUIDv5 of file and row number: the id of what the row becomes. */
  readonly id: string;
  readonly rowNo: number;
  readonly value: Value;
}

export interface RowToRevoke<Value> {
  readonly id: string;
  readonly rowNo: number;
  /** Null once the cells have expired (90 days): revoke by id. */
  readonly value: Value | null;
}

/** Rows that were not applied after all, for the world had moved on since the plan. Rows not named were applied. */
export type Outcome =
  | { readonly rowNo: number; readonly outcome: 'unchanged' }
  | { readonly rowNo: number; readonly outcome: 'rejected'; readonly errors: readonly CellError[] };

/**
 * One import door of a service. The three callbacks work by set on a chunk inside the transaction they are given, which also carries the progress: what they
 * write is written once, whatever is killed.
 */
export interface ImportKind<Row = unknown, Value = unknown> {
  readonly kind: string;
  readonly layout: Layout<Row>;
  /** The module that exports it as `layout`; files are parsed in a worker, and functions don't travel there. */
  readonly layoutModule: URL;
  /** A verdict for each row, in order. Resolves references and finds what is already so; writes nothing. */
  judge(rows: readonly RowToJudge<Row>[], tx: Tx, job: ImportJob): Promise<readonly Verdict<Value>[]>;
  /** Decides, saves and enqueues events. */
  apply(rows: readonly RowToApply<Value>[], tx: Tx, job: ImportJob): Promise<readonly Outcome[]>;
  /** Undoes what the rows became, last row first; what is no longer there is no error. */
  revoke(rows: readonly RowToRevoke<Value>[], tx: Tx, job: ImportJob): Promise<void>;
}

/** `id@version`: by what a plan was read. */
export const layoutOf = ({ layout }: ImportKind): string => `${layout.id}@${layout.version}`;

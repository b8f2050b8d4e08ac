import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import type { Tx } from './import-kind.ts';

/** A staged row as text; `cells`, `value` and `errors` are JSON or null. */
export interface RowToStage {
  readonly rowNo: number;
  readonly verdict: 'accepted' | 'rejected' | 'unchanged';
  readonly cells: string | null;
  readonly value: string | null;
  readonly errors: string | null;
}

// JSON has its control characters escaped, so that the backslash is all that COPY's text format would misread.
const field = (json: string | null): string => (json === null ? '\\N' : json.includes('\\') ? json.replaceAll('\\', '\\\\') : json);

/** Writes a chunk by COPY: 60,000 rows in 0.7 to 1.4 s where an INSERT from arrays took 1.4 to 1.8, and half the work in this process. */
export const copyRows = async (tx: Tx, importId: string, rows: readonly RowToStage[]): Promise<void> => {
  const text = rows
    .map((row) => `${importId}\t${row.rowNo}\t${row.verdict}\t${field(row.cells)}\t${field(row.value)}\t${field(row.errors)}\n`)
    .join('');
  const copying = tx as Tx & { pipeline: boolean };
  // pg sends no COPY on a connection that pipelines; this one has nothing else under way.
  copying.pipeline = false;
  try {
    const copy = tx.query(copyFrom('copy imports.staged_row (import_id, row_no, verdict, cells, value, errors) from stdin'));
    await pipeline([Buffer.from(text)], copy);
  } finally {
    copying.pipeline = true;
  }
};

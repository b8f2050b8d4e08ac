import { inTransaction } from '@khue/messaging/database';
import type { Pool } from 'pg';
import type { ImportJob, ImportKind, Outcome, Tx } from './import-kind.ts';
import { rowColumn } from './layout.ts';
import { indexOrder, lockClaimed, moveOn, nextRows, saveOutcomes, type Claimed, type Staged } from './progress.ts';
import { rowId } from './row-id.ts';
import type { ImportRow } from './store.ts';

/** `gone`: another holds the import now, or it was turned round. */
export type ChunkResult = 'more' | 'finished' | 'gone';

const jobOf = (row: ImportRow): ImportJob => ({
  id: row.id,
  kind: row.kind,
  actor: (row.state === 'committing' ? row.committed_by : row.revoked_by) ?? row.actor,
  unitId: row.unit_id,
  context: row.context ?? {},
});

const chunk = (
  pool: Pool,
  claimed: Claimed,
  holder: string,
  limit: number,
  work: (tx: Tx, row: ImportRow, staged: readonly Staged[]) => Promise<readonly Outcome[]>,
): Promise<ChunkResult> =>
  inTransaction(
    pool,
    async (tx) => {
      const row = await lockClaimed(tx, claimed, holder);
      if (!row) return 'gone';
      const staged = await nextRows(tx, row, limit);
      const outcomes = staged.length > 0 ? await work(tx, row, staged) : [];
      await saveOutcomes(tx, row.id, outcomes);
      const last = staged.at(-1)?.row_no;
      const lastRow = last === undefined ? row.last_row : row.state === 'committing' ? last : last - 1;
      const finished = staged.length < limit;
      await moveOn(tx, row, { lastRow, rows: staged.length, finished });
      return finished ? 'finished' : 'more';
    },
    indexOrder,
  );

/** Applies or revokes the next rows and moves the progress, in one transaction: killed anywhere, it has happened once or not at all. */
export const runChunk = (pool: Pool, kind: ImportKind, claimed: Claimed, holder: string, limit: number): Promise<ChunkResult> =>
  chunk(pool, claimed, holder, limit, async (tx, row, staged) => {
    const fileHash = row.file_hash ?? '';
    const rows = staged.map(({ row_no: rowNo, value }) => ({ id: rowId(fileHash, rowNo), rowNo, value }));
    if (row.state === 'committing') return kind.apply(rows, tx, jobOf(row));
    await kind.revoke(rows, tx, jobOf(row));
    return [];
  });

/** Takes the next row out of the commit: alone in its chunk, and the database did not accept it. */
export const rejectNext = (pool: Pool, claimed: Claimed, holder: string): Promise<ChunkResult> =>
  chunk(pool, claimed, holder, 1, async (_tx, _row, staged) =>
    staged.map(({ row_no: rowNo }) => ({
      rowNo,
      outcome: 'rejected',
      errors: [
        {
          column: rowColumn,
          code: 'row-unacceptable',
          vi: 'Cơ sở dữ liệu không nhận một giá trị của dòng.',
          en: 'The database does not accept a value of the row.',
          mend: { vi: 'Kiểm tra các số quá lớn và ký tự lạ trong dòng.', en: 'Look for numbers out of range and odd characters in the row.' },
        },
      ],
    })),
  );

import { disarm } from '@khue/contracts/csv-cell';
import { inTransaction } from '@khue/messaging/database';
import { stringify } from 'csv-stringify/sync';
import type { Pool } from 'pg';
import { errorColumns } from './heading.ts';
import type { Tx } from './import-kind.ts';
import { rowColumn, type CellError } from './layout.ts';
import { importChunks } from './limits.ts';
import { indexOrder } from './progress.ts';
import type { ImportRow } from './store.ts';

/** What of an import the file needs. */
export type RejectedOf = Pick<ImportRow, 'id' | 'separator' | 'heading' | 'places' | 'width'>;

interface RejectedRow {
  readonly cells: readonly string[];
  readonly errors: readonly CellError[];
}

export interface RejectedWriter {
  readonly heading: string;
  lines(rows: readonly RejectedRow[]): string;
}

/**
 * Writes rejected rows in the layout they came in: the same heading row, separator and cells, formulas made harmless, and three columns more that
 * say what to mend. UTF-8 with byte order mark, for Excel.
 */
export const rejectedWriter = ({ separator, heading, places, width }: Omit<RejectedOf, 'id'>): RejectedWriter => {
  const titles = heading ?? [];
  const titleOf = new Map(Object.entries(places ?? {}).map(([key, place]) => [key, titles[place] ?? key]));
  // Quoted for any line break: left to itself it looks for CR LF only.
  const options = { delimiter: separator ?? ',', record_delimiter: 'windows' as const, quoted_match: /[\r\n]/ };
  const padded = (cells: readonly string[]): string[] => Array.from({ length: width }, (_, place) => disarm(cells[place] ?? ''));
  return {
    heading: `\uFEFF${stringify([[...padded(titles), ...Object.values(errorColumns)]], options)}`,
    lines: (rows) =>
      stringify(
        rows.map(({ cells, errors }) => [...padded(cells), ...explain(errors, titleOf)]),
        options,
      ),
  };
};

/** The rejected rows as a CSV file, in the order of the file; read page by page, so that memory is bounded. */
export async function* rejectedCsv(pool: Pool, of: RejectedOf): AsyncGenerator<string> {
  const writer = rejectedWriter(of);
  yield writer.heading;
  for (let after = 0; ;) {
    // A transaction a page, for its setting: none stays open while the client takes its time.
    const rows = await inTransaction(pool, (tx) => readPage(tx, of.id, after), indexOrder);
    if (rows.length > 0) yield writer.lines(rows);
    const last = rows.at(-1);
    if (!last || rows.length < importChunks.rejectedRows) return;
    after = last.row_no;
  }
}

type NumberedRow = RejectedRow & { readonly row_no: number };

const readPage = async (tx: Tx, id: string, after: number): Promise<readonly NumberedRow[]> => {
  const { rows } = await tx.query<NumberedRow>({
    name: 'imports-rejected',
    text: `select row_no, cells, errors from imports.staged_row where import_id = $1 and verdict = 'rejected' and row_no > $2 order by row_no limit $3`,
    values: [id, after, importChunks.rejectedRows],
  });
  return rows;
};

/** The three cells: columns as the file names them, rules, mends; each in the order of the errors. */
const explain = (errors: readonly CellError[], titleOf: ReadonlyMap<string, string>): string[] => {
  const several = (texts: readonly string[]): string =>
    disarm(texts.map((text, place) => (texts.length > 1 ? `(${place + 1}) ${text}` : text)).join(' '));
  return [
    several(errors.map(({ column }) => (column === rowColumn ? 'cả dòng / whole row' : (titleOf.get(column) ?? column)))),
    several(errors.map(({ vi, en }) => `${vi} / ${en}`)),
    several(errors.map(({ mend }) => `${mend.vi} / ${mend.en}`)),
  ];
};

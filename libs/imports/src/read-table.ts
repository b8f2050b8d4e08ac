import { setImmediate as nextTurn } from 'node:timers/promises';
import { rearm } from '@khue/contracts/csv-cell';
import { CsvError, parse, type Options, type Parser } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { textBytes, type FileTally } from './file-bytes.ts';
import { countMatches, headingIndex, readHeading, requiredTitles, type Heading } from './heading.ts';
import { isBlank, type Layout } from './layout.ts';
import { importLimits } from './limits.ts';
import { FileRefused } from './refusals.ts';

export type Separator = ',' | ';' | '\t';

export interface SourceRow {
  /** 1-based, as a spreadsheet shows it: blank rows and the title block count, a line break inside a cell does not. */
  readonly rowNo: number;
  /** As in the file (formulas of our own files rearmed), without our error columns; as many as the heading has, more only where the row has more. */
  readonly cells: readonly string[];
}

export interface Table {
  readonly heading: Heading;
  readonly separator: Separator;
  /** In the order of the file, some hundred at a time; blank rows left out. Throws FileRefused where the file can't be read further. */
  readonly rows: AsyncIterable<readonly SourceRow[]>;
  /** Complete once `rows` has ended. */
  readonly tally: Readonly<FileTally>;
}

const SEPARATORS: readonly Separator[] = [',', ';', '\t'];

const options = (separator: Separator): Options => ({
  delimiter: separator,
  // Named, not discovered: a file pasted together has several kinds, and discovery keeps to the first.
  record_delimiter: ['\r\n', '\n', '\r'],
  relax_column_count: true,
  max_record_size: importLimits.recordBytes,
});

/**
 * Reads a CSV file of the layout: finds separator and heading row, then hands out rows as bytes arrive, so that memory is bounded by the slice
 * and not by the file. Throws FileRefused, also while `rows` is read.
 */
export const readTable = async <Row>(source: AsyncIterable<Uint8Array>, layout: Layout<Row>): Promise<Table> => {
  const tally: FileTally = { bytes: 0, hash: '' };
  const bytes = textBytes(source, tally);
  const head: Uint8Array[] = [];
  let length = 0;
  let whole = false;
  while (length < importLimits.headBytes && !whole) {
    const { value, done } = await bytes.next();
    if (done) whole = true;
    else {
      head.push(value);
      length += value.length;
    }
  }
  const { separator, heading, fromHeading } = findHeading(layout, Buffer.concat(head.splice(0)), whole);
  return { heading, separator, tally, rows: readRows(again(fromHeading, bytes), separator, heading) };
};

async function* again(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < first.length; at += importLimits.sliceBytes) yield first.subarray(at, at + importLimits.sliceBytes);
  yield* rest;
}

/** Tries each separator and takes the row that names most columns: counting separators would be fooled by titles and decimal commas. */
const findHeading = <Row>(layout: Layout<Row>, head: Buffer, whole: boolean): { separator: Separator; heading: Heading; fromHeading: Buffer } => {
  const index = headingIndex(layout);
  let best: { separator: Separator; rowNo: number; row: readonly string[]; matches: number; at: number } | undefined;
  let broken: FileRefused | undefined;
  for (const separator of SEPARATORS) {
    const rows: { row: string[]; end: number }[] = [];
    try {
      parseSync(head, {
        ...options(separator),
        to: importLimits.headingRows,
        on_record: (row: string[], { bytes }) => void rows.push({ row, end: bytes }),
      });
    } catch (error) {
      const end = !whole && error instanceof CsvError && error.code === 'CSV_QUOTE_NOT_CLOSED';
      if (!end) broken ??= refusalOf(error, rows.length + 1);
    }
    // The last row may have been cut where the head ends.
    if (!whole && rows.length > 1 && rows.length < importLimits.headingRows) rows.pop();
    for (const [place, { row }] of rows.entries()) {
      const matches = countMatches(index, row);
      if (matches > (best?.matches ?? 0)) best = { separator, rowNo: place + 1, row, matches, at: rows[place - 1]?.end ?? 0 };
    }
  }
  if (!best) throw broken ?? new FileRefused('heading-row-missing', { rows: importLimits.headingRows, columns: requiredTitles(layout) });
  // The parser that reads the rows begins at the heading: a row of another width than its first one costs it an error object (25 µs).
  return { separator: best.separator, heading: readHeading(layout, index, best.rowNo, best.row), fromHeading: head.subarray(best.at) };
};

async function* readRows(bytes: AsyncIterable<Uint8Array>, separator: Separator, heading: Heading): AsyncGenerator<readonly SourceRow[]> {
  const skipped = new Set(heading.errorPlaces);
  const width = heading.cells.length;
  let ready: SourceRow[] = [];
  let rowNo = heading.rowNo - 1;
  let sinceRow = 0;
  const take = (record: readonly string[]): void => {
    rowNo += 1;
    sinceRow = 0;
    if (rowNo <= heading.rowNo || record.every(isBlank)) return;
    if (record.length > importLimits.columns) throw new FileRefused('too-many-columns', { row: rowNo, limit: importLimits.columns });
    if (rowNo > importLimits.rows) throw new FileRefused('too-many-rows', { limit: importLimits.rows });
    const cells = (skipped.size === 0 ? record : record.filter((_, place) => !skipped.has(place))).map(rearm);
    while (cells.length > width && isBlank(cells[cells.length - 1] ?? '')) cells.pop();
    while (cells.length < width) cells.push('');
    ready.push({ rowNo, cells });
  };
  // Records are taken where they are made; nothing goes through the stream's own buffer.
  const parser = parse({ ...options(separator), on_record: (record: string[]) => void take(record) }).resume();
  let failed: Error | undefined;
  parser.on('error', (error) => (failed ??= error));
  try {
    for await (const slice of bytes) {
      sinceRow += slice.length;
      await written(parser, slice);
      if (failed) throw failed;
      // csv-parse counts characters of cells: a row of nothing but separators would grow for ever.
      if (sinceRow > importLimits.recordBytes + importLimits.sliceBytes)
        throw new FileRefused('record-too-long', { row: rowNo + 1, limit: importLimits.recordBytes });
      if (ready.length > 0) {
        yield ready;
        ready = [];
      }
      await nextTurn();
    }
    await ended(parser);
    if (failed) throw failed;
  } catch (error) {
    throw refusalOf(error, rowNo + 1);
  } finally {
    parser.destroy();
  }
  if (ready.length > 0) yield ready;
}

const written = (parser: Parser, slice: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => parser.write(slice, (error) => (error ? reject(error) : resolve())));

const ended = (parser: Parser): Promise<void> =>
  new Promise((resolve, reject) => {
    parser.once('end', resolve).once('error', reject).end();
  });

/** What csv-parse complains about, without the cell that its message quotes. */
const refusalOf = (error: unknown, row: number): FileRefused => {
  if (error instanceof FileRefused) return error;
  if (!(error instanceof CsvError)) throw error;
  if (error.code === 'CSV_MAX_RECORD_SIZE') return new FileRefused('record-too-long', { row, limit: importLimits.recordBytes });
  return new FileRefused('quote-broken', { row });
};

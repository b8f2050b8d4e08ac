import type { FileTally } from './file-bytes.ts';
import type { Heading } from './heading.ts';
import { rowParser, type Layout, type RowRead } from './layout.ts';
import { importChunks } from './limits.ts';
import { readTable, type Separator } from './read-table.ts';

export interface ParsedRow<Row> {
  readonly rowNo: number;
  /** As JSON: made where the row is parsed, for it is stored and hardly ever looked at. */
  readonly cells: string;
  /** How many cells. */
  readonly width: number;
  readonly read: RowRead<Row>;
}

export interface ParsedFile<Row> {
  readonly heading: Heading;
  readonly separator: Separator;
  /** In chunks fit for one transaction. Throws FileRefused. */
  readonly chunks: AsyncIterable<readonly ParsedRow<Row>[]>;
  /** Complete once `chunks` has ended. */
  readonly tally: Readonly<FileTally>;
}

/** Reads a file and each of its rows by the layout. Throws FileRefused, also while `chunks` is read. */
export const parseFile = async <Row>(source: AsyncIterable<Uint8Array>, layout: Layout<Row>): Promise<ParsedFile<Row>> => {
  const { heading, separator, rows, tally } = await readTable(source, layout);
  const parse = rowParser(layout, heading.places, heading.cells.length);
  const chunks = async function* (): AsyncGenerator<readonly ParsedRow<Row>[]> {
    let chunk: ParsedRow<Row>[] = [];
    let length = 0;
    for await (const some of rows) {
      for (const { rowNo, cells } of some) {
        const text = JSON.stringify(cells);
        chunk.push({ rowNo, cells: text, width: cells.length, read: parse(cells) });
        length += text.length;
        if (chunk.length === importChunks.stageRows || length >= importChunks.stageLength) {
          yield chunk;
          chunk = [];
          length = 0;
        }
      }
    }
    if (chunk.length > 0) yield chunk;
  };
  return { heading, separator, chunks: chunks(), tally };
};

import { rearm } from '@khue/contracts/csv-cell';
import { fold } from '@khue/contracts/text';
import { columnsOf, isBlank, type Layout } from './layout.ts';
import { importLimits } from './limits.ts';
import { FileRefused } from './refusals.ts';

/** The columns added to the file of rejected rows; ignored when that file comes back. */
export const errorColumns = { column: 'lỗi_cột', rule: 'lỗi_quy_tắc', mend: 'cách_sửa' } as const;

/** Where a file has its columns. */
export interface Heading {
  /** 1-based, as a spreadsheet shows it. */
  readonly rowNo: number;
  /** As in the file (rearmed), without our error columns and without blanks at the end: rows of the file are cut to the same cells. */
  readonly cells: readonly string[];
  /** By column key: the place among `cells`. */
  readonly places: Readonly<Record<string, number>>;
  /** Places in the file that belong to our error columns, ascending. */
  readonly errorPlaces: readonly number[];
  /** Headings nobody reads; their cells come back with rejected rows. */
  readonly ignored: readonly string[];
}

const keyOf = (heading: string): string =>
  fold(heading)
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

const ERROR_KEYS: ReadonlySet<string> = new Set(Object.values(errorColumns).map(keyOf));

/** Column key by folded heading. Throws where two columns of the layout claim one heading: that is a bug of the layout. */
export const headingIndex = <Row>(layout: Layout<Row>): ReadonlyMap<string, string> => {
  const index = new Map<string, string>();
  for (const [key, { headings }] of columnsOf(layout)) {
    for (const name of [headings.vi, headings.en, ...(headings.aliases ?? [])]) {
      const other = index.get(keyOf(name));
      if ((other !== undefined && other !== key) || ERROR_KEYS.has(keyOf(name)))
        throw new Error(`layout ${layout.id}: the heading "${name}" is claimed twice`);
      index.set(keyOf(name), key);
    }
  }
  return index;
};

/** How many different columns of the layout the row names. */
export const countMatches = (index: ReadonlyMap<string, string>, cells: readonly string[]): number =>
  new Set(
    cells
      .slice(0, importLimits.columns)
      .map((cell) => index.get(keyOf(cell)))
      .filter((key) => key !== undefined),
  ).size;

/** Takes a row as the heading row. Throws FileRefused where a column is missing or there twice. */
export const readHeading = <Row>(layout: Layout<Row>, index: ReadonlyMap<string, string>, rowNo: number, row: readonly string[]): Heading => {
  if (row.length > importLimits.columns) throw new FileRefused('too-many-columns', { row: rowNo, limit: importLimits.columns });
  const titles = new Map(columnsOf(layout).map(([key, column]) => [key, column.headings.vi]));
  const places: Record<string, number> = {};
  const errorPlaces: number[] = [];
  const cells: string[] = [];
  const ignored: string[] = [];
  const seen = new Map<string, number>();
  row.forEach((written, place) => {
    const cell = rearm(written);
    const name = keyOf(cell);
    if (ERROR_KEYS.has(name)) {
      errorPlaces.push(place);
      return;
    }
    const key = index.get(name);
    if (key === undefined) {
      if (!isBlank(cell)) ignored.push(cell);
    } else {
      if (places[key] !== undefined)
        throw new FileRefused('column-duplicate', { column: titles.get(key) ?? key, first: (seen.get(key) ?? 0) + 1, second: place + 1 });
      places[key] = cells.length;
      seen.set(key, place);
    }
    cells.push(cell);
  });
  while (cells.length > 0 && isBlank(cells.at(-1) ?? '')) cells.pop();
  const missing = columnsOf(layout)
    .filter(([key, column]) => column.required && places[key] === undefined)
    .map(([, column]) => column.headings.vi);
  if (missing.length > 0) throw new FileRefused('column-missing', { row: rowNo, columns: missing.join(', ') });
  return { rowNo, cells, places, errorPlaces, ignored };
};

/** The required columns, as `heading-row-missing` names them. */
export const requiredTitles = <Row>(layout: Layout<Row>): string =>
  columnsOf(layout)
    .filter(([, column]) => column.required)
    .map(([, column]) => column.headings.vi)
    .join(', ');

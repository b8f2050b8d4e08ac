import type { CellRefusal, Notice } from '@khue/contracts/text';
import { importLimits } from './limits.ts';

/** What was read of one cell. A refusal says what is wrong and how to mend it, and never quotes the cell. */
export type Cell<Value> = { readonly ok: true; readonly value: Value; readonly warnings?: readonly Notice[] } | CellRefusal;

export interface Column<Value> {
  /** Recognized without regard to case, diacritics and punctuation. `vi` names the column in messages. */
  readonly headings: { readonly vi: string; readonly en: string; readonly aliases?: readonly string[] };
  /** The file must have the column, and each row a value in it. */
  readonly required: boolean;
  /** Pure. Gets cells that are not blank. */
  readonly parse: (cell: string) => Cell<Value>;
}

/** What is wrong with a row: which column (a key of the layout, or `rowColumn`), which rule, what it says, how to mend it. */
export interface CellError extends Notice {
  readonly column: string;
  readonly mend: { readonly vi: string; readonly en: string };
}

/** Something odd about a row that is taken all the same. */
export interface CellWarning extends Notice {
  readonly column: string;
}

export interface Review {
  readonly errors?: readonly CellError[];
  readonly warnings?: readonly CellWarning[];
}

/**
 * The columns of a file and the value a row becomes. A new meaning of the same cells is a new version: it is part of the plan's hash.
 * Plain functions without state, for files are parsed in a worker that imports the layout by module and name.
 */
export interface Layout<Row> {
  readonly id: string;
  readonly version: number;
  readonly columns: { readonly [Key in keyof Row & string]-?: Column<Exclude<Row[Key], undefined>> };
  /** Looks at cells together once each of them was read, such as an identity number beside a birth. */
  review?(row: Row): Review;
}

/** Stands for the row as a whole where an error has no column. */
export const rowColumn = '*';

export type RowRead<Row> =
  | { readonly ok: true; readonly value: Row; readonly warnings: readonly CellWarning[] }
  | { readonly ok: false; readonly errors: readonly CellError[] };

const BLANK = /^[\s\p{Z}\p{Cf}]*$/u;
/** True where nothing shows: also non-breaking and zero-width blanks. */
export const isBlank = (cell: string): boolean => cell === '' || BLANK.test(cell);

const missing = (column: string): CellError => ({
  column,
  code: 'cell-missing',
  vi: 'Ô bắt buộc đang để trống.',
  en: 'The cell is required and blank.',
  mend: { vi: 'Điền giá trị vào ô.', en: 'Fill the cell in.' },
});

const tooLong = (column: string): CellError => ({
  column,
  code: 'cell-too-long',
  vi: `Ô dài hơn ${importLimits.cellLength} ký tự.`,
  en: `The cell is longer than ${importLimits.cellLength} characters.`,
  mend: { vi: 'Rút ngắn ô, hoặc kiểm tra dấu ngoặc kép của dòng.', en: 'Shorten the cell, or check the quotation marks of the row.' },
});

const beyondHeadings: CellError = {
  column: rowColumn,
  code: 'row-has-extra-cells',
  vi: 'Dòng có nhiều ô hơn dòng tiêu đề; các ô có thể đã lệch cột.',
  en: 'The row has more cells than the heading row; its cells may have moved to other columns.',
  mend: {
    vi: 'Đặt ô có chứa dấu phân cách trong dấu ngoặc kép, hoặc xóa các ô thừa cuối dòng.',
    en: 'Put the cell that contains the separator in quotation marks, or remove the extra cells at the end.',
  },
};

/** The columns with their keys, where the value they make does not matter. */
export const columnsOf = <Row>(layout: Layout<Row>): readonly (readonly [key: string, column: Column<unknown>])[] =>
  Object.entries(layout.columns as Readonly<Record<string, Column<unknown>>>);

/**
 * A reader of rows by their layout. `places` says which cell belongs to which column (absent: not in the file), `width` how many cells the heading
 * row has. All errors of a row come back together, so that a clerk mends it once.
 */
export const rowParser = <Row>(
  layout: Layout<Row>,
  places: Readonly<Record<string, number>>,
  width: number,
): ((cells: readonly string[]) => RowRead<Row>) => {
  const columns = columnsOf(layout).map(([key, column]) => ({ key, column, place: places[key] ?? -1 }));
  return (cells) => {
    const value: Record<string, unknown> = {};
    const errors: CellError[] = cells.length > width ? [beyondHeadings] : [];
    const warnings: CellWarning[] = [];
    for (const { key, column, place } of columns) {
      const cell = cells[place] ?? '';
      if (isBlank(cell)) {
        if (column.required) errors.push(missing(key));
      } else if (cell.length > importLimits.cellLength) {
        errors.push(tooLong(key));
      } else {
        const read = column.parse(cell);
        if (read.ok) {
          value[key] = read.value;
          for (const warning of read.warnings ?? []) warnings.push({ column: key, ...warning });
        } else {
          errors.push({ column: key, code: read.code, vi: read.vi, en: read.en, mend: read.mend });
        }
      }
    }
    if (errors.length > 0) return { ok: false, errors };
    const row = value as Row;
    const review = layout.review?.(row);
    if (review?.errors && review.errors.length > 0) return { ok: false, errors: review.errors };
    return { ok: true, value: row, warnings: review?.warnings ? [...warnings, ...review.warnings] : warnings };
  };
};

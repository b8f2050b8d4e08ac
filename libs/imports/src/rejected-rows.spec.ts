import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CellError } from './layout.ts';
import { layout } from './people.fixture.ts';
import { readTable, type SourceRow, type Table } from './read-table.ts';
import { rejectedWriter } from './rejected-rows.ts';

const bytesOf = async function* (text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
};
const readAll = async (text: string): Promise<Table & { all: SourceRow[] }> => {
  const table = await readTable(bytesOf(text), layout);
  const all: SourceRow[] = [];
  for await (const some of table.rows) all.push(...some);
  return { ...table, all };
};
const write = ({ separator, heading }: Table, rows: readonly { cells: readonly string[]; errors: readonly CellError[] }[], width: number): string => {
  const writer = rejectedWriter({ separator, heading: heading.cells, places: heading.places, width });
  return writer.heading + writer.lines(rows);
};
const error: CellError = { column: 'fullName', code: 'x', vi: '=sai', en: 'wrong', mend: { vi: '-sửa', en: 'mend' } };

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;
const nasty = fc.oneof(
  fc.constantFrom(
    '=1+1',
    "'=1+1",
    '+84 912',
    '-',
    '@x',
    '\t=1',
    '\r\n=1',
    "''",
    '"',
    '""',
    ',;\t',
    'a\nb',
    'a\rb',
    ' x ',
    'Thành uỷ'.normalize('NFD'),
    '\u00A0',
    '\uFEFF=1',
    '＝1',
    '',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text.isWellFormed() && !text.includes('\0')),
);

it('rejected rows that come back hold the same cells, whatever is in them, and nothing in the file runs as a formula', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(',', ';', '\t'),
      fc.array(fc.array(nasty, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 }),
      async (separator, lines) => {
        const original = await readAll(
          [['Họ và tên', 'CCCD', '=Ghi chú', 'Đơn vị'], ...lines].map((line) => line.map(quoted).join(separator)).join('\n'),
        );
        const width = Math.max(4, ...original.all.map((row) => row.cells.length));
        const file = write(
          original,
          original.all.map(({ cells }) => ({ cells, errors: [error, error] })),
          width,
        );
        const back = await readAll(file);
        expect(back.heading.cells).toEqual(original.heading.cells);
        expect(back.separator).toBe(original.all.length > 0 ? separator : back.separator);
        expect(back.all.map((row) => row.cells)).toEqual(original.all.map((row) => row.cells));
        // The same file again, for those who send it back without mending.
        expect(
          write(
            back,
            back.all.map(({ cells }) => ({ cells, errors: [error, error] })),
            width,
          ),
        ).toBe(file);
        for (const cell of parse(file.slice(1), { delimiter: separator, relax_column_count: true }).flat())
          expect(cell).not.toMatch(/^[\s\p{Cf}]*[=+@＝-]/u);
      },
    ),
    { numRuns: 300 },
  );
});

it('a rejected row says which columns, by the names they have in the file, which rules and how to mend them', () => {
  const writer = rejectedWriter({ separator: ';', heading: ['Tên', 'Số'], places: { fullName: 0, identityNumber: 1 }, width: 3 });
  expect(writer.heading).toBe('\uFEFFTên;Số;;lỗi_cột;lỗi_quy_tắc;cách_sửa\r\n');
  expect(writer.lines([{ cells: ['An', '1'], errors: [error, { ...error, column: '*' }] }])).toBe(
    'An;1;;(1) Tên (2) cả dòng / whole row;(1) =sai / wrong (2) =sai / wrong;(1) -sửa / mend (2) -sửa / mend\r\n',
  );
  expect(writer.lines([{ cells: ['=1', '2', '+3'], errors: [error] }])).toBe("'=1;2;'+3;Tên;'=sai / wrong;'-sửa / mend\r\n");
});

import { parseVietnameseDate } from '@khue/contracts/dates';
import { parseIdentityNumber } from '@khue/contracts/identity-number';
import { fold, normalizeText, text } from '@khue/contracts/text';
import type { Notice } from '@khue/contracts/text';
import type { Cell, Column } from './layout.ts';

type Headings = Column<unknown>['headings'];

/** One line of text of at most `max` characters, normalized. */
export const textColumn = (headings: Headings, { required, max }: { required: boolean; max: number }): Column<string> => {
  const schema = text({ max });
  return {
    headings,
    required,
    parse: (cell) => {
      const read = schema.safeParse(cell);
      if (read.success) return { ok: true, value: read.data };
      const [issue] = read.error.issues;
      const notice = (issue as { params?: Notice } | undefined)?.params;
      if (!notice) throw new Error('a text was refused without a notice');
      return { ok: false, code: notice.code, vi: notice.vi, en: notice.en, mend: { vi: 'Sửa nội dung ô.', en: 'Correct the text of the cell.' } };
    },
  };
};

/** The 12-digit identity number. A lost leading zero or 1.23E+11 is refused, never guessed. */
export const identityNumberColumn = (headings: Headings, { required }: { required: boolean }): Column<string> => ({
  headings,
  required,
  parse: (cell) => {
    const read = parseIdentityNumber(cell);
    return read.ok ? { ok: true, value: read.number, warnings: read.warnings } : read;
  },
});

/** A birth: `YYYY-MM-DD`, or `YYYY` where only the year is known. */
export const birthColumn = (headings: Headings, { required }: { required: boolean }): Column<string> => ({
  headings,
  required,
  parse: parseVietnameseDate,
});

/** A day, `YYYY-MM-DD`. */
export const dayColumn = (headings: Headings, { required }: { required: boolean }): Column<string> => ({
  headings,
  required,
  parse: (cell) => {
    const read = parseVietnameseDate(cell);
    if (!read.ok || read.value.length > 4) return read;
    return {
      ok: false,
      code: 'date-day-missing',
      vi: 'Chỉ có năm, thiếu ngày và tháng.',
      en: 'It has only a year; day and month are missing.',
      mend: { vi: 'Ghi đủ ngày/tháng/năm, ví dụ 19/5/2021.', en: 'Write day/month/year, such as 19/5/2021.' },
    };
  },
});

const CODE = /^[\p{L}\p{N}][\p{L}\p{N}._/:+-]{0,79}$/u;

/** A code of a catalog or a document number, such as K74.B01 or 3735-QĐ/TU. Blanks around its marks are dropped. */
export const codeColumn = (headings: Headings, { required }: { required: boolean }): Column<string> => ({
  headings,
  required,
  parse: (cell) => {
    const value = normalizeText(cell).replace(/ ?([./:+-]) ?/g, '$1');
    if (CODE.test(value)) return { ok: true, value };
    return {
      ok: false,
      code: 'code-invalid',
      vi: 'Không phải một mã: chỉ gồm chữ, số và các dấu . _ / : + -, dài nhất 80 ký tự.',
      en: 'Not a code: letters, digits and the marks . _ / : + - only, 80 characters at most.',
      mend: { vi: 'Ghi mã đúng như trong danh mục hoặc văn bản.', en: 'Write the code as the catalog or document has it.' },
    };
  },
});

/** One of a closed list: how it may be written, and the value it means. `{ nam: 'male', nữ: 'female', female: 'female' }`. */
export const oneOfColumn = <Value extends string>(
  headings: Headings,
  { required, choices }: { required: boolean; choices: Readonly<Record<string, Value>> },
): Column<Value> => {
  const known = new Map(Object.entries(choices).map(([written, value]) => [fold(written), value]));
  const list = Object.keys(choices).join(', ');
  return {
    headings,
    required,
    parse: (cell): Cell<Value> => {
      const value = known.get(fold(cell));
      if (value !== undefined) return { ok: true, value };
      return {
        ok: false,
        code: 'choice-unknown',
        vi: 'Giá trị không có trong danh sách.',
        en: 'The value is not on the list.',
        mend: { vi: `Ghi một trong: ${list}.`, en: `Write one of: ${list}.` },
      };
    },
  };
};

import type { CellError } from '@khue/imports/layout';
import type { TurnColumn, TurnRefusal, Wrong } from '../domain/past-turns.ts';

type Words = Pick<CellError, 'vi' | 'en' | 'mend'>;

/** Why a row of past turns is not taken, and how to mend it. Codes of units, programs and classes may be named; cells of people never. */
const words: Readonly<Record<TurnRefusal, Words>> = {
  'person-unknown': {
    vi: 'Chưa có hồ sơ người mang số định danh này.',
    en: 'Nobody with this identity number is on record.',
    mend: {
      vi: 'Kiểm tra lại số; nếu đúng thì nhập danh sách người trước.',
      en: 'Check the number; if it is right, import the list of people first.',
    },
  },
  'person-name-differs': {
    vi: 'Họ tên không khớp với hồ sơ của số định danh này.',
    en: 'The name is not that of the record with this identity number.',
    mend: {
      vi: 'Kiểm tra số định danh và họ tên; sai hồ sơ thì sửa hồ sơ trước.',
      en: 'Check number and name; mend the record first if that one is wrong.',
    },
  },
  'unit-code-unknown': {
    vi: 'Không có đơn vị nào mang mã này.',
    en: 'No unit has this code.',
    mend: { vi: 'Ghi mã đúng như danh mục đơn vị của thời gian đó.', en: 'Write the code as the list of units of that time has it.' },
  },
  'unit-not-there': {
    vi: 'Đơn vị không tồn tại vào ngày bắt đầu của lớp.',
    en: 'The unit did not exist on the first day of the class.',
    mend: {
      vi: 'Ghi đơn vị của thời gian đó, không ghi đơn vị kế thừa ngày nay.',
      en: 'Name the unit of that time, not the one that continues it today.',
    },
  },
  'out-of-scope': {
    vi: 'Đơn vị nằm ngoài phạm vi được giao của người nhập.',
    en: 'The unit is outside the grant of whoever imports.',
    mend: { vi: 'Bỏ dòng này, hoặc nhờ đơn vị có quyền nhập.', en: 'Leave the row out, or let those over the unit import it.' },
  },
  'program-unknown': {
    vi: 'Chưa có khung chương trình mã này.',
    en: 'No program has this code.',
    mend: { vi: 'Ban hành chương trình trước, hoặc sửa mã.', en: 'Publish the program first, or mend the code.' },
  },
  'program-not-in-force': {
    vi: 'Chương trình chưa có phiên bản có hiệu lực vào ngày bắt đầu của lớp.',
    en: 'No version of the program was in force on the first day of the class.',
    mend: { vi: 'Ban hành phiên bản có hiệu lực từ ngày đó, hoặc sửa ngày.', en: 'Publish a version in force from that day, or mend the date.' },
  },
  'class-contradicted': {
    vi: 'Lớp mã này đã được ghi với nội dung khác ở cột này.',
    en: 'The class of this code is on record, or in a row above, with another value in this column.',
    mend: { vi: 'Sửa cho khớp với lớp đã ghi; nếu là lớp khác thì ghi mã khác.', en: 'Make it agree; if it is another class, give it another code.' },
  },
  'turn-recorded-otherwise': {
    vi: 'Lượt của người này trong lớp đã được ghi với nội dung khác ở cột này.',
    en: "The person's turn in the class is on record with another value in this column.",
    mend: {
      vi: 'Sửa cho khớp, hoặc thu hồi lần nhập trước rồi nhập lại.',
      en: 'Make it agree, or take the earlier import back and import again.',
    },
  },
};

/** Of the unit that held the class, which may be left out. */
const wordsOfHost: Readonly<Partial<Record<TurnRefusal, Words>>> = {
  'unit-code-unknown': {
    ...words['unit-code-unknown'],
    mend: {
      vi: 'Ghi mã đúng như danh mục đơn vị của thời gian đó, hoặc để trống.',
      en: 'Write the code as the list of units of that time has it, or leave it blank.',
    },
  },
  'unit-not-there': {
    vi: 'Đơn vị tổ chức không tồn tại vào ngày bắt đầu của lớp.',
    en: 'The host did not exist on the first day of the class.',
    mend: { vi: 'Ghi đơn vị tổ chức của thời gian đó.', en: 'Name the host of that time.' },
  },
};

export const cellError = ({ column, code }: Wrong): CellError => ({
  column,
  code,
  ...((column === 'hostUnitCode' ? wordsOfHost[code] : undefined) ?? words[code]),
});

/** The refusal of a row that was planned, when the world had moved on: its codes and fields are those of the plan. Throws for any other, which is a bug. */
export const cellErrorOf = ({ code, field }: { readonly code: string; readonly field?: string }): CellError => {
  if (!(code in words)) throw new Error(`a row was refused as ${code}`);
  return cellError({ code: code as TurnRefusal, column: field as TurnColumn });
};

import { codeColumn, dayColumn, identityNumberColumn, textColumn } from '@khue/imports/columns';
import type { Layout } from '@khue/imports/layout';

/** A line of a class list of the past: who, in which class of which program, sent by which unit of that time. */
export interface PastTurnRow {
  readonly identityNumber: string;
  /** Held against the card: a number that lost or swapped a digit may be somebody else's. */
  readonly name?: string;
  readonly classCode: string;
  readonly programCode: string;
  readonly unitCode: string;
  readonly hostUnitCode?: string;
  readonly from: string;
  readonly to: string;
  readonly documentNo: string;
}

/** Functions and plain data only: a worker imports this module by itself to read the file. */
export const layout: Layout<PastTurnRow> = {
  id: 'enrollment-past-turns',
  version: 1,
  columns: {
    identityNumber: identityNumberColumn(
      {
        vi: 'Số định danh',
        en: 'Identity number',
        aliases: ['Số định danh cá nhân', 'CCCD', 'Số CCCD', 'Căn cước', 'Số căn cước', 'Căn cước công dân', 'Số căn cước công dân'],
      },
      { required: true },
    ),
    name: textColumn(
      { vi: 'Họ và tên', en: 'Full name', aliases: ['Họ tên', 'Họ, tên', 'Họ và tên khai sinh', 'Họ, chữ đệm và tên', 'Name'] },
      { required: false, max: 100 },
    ),
    classCode: codeColumn({ vi: 'Mã lớp', en: 'Class code', aliases: ['Lớp', 'Class'] }, { required: true }),
    programCode: codeColumn(
      { vi: 'Mã chương trình', en: 'Program code', aliases: ['Chương trình', 'Mã khung chương trình', 'Program'] },
      { required: true },
    ),
    unitCode: codeColumn(
      { vi: 'Mã đơn vị', en: 'Unit code', aliases: ['Đơn vị', 'Mã đơn vị cử', 'Đơn vị cử', 'Mã cơ quan', 'Mã cơ quan, đơn vị', 'Unit'] },
      { required: true },
    ),
    hostUnitCode: codeColumn(
      { vi: 'Mã đơn vị tổ chức', en: 'Host unit code', aliases: ['Đơn vị tổ chức', 'Mã đơn vị mở lớp', 'Đơn vị mở lớp', 'Host'] },
      { required: false },
    ),
    from: dayColumn(
      { vi: 'Từ ngày', en: 'From', aliases: ['Ngày khai giảng', 'Khai giảng', 'Ngày bắt đầu', 'Bắt đầu', 'Start date'] },
      { required: true },
    ),
    to: dayColumn({ vi: 'Đến ngày', en: 'To', aliases: ['Ngày bế giảng', 'Bế giảng', 'Ngày kết thúc', 'Kết thúc', 'End date'] }, { required: true }),
    documentNo: codeColumn(
      { vi: 'Số văn bản', en: 'Document number', aliases: ['Văn bản', 'Số quyết định', 'Quyết định', 'Căn cứ', 'Document'] },
      { required: true },
    ),
  },
  review: ({ from, to }) =>
    from <= to
      ? {}
      : {
          errors: [
            {
              column: 'to',
              code: 'class-dates',
              vi: 'Ngày kết thúc trước ngày bắt đầu.',
              en: 'The class ends before it begins.',
              mend: { vi: 'Sửa ngày bắt đầu hoặc ngày kết thúc của lớp.', en: 'Mend the first or the last day of the class.' },
            },
          ],
        },
};

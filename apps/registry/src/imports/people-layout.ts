import { DEGREES, PARTY_STATUSES, POSTS, type Post } from '@khue/contracts/eligibility-codes';
import { checkIdentityNumber } from '@khue/contracts/identity-number';
import { fold } from '@khue/contracts/text';
import { birthColumn, codeColumn, identityNumberColumn, oneOfColumn, textColumn } from '@khue/imports/columns';
import type { CellError, Column, Layout } from '@khue/imports/layout';

/** A line of a list of people, as offices keep them. */
export interface PersonRow {
  readonly identityNumber?: string;
  readonly name: string;
  readonly birth?: string;
  readonly sex?: 'male' | 'female';
  readonly unitCode: string;
  /** Null where the title is none that a rule can name. */
  readonly post?: Post | null;
  readonly degree?: (typeof DEGREES)[number];
  readonly party?: (typeof PARTY_STATUSES)[number];
}

const titles = new Map<string, Post>(
  (Object.entries(POSTS) as [Post, { vi: string; en: string }][]).flatMap(([post, { vi, en }]) =>
    [post, vi, en].map((title) => [fold(title), post] as const),
  ),
);
for (const [title, post] of [
  ['Trưởng phòng', 'division-head'],
  ['Phó trưởng phòng', 'division-deputy-head'],
  ['Phó phòng', 'division-deputy-head'],
  ['Chủ tịch UBND', 'committee-chair'],
  ['Phó chủ tịch UBND', 'committee-deputy-chair'],
  ['Chủ tịch HĐND', 'council-chair'],
  ['Phó chủ tịch HĐND', 'council-deputy-chair'],
] as const)
  titles.set(fold(title), post);

/** Lists have any title here; one that no rule knows is not taken over, and the row is. */
const postColumn: Column<Post | null> = {
  headings: { vi: 'Chức vụ', en: 'Post', aliases: ['Chức danh', 'Chức vụ, chức danh'] },
  required: false,
  parse: (cell) => {
    const post = titles.get(fold(cell));
    if (post !== undefined) return { ok: true, value: post };
    return {
      ok: true,
      value: null,
      warnings: [
        {
          code: 'post-unknown',
          vi: 'Chức vụ không có trong danh mục nên không ghi vào hồ sơ.',
          en: 'The post is not in the catalog, so it is not taken over.',
        },
      ],
    };
  },
};

const untellable: CellError = {
  column: 'birth',
  code: 'person-untellable',
  vi: 'Thiếu cả số định danh lẫn ngày sinh nên không phân biệt được người này với người trùng tên.',
  en: 'Neither identity number nor birth is given, so the person can not be told from namesakes.',
  mend: { vi: 'Điền số định danh, hoặc ngày sinh hay năm sinh.', en: 'Fill in the identity number, or the date or year of birth.' },
};

/** Functions and plain data only: a worker imports this module by itself to read the file. */
export const layout: Layout<PersonRow> = {
  id: 'registry-people',
  version: 1,
  columns: {
    identityNumber: identityNumberColumn(
      {
        vi: 'Số định danh',
        en: 'Identity number',
        aliases: ['Số định danh cá nhân', 'CCCD', 'Số CCCD', 'Căn cước', 'Số căn cước', 'Căn cước công dân', 'Số căn cước công dân'],
      },
      { required: false },
    ),
    name: textColumn(
      { vi: 'Họ và tên', en: 'Full name', aliases: ['Họ tên', 'Họ, tên', 'Họ và tên khai sinh', 'Họ, chữ đệm và tên', 'Name'] },
      { required: true, max: 100 },
    ),
    birth: birthColumn(
      {
        vi: 'Ngày sinh',
        en: 'Date of birth',
        aliases: ['Năm sinh', 'Ngày tháng năm sinh', 'Ngày, tháng, năm sinh', 'Sinh ngày', 'Birth', 'Birth date'],
      },
      { required: false },
    ),
    sex: oneOfColumn(
      { vi: 'Giới tính', en: 'Sex', aliases: ['Giới', 'Gender', 'Nam/Nữ'] },
      { required: false, choices: { nam: 'male', nữ: 'female', male: 'male', female: 'female' } },
    ),
    unitCode: codeColumn({ vi: 'Mã đơn vị', en: 'Unit code', aliases: ['Mã cơ quan', 'Mã cơ quan, đơn vị', 'Unit'] }, { required: true }),
    post: postColumn,
    degree: oneOfColumn(
      { vi: 'Trình độ', en: 'Degree', aliases: ['Trình độ chuyên môn', 'Bằng cấp', 'Học vị'] },
      {
        required: false,
        choices: {
          'Trung học cơ sở': 'lower-secondary',
          THCS: 'lower-secondary',
          'Trung học phổ thông': 'upper-secondary',
          THPT: 'upper-secondary',
          'Cao đẳng': 'college',
          'Đại học': 'university',
          'Cử nhân': 'university',
          'Kỹ sư': 'university',
          'Thạc sĩ': 'master',
          'Thạc sỹ': 'master',
          'Tiến sĩ': 'doctor',
          'Tiến sỹ': 'doctor',
          ...Object.fromEntries(DEGREES.map((degree) => [degree, degree])),
        },
      },
    ),
    // A mere tick does not say whether the membership is full: it is refused, not guessed.
    party: oneOfColumn(
      { vi: 'Đảng viên', en: 'Party member', aliases: ['Đảng', 'Party'] },
      {
        required: false,
        choices: {
          'Chính thức': 'full',
          'Đảng viên chính thức': 'full',
          'Dự bị': 'probationary',
          'Đảng viên dự bị': 'probationary',
          Không: 'none',
          ...Object.fromEntries(PARTY_STATUSES.map((status) => [status, status])),
        },
      },
    ),
  },
  review: ({ identityNumber, birth, sex }) => {
    if (identityNumber === undefined) return birth === undefined ? { errors: [untellable] } : {};
    // What the number says by itself was said when its cell was read.
    const alone = new Set(checkIdentityNumber(identityNumber).map(({ code }) => code));
    const beside = checkIdentityNumber(identityNumber, { birth, sex }).filter(({ code }) => !alone.has(code));
    return { warnings: beside.map((warning) => ({ column: 'identityNumber', ...warning })) };
  },
};

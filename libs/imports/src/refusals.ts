import type { ProblemCatalog } from '@khue/contracts/problems';
import { refuseBy } from '@khue/decider/decision';

/** Why an import as a whole goes no further. `{name}` stands for a param: numbers, states, column headings of the layout; never a cell. */
export const importRefusals = {
  'file-missing': {
    status: 400,
    vi: 'Thiếu tệp. Hãy gửi một tệp CSV trong phần "file".',
    en: 'The file is missing. Send one CSV file in the part "file".',
  },
  'file-empty': { status: 422, vi: 'Tệp rỗng. Hãy kiểm tra lại tệp đã chọn.', en: 'The file is empty. Check which file was chosen.' },
  'file-too-large': {
    status: 413,
    vi: 'Tệp lớn hơn {megabytes} MB. Hãy chia thành nhiều tệp.',
    en: 'The file is larger than {megabytes} MB. Split it into several files.',
  },
  'file-is-workbook': {
    status: 415,
    vi: 'Đây là sổ tính (Excel, ODS) hoặc tệp nén; hiện chỉ nhận CSV. Trong Excel chọn Lưu thành (Save As), kiểu "CSV UTF-8", rồi gửi tệp đó.',
    en: 'This is a workbook (Excel, ODS) or an archive; for now CSV only. In Excel choose Save As, type "CSV UTF-8", and send that file.',
  },
  'file-is-pdf': {
    status: 415,
    vi: 'Đây là tệp PDF. Hãy gửi bảng gốc lưu kiểu "CSV UTF-8".',
    en: 'This is a PDF. Send the original table saved as "CSV UTF-8".',
  },
  'file-is-html': {
    status: 415,
    vi: 'Đây là trang web hoặc XML, không phải CSV (có thể là trang báo lỗi hay trang đăng nhập). Hãy xuất lại bảng kiểu "CSV UTF-8".',
    en: 'This is a web page or XML, not CSV (perhaps an error or sign-in page). Export the table again as "CSV UTF-8".',
  },
  'file-is-utf16': {
    status: 415,
    vi: 'Tệp mã hóa UTF-16 ("Unicode Text"). Hãy lưu lại kiểu "CSV UTF-8".',
    en: 'The file is in UTF-16 ("Unicode Text"). Save it as "CSV UTF-8".',
  },
  'file-not-utf8': {
    status: 415,
    vi: 'Tệp không phải UTF-8 (có thể dùng bảng mã cũ như TCVN3, Windows-1258), nên dấu tiếng Việt sẽ sai. Hãy lưu lại kiểu "CSV UTF-8".',
    en: 'The file is not in UTF-8 (perhaps an old code page such as TCVN3 or Windows-1258), so Vietnamese letters would be wrong. Save it as "CSV UTF-8".',
  },
  'file-has-nul': {
    status: 415,
    vi: 'Tệp có ký tự NUL: không phải văn bản, hoặc là UTF-16. Hãy lưu lại kiểu "CSV UTF-8".',
    en: 'The file has NUL characters: it is no text, or it is UTF-16. Save it as "CSV UTF-8".',
  },
  'heading-row-missing': {
    status: 422,
    vi: 'Không thấy dòng tiêu đề cột trong {rows} dòng đầu (dấu phân cách: phẩy, chấm phẩy hoặc tab). Cần các cột: {columns}.',
    en: 'No heading row within the first {rows} rows (separated by comma, semicolon or tab). Columns needed: {columns}.',
  },
  'column-missing': {
    status: 422,
    vi: 'Dòng {row} có vẻ là dòng tiêu đề nhưng thiếu cột: {columns}. Hãy thêm cột rồi gửi lại.',
    en: 'Row {row} looks like the heading row but lacks the columns: {columns}. Add them and send the file again.',
  },
  'column-duplicate': {
    status: 422,
    vi: 'Cột "{column}" có hai lần (cột thứ {first} và {second}). Hãy bỏ một cột.',
    en: 'The column "{column}" is there twice (columns {first} and {second}). Remove one.',
  },
  'too-many-columns': {
    status: 422,
    vi: 'Dòng {row} có hơn {limit} ô. Hãy kiểm tra dấu phân cách và dấu ngoặc kép.',
    en: 'Row {row} has more than {limit} cells. Check separators and quotation marks.',
  },
  'too-many-rows': {
    status: 413,
    vi: 'Tệp có hơn {limit} dòng. Hãy chia thành nhiều tệp.',
    en: 'The file has more than {limit} rows. Split it into several files.',
  },
  'quote-broken': {
    status: 422,
    vi: 'Dòng {row}: dấu ngoặc kép mở mà không đóng đúng chỗ. Hãy sửa dòng đó (dấu ngoặc kép trong ô phải viết đôi) rồi gửi lại.',
    en: 'Row {row}: a quotation mark is not closed where it should be. Mend the row (quotation marks inside a cell are doubled) and send the file again.',
  },
  'record-too-long': {
    status: 422,
    vi: 'Dòng {row} dài hơn {limit} byte; thường do dấu ngoặc kép mở mà không đóng. Hãy sửa dòng đó rồi gửi lại.',
    en: 'Row {row} is longer than {limit} bytes, mostly because a quotation mark was never closed. Mend the row and send the file again.',
  },
  'upload-incomplete': {
    status: 400,
    vi: 'Tệp chưa tới đủ (đường truyền bị cắt). Không có gì được nhận. Hãy gửi lại.',
    en: 'The file did not arrive whole (the connection was cut). Nothing was taken. Send it again.',
  },
  'uploads-busy': {
    status: 503,
    vi: 'Đang đọc các tệp khác. Hãy thử lại sau ít phút.',
    en: 'Other files are being read. Try again in some minutes.',
  },
  'import-unreadable': {
    status: 500,
    vi: 'Hệ thống gặp lỗi khi đọc tệp. Không có gì được nhận. Hãy báo người vận hành.',
    en: 'Something failed inside while the file was read. Nothing was taken. Tell the operator.',
  },
  'plan-hash-mismatch': {
    status: 409,
    vi: 'Mã kế hoạch không đúng với kế hoạch đã lập. Hãy xem lại kế hoạch và gửi đúng planHash của nó.',
    en: 'The hash is not that of the plan. Look at the plan again and send its planHash.',
  },
  'import-not-planned': {
    status: 409,
    vi: 'Chỉ ghi được khi kế hoạch đã lập xong; hiện trạng thái là "{state}".',
    en: 'Only a finished plan can be committed; the state is "{state}".',
  },
  'import-not-committed': {
    status: 409,
    vi: 'Chỉ thu hồi được lần nhập đã ghi; hiện trạng thái là "{state}".',
    en: 'Only a committed import can be revoked; the state is "{state}".',
  },
  'import-not-read': {
    status: 409,
    vi: 'Tệp chưa được đọc xong hoặc đã bị từ chối; hiện trạng thái là "{state}".',
    en: 'The file was not read to its end, or was refused; the state is "{state}".',
  },
  'rejected-rows-expired': {
    status: 410,
    vi: 'Các dòng bị từ chối đã hết hạn lưu. Hãy nhập lại từ tệp gốc.',
    en: 'The rejected rows are no longer kept. Import the original file again.',
  },
  'plan-outdated': {
    status: 409,
    vi: 'Kế hoạch được lập bằng cách đọc tệp cũ ({was}, nay là {now}). Hãy gửi lại tệp.',
    en: 'The plan was made by an older way of reading the file ({was}, now {now}). Send the file again.',
  },
  'plan-expired': {
    status: 409,
    vi: 'Kế hoạch đã quá {days} ngày và không còn. Hãy gửi lại tệp.',
    en: 'The plan is older than {days} days and gone. Send the file again.',
  },
} as const satisfies ProblemCatalog;

export type ImportRefusalCode = keyof typeof importRefusals;
export const refuse = refuseBy<ImportRefusalCode>();
export type RefusalParams = Readonly<Record<string, string | number>>;

/** What a route is told instead of a result: look the code up in `importRefusals` (or the common problems for `not-found`). */
export interface ImportRefused {
  readonly ok: false;
  readonly code: ImportRefusalCode | 'not-found';
  readonly params: RefusalParams;
  readonly retryAfterSeconds?: number;
}

/** A file that is refused whole. The message is the code alone: headings and cells stay out of logs. */
export class FileRefused extends Error {
  readonly code: ImportRefusalCode;
  readonly params: RefusalParams;
  constructor(code: ImportRefusalCode, params: RefusalParams = {}) {
    super(code);
    this.name = 'FileRefused';
    this.code = code;
    this.params = params;
  }
}

import { z } from 'zod';

/** A refusal as its catalog describes it. `{name}` in a text stands for a param of the refusal: ids, codes and numbers, never personal data. */
export interface ProblemText {
  readonly status: number;
  /** What is wrong and how to mend it. */
  readonly vi: string;
  readonly en: string;
}
export type ProblemCatalog = Readonly<Record<string, ProblemText>>;

/** RFC 9457 problem document; the only shape of an error at every door. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.object({ vi: z.string(), en: z.string() }),
  errors: z.array(z.object({ field: z.string(), code: z.string(), vi: z.string(), en: z.string() })),
  correlationId: z.string(),
});
export type Problem = z.infer<typeof problem>;

/** Refusals that every door may give. */
export const commonProblems = {
  'body-invalid': {
    status: 400,
    vi: 'Dữ liệu gửi lên chưa đúng. Hãy sửa các trường được nêu rồi gửi lại.',
    en: 'The request is not valid. Mend the fields named and send it again.',
  },
  'body-unreadable': {
    status: 400,
    vi: 'Không đọc được nội dung gửi lên. Hãy gửi JSON hợp lệ, mã hóa UTF-8.',
    en: 'The body can not be read. Send valid JSON in UTF-8.',
  },
  'request-unreadable': {
    status: 400,
    vi: 'Không đọc được yêu cầu: địa chỉ hoặc tiêu đề HTTP bị hỏng. Hãy kiểm tra phần mềm gửi.',
    en: 'The request can not be read: its address or HTTP headers are broken. Check the program that sends it.',
  },
  'request-too-slow': {
    status: 408,
    vi: 'Yêu cầu không đến đủ trong thời gian cho phép. Hãy gửi lại.',
    en: 'The request did not arrive whole in time. Send it again.',
  },
  'headers-too-large': {
    status: 431,
    vi: 'Các tiêu đề HTTP quá dài. Hãy rút ngắn rồi gửi lại.',
    en: 'The HTTP headers are too long. Shorten them and send it again.',
  },
  'body-too-large': {
    status: 413,
    vi: 'Nội dung gửi lên quá lớn. Hãy chia nhỏ hoặc dùng chức năng nhập tệp.',
    en: 'The body is too large. Split it, or use the import.',
  },
  'media-type-unsupported': {
    status: 415,
    vi: 'Kiểu nội dung không được hỗ trợ. Hãy gửi application/json (nhập tệp: multipart/form-data).',
    en: 'The content type is not supported. Send application/json (imports: multipart/form-data).',
  },
  'token-missing': { status: 401, vi: 'Thiếu mã đăng nhập. Hãy đăng nhập rồi thử lại.', en: 'The bearer token is missing. Sign in and try again.' },
  'token-invalid': {
    status: 401,
    vi: 'Mã đăng nhập không hợp lệ hoặc đã hết hạn. Hãy đăng nhập lại.',
    en: 'The bearer token is not valid or has expired. Sign in again.',
  },
  'role-missing': {
    status: 403,
    vi: 'Tài khoản chưa được giao quyền làm việc này. Hãy đề nghị ban tổ chức cấp quyền.',
    en: 'The account has no grant for this. Ask the organization board for one.',
  },
  'out-of-scope': {
    status: 403,
    vi: 'Đơn vị này nằm ngoài phạm vi được giao. Hãy chọn đơn vị thuộc phạm vi của mình.',
    en: 'The unit is outside your grant. Choose a unit within it.',
  },
  'unit-not-known-yet': {
    status: 409,
    vi: 'Đơn vị vừa được khai báo và chưa tới đây. Hãy thử lại sau vài giây.',
    en: 'The unit is new and has not arrived here yet. Try again in some seconds.',
  },
  'not-found': { status: 404, vi: 'Không tìm thấy. Hãy kiểm tra lại mã.', en: 'Not found. Check the id.' },
  'method-not-allowed': { status: 405, vi: 'Địa chỉ này không nhận thao tác đó.', en: 'This address does not take that method.' },
  'idempotency-key-missing': {
    status: 400,
    vi: 'Thiếu tiêu đề Idempotency-Key. Hãy gửi một mã mới cho mỗi thao tác.',
    en: 'The Idempotency-Key header is missing. Send a new key for each operation.',
  },
  'idempotency-key-invalid': {
    status: 400,
    vi: 'Idempotency-Key phải gồm 1 đến 200 ký tự ASCII nhìn thấy được.',
    en: 'Idempotency-Key must be 1 to 200 visible ASCII characters.',
  },
  'idempotency-key-reused': {
    status: 422,
    vi: 'Mã Idempotency-Key này đã dùng cho nội dung khác. Hãy dùng mã mới.',
    en: 'This Idempotency-Key was used with another body. Use a new one.',
  },
  'idempotency-key-in-flight': {
    status: 409,
    vi: 'Thao tác cùng mã đang được xử lý. Hãy hỏi lại sau giây lát bằng đúng mã này.',
    en: 'The operation with this key is still running. Ask again in a moment with the same key.',
  },
  'if-match-missing': {
    status: 428,
    vi: 'Thiếu tiêu đề If-Match. Hãy đọc lại bản ghi và gửi kèm ETag của nó.',
    en: 'The If-Match header is missing. Read the record and send its ETag.',
  },
  'if-match-invalid': { status: 400, vi: 'If-Match phải là ETag đã nhận, ví dụ "3".', en: 'If-Match must be an ETag as received, such as "3".' },
  'version-stale': {
    status: 412,
    vi: 'Bản ghi đã được người khác sửa. Hãy đọc lại rồi thử lại.',
    en: 'The record was changed by somebody else. Read it again and retry.',
  },
  'value-unacceptable': {
    status: 422,
    vi: 'Có giá trị cơ sở dữ liệu không nhận (quá lớn hoặc ký tự lạ). Hãy kiểm tra lại.',
    en: 'The database does not accept one of the values (out of range or odd characters). Check them.',
  },
  'file-missing': {
    status: 400,
    vi: 'Thiếu tệp. Hãy gửi multipart/form-data với một phần tên "file".',
    en: 'The file is missing. Send multipart/form-data with one part named "file".',
  },
  'rate-limited': {
    status: 429,
    vi: 'Quá nhiều yêu cầu trong thời gian ngắn. Hãy thử lại sau.',
    en: 'Too many requests in a short time. Try again later.',
  },
  'cursor-invalid': {
    status: 400,
    vi: 'Con trỏ trang không đúng. Hãy bắt đầu lại từ trang đầu.',
    en: 'The page cursor is not valid. Start again from the first page.',
  },
  'internal-error': {
    status: 500,
    vi: 'Hệ thống gặp lỗi. Không có gì được ghi. Hãy báo mã tương quan cho người vận hành.',
    en: 'Something failed inside. Nothing was written. Tell the operator the correlation id.',
  },
  'outcome-unknown': {
    status: 503,
    vi: 'Mất kết nối đúng lúc ghi, chưa rõ kết quả. Hãy gửi lại với cùng Idempotency-Key để biết.',
    en: 'The connection was lost while committing; the outcome is not known. Send it again with the same Idempotency-Key.',
  },
  'database-away': {
    status: 503,
    vi: 'Cơ sở dữ liệu tạm thời không trả lời. Không có gì được ghi. Hãy thử lại sau vài giây.',
    en: 'The database does not answer now. Nothing was written. Try again in some seconds.',
  },
  'disk-full': {
    status: 503,
    vi: 'Máy chủ hết chỗ lưu. Không có gì được ghi. Hãy báo người vận hành.',
    en: 'The server is out of disk space. Nothing was written. Tell the operator.',
  },
  overloaded: { status: 503, vi: 'Hệ thống đang quá tải. Hãy thử lại sau vài giây.', en: 'The system is overloaded. Try again in some seconds.' },
  busy: {
    status: 503,
    vi: 'Bản ghi đang bị giữ lâu bất thường. Không có gì được ghi. Hãy thử lại.',
    en: 'The record is held unusually long. Nothing was written. Try again.',
  },
  'not-caught-up': {
    status: 503,
    vi: 'Dịch vụ đang nhận dữ liệu lần đầu, chưa đủ để trả lời. Hãy thử lại sau ít phút.',
    en: 'This service is still taking in its data for the first time and can not answer yet. Try again in a few minutes.',
  },
  'upstream-away': {
    status: 503,
    vi: 'Một dịch vụ tạm thời không trả lời. Hãy thử lại sau vài giây.',
    en: 'A service does not answer now. Try again in some seconds.',
  },
} as const satisfies ProblemCatalog;
/** A code that every service may refuse with. */
export type CommonProblem = keyof typeof commonProblems;

export interface Refusal {
  readonly code: string;
  readonly field?: string;
  readonly params?: Readonly<Record<string, string | number>>;
}

/** What the request names is known elsewhere and arrives here in a moment: the same request passes then. */
export const isOnItsWay = (code: string): boolean => code.endsWith('-not-known-yet');

/** A repeated key gets a business answer again; what says nothing about the business (401, 403, 429, 5xx, stale versions in flight) is not kept. */
export const isReplayable = (catalog: ProblemCatalog, code: string): boolean => {
  const status = catalog[code]?.status ?? 500;
  return (
    status >= 400 &&
    status < 500 &&
    ![401, 403, 429].includes(status) &&
    !['idempotency-key-in-flight', 'idempotency-key-reused'].includes(code) &&
    !isOnItsWay(code)
  );
};

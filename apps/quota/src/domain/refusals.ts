import type { CommonProblem } from '@khue/contracts/problems';
import { refuseBy } from '@khue/decider/decision';
import type { RefusalReason } from './records.ts';

interface RefusalText {
  readonly status: 404 | 409 | 422;
  readonly vi: string;
  readonly en: string;
}

/** What the ledger and the apportionment refuse; `out-of-scope` and `unit-not-known-yet` are in the catalog common to all services. */
export const refusals = {
  'account-unknown': {
    status: 404,
    vi: 'Không tìm thấy tài khoản chỉ tiêu này trong nguồn. Hãy tải lại bảng chỉ tiêu.',
    en: 'The pot has no such account. Reload the quota board.',
  },
  'seat-unknown': { status: 404, vi: 'Chưa có yêu cầu suất nào cho lượt ghi danh này.', en: 'No seat was asked for this enrollment.' },
  'pot-exists': {
    status: 409,
    vi: 'Năm {year} đã có nguồn chỉ tiêu cho chương trình {programCode}. Hãy chia hoặc điều chỉnh nguồn đó.',
    en: 'There is a pot for program {programCode} in {year} already. Divide or adjust that one.',
  },
  'account-elsewhere': {
    status: 409,
    vi: 'Đơn vị này đã nhận chỉ tiêu từ một đơn vị khác trong cùng nguồn. Hãy điều chỉnh ở đơn vị đó.',
    en: 'The unit holds seats of this pot under another unit. Adjust them there.',
  },
  'account-between': {
    status: 409,
    vi: 'Giữa hai đơn vị có một đơn vị đang giữ chỉ tiêu của nguồn này. Hãy giao cho đơn vị đó để chia tiếp.',
    en: 'A unit between the two holds seats of this pot. Give the seats to it, to be divided further.',
  },
  'not-enough-free': {
    status: 409,
    vi: 'Chỉ còn {free} suất chưa dùng, không đủ để chia thêm {asked} suất. Hãy giảm số chia hoặc thu hồi suất trước.',
    en: 'Only {free} seats are free, {asked} more were to be passed on. Pass on fewer, or take seats back first.',
  },
  'below-used': {
    status: 409,
    vi: 'Đơn vị đã chia, giữ hoặc dùng {used} suất nên không thể còn {asked} suất. Hãy để lại ít nhất {used} suất.',
    en: 'The unit has passed on, held or confirmed {used} seats, so it can’t be left with {asked}. Leave at least {used}.',
  },
  'seat-not-held': {
    status: 409,
    vi: 'Suất này không ở trạng thái đang giữ nên không thể xác nhận.',
    en: 'The seat is not held, so it can’t be confirmed.',
  },
  'size-invalid': { status: 422, vi: 'Tổng chỉ tiêu phải là số nguyên lớn hơn 0.', en: 'The size of a pot is a whole number above 0.' },
  'document-missing': {
    status: 422,
    vi: 'Thiếu số văn bản làm căn cứ. Hãy ghi số, ký hiệu văn bản.',
    en: 'The number of the governing document is missing. Give it.',
  },
  'total-invalid': {
    status: 422,
    vi: 'Tổng số suất đem chia phải là số nguyên từ 0 trở lên.',
    en: 'The total to divide is a whole number of 0 or more.',
  },
  'change-invalid': { status: 422, vi: 'Số suất tăng hoặc giảm phải là số nguyên.', en: 'The seats to add or take back are a whole number.' },
  'shares-empty': { status: 422, vi: 'Chưa nêu đơn vị nào để chia. Hãy thêm ít nhất một đơn vị.', en: 'No unit is named. Add one at least.' },
  'share-twice': { status: 422, vi: 'Một đơn vị được nêu hai lần. Hãy gộp lại thành một dòng.', en: 'A unit is named twice. Make it one line.' },
  'weight-invalid': {
    status: 422,
    vi: 'Trọng số phải là số từ 0 trở lên, dấu thập phân là dấu chấm, ví dụ 12.5.',
    en: 'A weight is a number of 0 or more with a decimal point, such as 12.5.',
  },
  'weights-all-zero': {
    status: 422,
    vi: 'Mọi trọng số đều bằng 0 nên không chia được. Hãy ghi ít nhất một trọng số lớn hơn 0.',
    en: 'All weights are 0, so nothing can be divided. Give at least one above 0.',
  },
  'unit-not-below': {
    status: 422,
    vi: 'Đơn vị nhận không thuộc đơn vị chia tại ngày hôm nay. Hãy chọn đơn vị trực thuộc.',
    en: 'The unit is not below the dividing unit today. Choose one that is.',
  },
  'unit-ended': {
    status: 422,
    vi: 'Đơn vị đã kết thúc hoạt động nên không nhận thêm chỉ tiêu. Hãy chọn đơn vị kế thừa.',
    en: 'The unit has ended and takes no more seats. Choose its successor.',
  },
} as const satisfies Readonly<Record<string, RefusalText>>;

export const refuse = refuseBy<keyof typeof refusals | CommonProblem>();

/** Why a request for a seat got none: the answer in words, beside the code that the event carries. */
const seatRefusals: Readonly<Record<RefusalReason, { readonly vi: string; readonly en: string }>> = {
  'no-pot': { vi: 'Chưa có nguồn chỉ tiêu cho chương trình và năm này.', en: 'There is no pot for this program and year.' },
  'no-account': {
    vi: 'Đơn vị và các đơn vị cấp trên chưa được giao chỉ tiêu trong nguồn này.',
    en: 'Neither the unit nor one above it holds seats of this pot.',
  },
  'pot-closed': { vi: 'Nguồn chỉ tiêu đã hết hạn nhận yêu cầu.', en: 'The pot takes no more requests.' },
};

/** The reason of a seat, refused or released, in words; a code that another release gave has none. */
export const reasonsInWords: Readonly<Record<string, { readonly vi: string; readonly en: string } | undefined>> = {
  ...seatRefusals,
  withdrawn: { vi: 'Đơn vị đã rút cử.', en: 'The unit withdrew the learner.' },
};

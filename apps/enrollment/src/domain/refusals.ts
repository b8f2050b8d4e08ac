import type { CommonProblem, ProblemCatalog } from '@khue/contracts/problems';
import { refuseBy } from '@khue/decider/decision';

/** What enrollment refuses, beside what every door may refuse: why, and how to mend it. */
export const refusals = {
  'form-missing': {
    status: 422,
    vi: 'Chương trình có trình độ thì phải có hình thức đào tạo (tập trung, không tập trung). Hãy chọn hình thức.',
    en: 'A program with a level needs a form (concentrated, non-concentrated). Choose one.',
  },
  'rule-set-version-old': {
    status: 409,
    vi: 'Đã có phiên bản {last} của bộ quy tắc này. Hãy ban hành với số phiên bản lớn hơn.',
    en: 'Version {last} of the rule set is published. Publish under a higher number.',
  },
  'program-unknown': {
    status: 422,
    vi: 'Chưa có khung chương trình mã này. Hãy ban hành chương trình trước.',
    en: 'No program has this code. Publish the program first.',
  },
  'program-not-in-force': {
    status: 422,
    vi: 'Chương trình {programCode} chưa có phiên bản nào có hiệu lực ngày {from}. Hãy ban hành phiên bản có hiệu lực từ ngày đó hoặc chọn ngày sau.',
    en: 'No version of program {programCode} is in force on {from}. Publish one that is, or choose a later date.',
  },
  'class-dates': {
    status: 422,
    vi: 'Ngày kết thúc phải bằng hoặc sau ngày bắt đầu. Hãy sửa ngày.',
    en: 'The class ends before it begins. Mend the dates.',
  },
  'class-code-taken': {
    status: 409,
    vi: 'Đơn vị tổ chức đã có lớp mã {code}. Hãy chọn mã khác, hoặc để trống để hệ thống đánh số.',
    en: 'The host has a class {code} already. Choose another code, or leave it out to have one given.',
  },
  'class-code-reserved': {
    status: 422,
    vi: 'Mã dạng K26.CC.B01 do hệ thống đánh số liên tục. Hãy để trống mã hoặc chọn mã dạng khác.',
    en: 'Codes such as K26.CC.B01 are numbered without gaps here. Leave the code out, or choose another form.',
  },
  'unit-not-there': {
    status: 422,
    vi: 'Đơn vị tổ chức không tồn tại vào ngày {from}. Hãy chọn đơn vị đang hoạt động vào ngày đó.',
    en: 'The host does not exist on {from}. Choose a unit that does.',
  },
  'class-unknown': {
    status: 422,
    vi: 'Không tìm thấy lớp này. Hãy chọn lớp trong danh sách.',
    en: 'There is no such class. Choose one of the list.',
  },
  'person-not-known-yet': {
    status: 409,
    vi: 'Ở đây chưa thấy người này. Nếu vừa khai báo, hãy thử lại sau vài giây; nếu không, hãy kiểm tra lại người đã chọn có thuộc đơn vị mình không.',
    en: 'No such person is seen here. If the record is new, try again in some seconds; otherwise check that the person chosen belongs to your unit.',
  },
  'person-merged': {
    status: 409,
    vi: 'Hồ sơ này đã gộp vào hồ sơ {personId}. Hãy cử theo hồ sơ đó.',
    en: 'The record was merged into {personId}. Nominate that one.',
  },
  'person-of-another-unit': {
    status: 422,
    vi: 'Người này hiện không thuộc đơn vị cử. Hãy chọn đơn vị của người đó, hoặc đơn vị cấp trên của đơn vị ấy.',
    en: 'The person does not belong to the sending unit today. Choose their unit, or one above it.',
  },
  'unit-ended': {
    status: 422,
    vi: 'Đơn vị đã kết thúc hoạt động và chưa rõ đơn vị kế thừa của người này. Hãy đề nghị ban tổ chức gán người vào đơn vị kế thừa.',
    en: 'The unit has ended and nobody has said which successor the person belongs to. Ask the board to assign the person.',
  },
  'already-nominated': {
    status: 409,
    vi: 'Người này đã được cử vào lớp (mã ghi danh {enrollmentId}). Hãy mở bản ghi đó.',
    en: 'The person is nominated for the class already (enrollment {enrollmentId}). Open that one.',
  },
  'nomination-decided': {
    status: 409,
    vi: 'Lượt cử này đã được xử lý (trạng thái: {state}), không sửa được nữa.',
    en: 'The nomination was decided (state: {state}) and can no longer be changed.',
  },
  'enrollment-over': { status: 409, vi: 'Lượt ghi danh này đã kết thúc (trạng thái: {state}).', en: 'The enrollment is over (state: {state}).' },
  'rule-not-waivable': {
    status: 422,
    vi: 'Quy tắc {ruleId} không áp dụng cho lớp này hoặc văn bản không cho phép quyết định trường hợp đặc biệt.',
    en: 'Rule {ruleId} does not apply to the class, or its text knows no exception.',
  },
  'waiver-recorded': { status: 409, vi: 'Đã ghi trường hợp đặc biệt cho quy tắc {ruleId}.', en: 'An exception from rule {ruleId} is on record.' },
  'same-person': {
    status: 409,
    vi: 'Người đã nhập lượt cử này không được tự duyệt. Hãy để người khác duyệt.',
    en: 'Who entered the nomination can not approve it. Let another person approve it.',
  },
  'eligibility-missing-data': {
    status: 409,
    vi: 'Thiếu dữ liệu để xét điều kiện (không phải là không đủ điều kiện). Hãy bổ sung hồ sơ rồi kiểm tra lại trước khi duyệt.',
    en: 'Data is missing to judge eligibility (which is not the same as not eligible). Complete the record and check again before approving.',
  },
  'not-eligible': {
    status: 409,
    vi: 'Không đủ điều kiện theo quy tắc đã nêu trong kết quả kiểm tra. Chỉ duyệt được khi có trường hợp đặc biệt do cấp có thẩm quyền quyết định.',
    en: 'Not eligible under the rules named in the answer. It can only be approved with an exception decided by the competent level.',
  },
  'class-full': {
    status: 409,
    vi: 'Lớp đã đủ {size} chỗ. Hãy chọn lớp khác, hoặc chờ có người rút.',
    en: 'All {size} places of the class are taken. Choose another class, or wait until somebody withdraws.',
  },
} as const satisfies ProblemCatalog;

export const refuse = refuseBy<keyof typeof refusals | CommonProblem>();

import type { CommonProblem, ProblemCatalog } from '@khue/contracts/problems';
import { refuseBy } from '@khue/decider/decision';

/** What the registry refuses; `out-of-scope`, `not-found` and `version-stale` are in the catalog common to all services. */
export const refusals = {
  'unit-code-taken': {
    status: 409,
    vi: 'Mã đơn vị này đã dùng. Hãy chọn mã khác, hoặc dùng đơn vị đã có.',
    en: 'A unit has this code already. Choose another, or use that unit.',
  },
  'unit-unknown': { status: 422, vi: 'Không có đơn vị này. Hãy kiểm tra lại mã đơn vị.', en: 'There is no such unit. Check its id.' },
  'unit-ended': {
    status: 422,
    vi: 'Đơn vị đã kết thúc hoặc chưa hoạt động vào ngày này. Hãy chọn đơn vị kế thừa hoặc ngày khác.',
    en: 'The unit has ended, or does not exist yet, on that date. Choose its successor, or another date.',
  },
  'root-exists': { status: 409, vi: 'Thành phố đã có đơn vị gốc. Hãy chọn đơn vị cấp trên.', en: 'The city has its root unit. Choose a parent.' },
  'root-stays': { status: 422, vi: 'Đơn vị gốc của thành phố không thể kết thúc.', en: "The city's root unit can't be ended." },
  'parent-not-there': {
    status: 422,
    vi: 'Đơn vị cấp trên không tồn tại trong suốt thời gian của đơn vị này. Hãy chọn đơn vị cấp trên khác hoặc ngày khác.',
    en: 'The parent does not exist during the whole time of the unit. Choose another parent or date.',
  },
  'unit-below-itself': {
    status: 422,
    vi: 'Đơn vị cấp trên mới nằm dưới chính đơn vị này. Hãy chọn đơn vị khác.',
    en: 'The new parent lies below the unit itself. Choose another.',
  },
  'date-before-last-change': {
    status: 422,
    vi: 'Ngày phải sau lần thay đổi gần nhất của đơn vị ({since}). Hãy chọn ngày muộn hơn.',
    en: "The date has to be after the unit's last change ({since}). Choose a later one.",
  },
  'unit-has-children': {
    status: 409,
    vi: 'Còn {count} đơn vị trực thuộc từ ngày đó. Hãy chuyển hoặc kết thúc các đơn vị ấy trước.',
    en: '{count} units belong to it from that date on. Move or end them first.',
  },
  'unit-succeeds-later': {
    status: 409,
    vi: 'Đơn vị này được ghi là kế thừa đơn vị khác từ ngày {on}, nên không thể kết thúc trước hoặc trong ngày ấy.',
    en: 'It is on record as a successor from {on}, so it can not end by that day.',
  },
  'successors-recorded': { status: 409, vi: 'Đơn vị này đã được ghi các đơn vị kế thừa.', en: 'The successors of this unit are on record already.' },
  'successor-not-there': {
    status: 422,
    vi: 'Đơn vị kế thừa không tồn tại vào ngày đó. Hãy khai báo đơn vị ấy trước, hoặc chọn ngày khác.',
    en: 'The successor does not exist on that date. Register it first, or choose another date.',
  },
  'successor-twice': {
    status: 422,
    vi: 'Một đơn vị kế thừa được nêu hai lần, hoặc là chính đơn vị kết thúc. Hãy sửa danh sách.',
    en: 'A successor is named twice, or is the ending unit itself. Mend the list.',
  },
  'shares-over-100': { status: 422, vi: 'Tổng tỷ lệ vượt 100%. Hãy sửa các tỷ lệ.', en: 'The shares are more than 100% together. Mend them.' },
  'unit-not-split': {
    status: 422,
    vi: 'Đơn vị này không có từ hai đơn vị kế thừa trở lên, nên không cần gán.',
    en: 'The unit does not have two successors or more; there is nothing to assign.',
  },
  'not-a-successor': {
    status: 422,
    vi: 'Đơn vị nhận không kế thừa đơn vị đã chia. Hãy chọn một đơn vị kế thừa của nó.',
    en: 'That unit does not continue the split one. Choose one of its successors.',
  },
  'person-unknown': { status: 422, vi: 'Không có người này. Hãy kiểm tra lại mã.', en: 'There is no such person. Check the id.' },
  'person-twice': { status: 422, vi: 'Một người được nêu hai lần. Hãy bỏ một dòng.', en: 'A person is named twice. Remove one line.' },
  'person-exists': {
    status: 409,
    vi: 'Số định danh này đã có trong hồ sơ {personId}. Hãy dùng hồ sơ ấy.',
    en: 'The identity number is on record {personId} already. Use that record.',
  },
  'person-exists-elsewhere': {
    status: 409,
    vi: 'Số định danh này đã có hồ sơ ở đơn vị {unitCode}. Hãy đề nghị ban tổ chức chuyển hồ sơ về đơn vị mình.',
    en: 'The identity number is on record at unit {unitCode}. Ask the organization board to move the record to your unit.',
  },
  'person-merged': {
    status: 409,
    vi: 'Hồ sơ này đã được gộp vào hồ sơ {personId}. Hãy dùng hồ sơ ấy.',
    en: 'The record was merged into {personId}. Use that record.',
  },
  'duplicate-closed': { status: 409, vi: 'Cặp này đã được xử lý. Hãy tải lại danh sách.', en: 'The pair was dealt with already. Reload the list.' },
  'person-not-of-pair': {
    status: 422,
    vi: 'Hồ sơ giữ lại phải là một trong hai hồ sơ của cặp.',
    en: 'The record to keep has to be one of the pair.',
  },
  'identity-numbers-differ': {
    status: 409,
    vi: 'Hai hồ sơ có số định danh khác nhau nên không gộp được. Hãy sửa số sai trước, hoặc xác nhận là hai người.',
    en: "The records have different identity numbers and can't be merged. Mend the wrong one first, or say that they are two people.",
  },
  'grant-to-oneself': {
    status: 403,
    vi: 'Không ai tự cấp quyền cho mình. Hãy đề nghị người khác trong ban tổ chức.',
    en: 'Nobody issues a grant to themselves. Ask another member of the board.',
  },
  'grant-dates': { status: 422, vi: 'Ngày hết hiệu lực phải sau ngày có hiệu lực.', en: 'The end of the grant has to be after its beginning.' },
  'grant-exists': {
    status: 409,
    vi: 'Tài khoản đã có quyền này tại đơn vị trong thời gian ấy.',
    en: 'The account has this role at the unit during that time already.',
  },
  'grant-over': { status: 409, vi: 'Quyền này đã hết hiệu lực hoặc đã bị thu hồi.', en: 'The grant is over or was revoked already.' },
  'last-board-grant': {
    status: 409,
    vi: 'Đây là quyền cuối cùng của ban tổ chức tại đơn vị gốc; thu hồi thì không ai cấp quyền được nữa. Hãy cấp cho người khác trước.',
    en: 'This is the last grant of the board at the root; without it nobody could issue grants. Issue one to somebody else first.',
  },
  'first-grant-is-board': {
    status: 409,
    vi: 'Quyền đầu tiên phải là quyền ban tổ chức tại đơn vị gốc.',
    en: 'The first grant has to be that of the board at the root unit.',
  },
  'document-exists': {
    status: 409,
    vi: 'Văn bản số này của cơ quan này đã có. Hãy dùng văn bản ấy.',
    en: 'This number of this issuer is on record already. Use that document.',
  },
} as const satisfies ProblemCatalog;

export const refuse = refuseBy<keyof typeof refusals | CommonProblem>();

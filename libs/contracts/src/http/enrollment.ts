import { z } from 'zod';
import { eligibilityAnswer, waiverRecord } from '../eligibility.ts';
import { provenances } from '../events/enrollment.ts';
import { problem } from '../problems.ts';
import { text } from '../text.ts';
import {
  api,
  codeText,
  listClasses,
  listPrograms,
  listRuleSets,
  openClass,
  publishProgram,
  publishRuleSet,
  readClass,
} from './enrollment-catalog.ts';
import { importRoutes } from './imports.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

const reason = text({ max: 500 }).optional();
const version = z.int().min(1);

/** Who is sent where is read in scope. */
const readersOfLearners = ['officer', 'approver', 'board', 'school', 'reader'] as const;

export const enrollmentStates = ['nominated', 'approved', 'queued', 'turned-down', 'admitted', 'withdrawn', 'recorded', 'revoked'] as const;
const liveStates = ['nominated', 'approved', 'queued', 'turned-down', 'admitted', 'withdrawn'] as const;

const enrollmentMembers = {
  id: z.uuid(),
  provenance: z.enum(provenances),
  /** `approved`: a class place is taken and a seat is asked for; `recorded`: a turn of the past. */
  state: z.enum(enrollmentStates),
  classId: z.uuid(),
  classCode: z.string(),
  programCode: z.string(),
  line: z.string(),
  from: z.string(),
  to: z.string(),
  personId: z.uuid(),
  unitId: z.uuid(),
  /** What quota last said of the seat. */
  seat: z.enum(['held', 'queued', 'refused', 'released', 'confirmed']).nullable(),
  /** Why it was turned down: quota's code. */
  reason: z.string().nullable(),
  /** Source document of a turn of the past. */
  documentNo: z.string().nullable(),
  importId: z.uuid().nullable(),
  enteredBy: z.string().nullable(),
  enteredAt: z.string().nullable(),
  approvedBy: z.string().nullable(),
  approvedAt: z.string().nullable(),
  version,
};
/** `eligibility` is null for a turn of the past, which nobody judges. */
export const enrollmentRecord = z.object({ ...enrollmentMembers, eligibility: eligibilityAnswer.nullable(), waivers: z.array(waiverRecord) });
/** With the person's name as the card has it; null once the card was erased. */
export const readEnrollmentRecord = enrollmentRecord.extend({ personName: z.string().nullable() });
export const listedEnrollment = z.object({
  ...enrollmentMembers,
  verdict: eligibilityAnswer.shape.verdict.nullable(),
  personName: z.string().nullable(),
});

const learnerFilters = { classId: z.uuid().optional(), unitId: z.uuid().optional(), personId: z.uuid().optional() };

export const listNominations = defineRoute({
  method: 'GET',
  path: `${api}/nominations`,
  operationId: 'listNominations',
  callers: readersOfLearners,
  status: 200,
  answer: page(listedEnrollment),
  summary: { vi: 'Danh sách cử đi học', en: 'Nominations' },
  query: z.object({ ...pageQuery, ...learnerFilters, state: z.enum(liveStates).optional() }),
});
export const readNomination = defineRoute({
  method: 'GET',
  path: `${api}/nominations/{id}`,
  operationId: 'readNomination',
  callers: readersOfLearners,
  params: idParams,
  status: 200,
  summary: { vi: 'Một lượt cử đi học', en: 'One nomination' },
  answer: readEnrollmentRecord,
});

const nominationProblems = ['class-unknown', 'person-not-known-yet', 'person-merged', 'person-of-another-unit', 'unit-ended', 'already-nominated'];
export const nominateLearner = defineRoute({
  method: 'POST',
  path: `${api}/nominations`,
  operationId: 'nominateLearner',
  callers: ['officer'],
  status: 201,
  answer: enrollmentRecord,
  summary: { vi: 'Cử một người đi học', en: 'Nominate a learner' },
  /** `unitId`: the unit that sends; the person's own unit unless told, else one above it. */
  body: z.strictObject({ classId: z.uuid(), personId: z.uuid(), unitId: z.uuid().optional() }),
  problems: nominationProblems,
});
export const nominateLearners = defineRoute({
  method: 'POST',
  path: `${api}/nominations/bulk`,
  operationId: 'nominateLearners',
  callers: ['officer'],
  status: 200,
  summary: { vi: 'Cử nhiều người; mỗi người có trả lời riêng', en: 'Nominate several learners; each has an answer of its own' },
  body: z.strictObject({ classId: z.uuid(), personIds: z.array(z.uuid()).min(1).max(200) }),
  answer: z.object({ items: z.array(z.object({ personId: z.uuid(), nomination: enrollmentRecord.nullable(), problem: problem.nullable() })) }),
  problems: nominationProblems,
});

const step = { params: idParams, status: 200, answer: enrollmentRecord } as const;
export const recheckNomination = defineRoute({
  ...step,
  method: 'POST',
  path: `${api}/nominations/{id}/recheck`,
  operationId: 'recheckNomination',
  callers: ['officer', 'board'],
  summary: { vi: 'Kiểm tra lại điều kiện sau khi bổ sung dữ liệu', en: 'Check eligibility again after data was completed' },
  body: z.strictObject({ reason }).optional(),
  problems: ['nomination-decided', 'person-not-known-yet'],
});
export const waiveRule = defineRoute({
  ...step,
  method: 'POST',
  path: `${api}/nominations/{id}/waivers`,
  operationId: 'waiveRule',
  callers: ['board'],
  status: 201,
  summary: { vi: 'Ghi trường hợp đặc biệt được cấp có thẩm quyền quyết định', en: 'Record an exception decided by the competent level' },
  body: waiverRecord.extend({ documentNo: codeText }),
  problems: ['nomination-decided', 'person-not-known-yet', 'rule-not-waivable', 'waiver-recorded'],
});
export const approveNomination = defineRoute({
  ...step,
  method: 'POST',
  path: `${api}/nominations/{id}/approve`,
  operationId: 'approveNomination',
  callers: ['approver', 'board'],
  summary: { vi: 'Duyệt cử đi học; xin suất', en: 'Approve a nomination; a seat is asked for' },
  body: z.strictObject({ reason }).optional(),
  problems: ['same-person', 'nomination-decided', 'eligibility-missing-data', 'not-eligible', 'class-full', 'unit-ended'],
});
export const withdrawNomination = defineRoute({
  ...step,
  method: 'POST',
  path: `${api}/nominations/{id}/withdraw`,
  operationId: 'withdrawNomination',
  callers: ['officer', 'approver', 'board'],
  summary: { vi: 'Rút người khỏi lớp; chỗ và suất được trả lại', en: 'Withdraw a learner; place and seat are given back' },
  body: z.strictObject({ reason }).optional(),
  problems: ['enrollment-over', 'unit-ended'],
});

export const listEnrollments = defineRoute({
  method: 'GET',
  path: `${api}/enrollments`,
  operationId: 'listEnrollments',
  callers: readersOfLearners,
  status: 200,
  answer: page(listedEnrollment),
  summary: { vi: 'Ghi danh, gồm cả lượt đã nhập của các năm trước', en: 'Enrollments, turns of the past among them' },
  /** Without `state`: those whose nomination was approved, and recorded turns of the past. */
  query: z.object({ ...pageQuery, ...learnerFilters, state: z.enum(enrollmentStates).optional(), provenance: z.enum(provenances).optional() }),
});
export const readEnrollment = defineRoute({
  method: 'GET',
  path: `${api}/enrollments/{id}`,
  operationId: 'readEnrollment',
  callers: readersOfLearners,
  params: idParams,
  status: 200,
  summary: { vi: 'Một lượt ghi danh', en: 'One enrollment' },
  answer: readEnrollmentRecord,
});
export const timelineItem = z.object({
  at: z.string(),
  type: z.string(),
  id: z.string(),
  causationId: z.string(),
  correlationId: z.string(),
  service: z.string(),
  actor: z.string(),
});
export const readTimeline = defineRoute({
  method: 'GET',
  path: `${api}/enrollments/{id}/timeline`,
  operationId: 'readTimeline',
  callers: readersOfLearners,
  params: idParams,
  status: 200,
  summary: { vi: 'Diễn biến của một lượt ghi danh qua các dịch vụ', en: 'The story of one enrollment across services' },
  answer: z.array(timelineItem),
});

export const importersOfTurns = ['officer', 'school', 'board'] as const;
export const turnImport = importRoutes({
  api,
  of: 'PastTurn',
  callers: importersOfTurns,
  summary: { vi: 'Nhập lượt học các năm trước', en: 'Import of past turns' },
});

export const enrollmentRoutes = [
  listPrograms,
  publishProgram,
  listRuleSets,
  publishRuleSet,
  listClasses,
  readClass,
  openClass,
  listNominations,
  readNomination,
  nominateLearner,
  nominateLearners,
  recheckNomination,
  waiveRule,
  approveNomination,
  withdrawNomination,
  listEnrollments,
  readEnrollment,
  readTimeline,
  ...Object.values(turnImport),
] as const;

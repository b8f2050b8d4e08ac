import { z } from 'zod';
import { birth, businessDate } from '../dates.ts';
import { learnerFacts, SEXES } from '../eligibility.ts';
import { documentSubjects } from '../events/registry.ts';
import { roles } from '../grants.ts';
import { identityNumber } from '../identity-number.ts';
import { normalizeText, text } from '../text.ts';
import { importRoutes } from './imports.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

const api = '/api/registry/v1';
const codeText = z.string().overwrite(normalizeText).regex(/^[\p{L}\p{N}][\p{L}\p{N}._/:+-]{0,79}$/u);
const reason = text({ max: 500 }).optional();
const version = z.int().min(1);
const fold = text({ max: 100 }).optional();

/** Every role reads units and documents: they are public. */
const everyone = roles;
const writers = ['officer', 'board'] as const;
const readersOfPeople = ['officer', 'approver', 'board', 'school', 'reader'] as const;

export const unitRecord = z.object({
  id: z.uuid(),
  code: z.string(),
  kind: z.string(),
  name: z.string(),
  /** On the date asked for; null for the root and for a unit that has ended. */
  parentId: z.uuid().nullable(),
  from: z.string(),
  to: z.string().nullable(),
  parents: z.array(z.object({ parentId: z.uuid().nullable(), from: z.string(), to: z.string().nullable() })),
  documentNo: z.string().nullable(),
  sample: z.boolean(),
  version,
});

export const listUnits = defineRoute({
  method: 'GET', path: `${api}/units`, operationId: 'listUnits', callers: everyone, status: 200, answer: page(unitRecord),
  summary: { vi: 'Các đơn vị trong cơ cấu của một ngày', en: 'Units in the structure of a date' },
  /** `q`: part of a name or code, with or without diacritics. */
  query: z.object({ ...pageQuery, on: businessDate.optional(), q: fold, parentId: z.uuid().optional() }),
});
export const readUnit = defineRoute({
  method: 'GET', path: `${api}/units/{id}`, operationId: 'readUnit', callers: everyone, params: idParams, status: 200, answer: unitRecord,
  summary: { vi: 'Một đơn vị', en: 'One unit' },
});
export const readSuccessors = defineRoute({
  method: 'GET', path: `${api}/units/{id}/successors`, operationId: 'readSuccessors', callers: everyone, params: idParams, status: 200,
  summary: { vi: 'Các đơn vị kế thừa', en: 'Successors of a unit' },
  answer: z.object({
    items: z.array(z.object({
      unitId: z.uuid(), code: z.string(), name: z.string(), sharePercent: z.int().nullable(), on: z.string(), documentNo: z.string().nullable(), sample: z.boolean(),
    })),
  }),
});

const unitAnswer = { params: idParams, callers: ['board'], status: 200, answer: unitRecord } as const;
const unitRefusals = ['unit-unknown', 'unit-ended', 'date-before-last-change'];

export const registerUnit = defineRoute({
  method: 'POST', path: `${api}/units`, operationId: 'registerUnit', callers: ['board'], status: 201, answer: unitRecord,
  summary: { vi: 'Khai báo đơn vị', en: 'Register a unit' },
  body: z.strictObject({
    code: codeText, kind: codeText, name: text({ max: 300 }),
    /** Null for the city alone. */
    parentId: z.uuid().nullable(),
    from: businessDate, documentNo: codeText.nullable().default(null), sample: z.boolean().default(false),
  }),
  problems: ['unit-code-taken', 'unit-unknown', 'parent-not-there', 'root-exists'],
});
export const moveUnit = defineRoute({
  ...unitAnswer, method: 'POST', path: `${api}/units/{id}/move`, operationId: 'moveUnit',
  summary: { vi: 'Chuyển đơn vị sang đơn vị cấp trên khác', en: 'Move a unit to another parent' },
  body: z.strictObject({ parentId: z.uuid(), on: businessDate, documentNo: codeText }),
  problems: [...unitRefusals, 'parent-not-there', 'unit-below-itself'],
});
export const dissolveUnit = defineRoute({
  ...unitAnswer, method: 'POST', path: `${api}/units/{id}/dissolve`, operationId: 'dissolveUnit',
  summary: { vi: 'Kết thúc đơn vị', en: 'End a unit' },
  /** `on`: the first day it no longer exists. */
  body: z.strictObject({ on: businessDate, documentNo: codeText }),
  problems: [...unitRefusals, 'unit-has-children', 'unit-succeeds-later', 'root-stays'],
});
export const succeedUnit = defineRoute({
  ...unitAnswer, method: 'POST', path: `${api}/units/{id}/succeed`, operationId: 'succeedUnit',
  summary: { vi: 'Chia, tách, sáp nhập: kết thúc đơn vị và ghi đơn vị kế thừa', en: 'Split or merge: end a unit and record its successors' },
  body: z.strictObject({
    successors: z.array(z.strictObject({ unitId: z.uuid(), sharePercent: z.int().min(1).max(100).nullable().default(null) })).min(1).max(100),
    on: businessDate, documentNo: codeText, sample: z.boolean().default(false),
  }),
  problems: [...unitRefusals, 'unit-has-children', 'unit-succeeds-later', 'root-stays', 'successors-recorded', 'successor-not-there', 'successor-twice', 'shares-over-100'],
});
export const assignHistory = defineRoute({
  method: 'POST', path: `${api}/units/{id}/assignments`, operationId: 'assignHistory', callers: ['board'], params: idParams, status: 200,
  summary: { vi: 'Gán lịch sử của người thuộc đơn vị đã chia cho đơn vị kế thừa', en: "Assign the history of a split unit's people to its successors" },
  body: z.strictObject({
    items: z.array(z.strictObject({ personId: z.uuid(), toUnitId: z.uuid() })).min(1).max(1000),
    documentNo: codeText.nullable().default(null),
  }),
  answer: z.object({ fromUnitId: z.uuid(), items: z.array(z.object({ assignmentId: z.uuid(), personId: z.uuid(), toUnitId: z.uuid() })) }),
  problems: ['unit-unknown', 'unit-not-split', 'not-a-successor', 'person-unknown', 'person-twice'],
});

const facts = learnerFacts.omit({ birth: true, sex: true });
const masked = '^([0-9]{12}|[*]{9}[0-9]{3})$';
const listedPerson = z.object({
  id: z.uuid(),
  unitId: z.uuid(),
  name: z.string(),
  birth: z.string().nullable(),
  sex: z.enum(SEXES).nullable(),
  /** In lists and in answers to writes only the last three digits. */
  identityNumber: z.string().regex(new RegExp(masked)).nullable(),
  mergedInto: z.uuid().nullable(),
  version,
});
/** `facts` is null, and the number masked, for who may read the person but not all of it. */
export const personRecord = listedPerson.extend({ facts: facts.nullable() });
const notice = z.object({ code: z.string(), vi: z.string(), en: z.string() });
/** `warnings`: where the number disagrees with itself, the birth or the sex; nothing is refused for it. */
export const writtenPerson = personRecord.extend({ warnings: z.array(notice) });

export const listPeople = defineRoute({
  method: 'GET', path: `${api}/people`, operationId: 'listPeople', callers: readersOfPeople, status: 200, answer: page(listedPerson),
  summary: { vi: 'Danh sách người, xếp theo tên', en: 'People, by given name' },
  query: z.object({ ...pageQuery, unitId: z.uuid().optional(), q: fold }),
});
export const readPerson = defineRoute({
  method: 'GET', path: `${api}/people/{id}`, operationId: 'readPerson', callers: readersOfPeople, params: idParams, status: 200, answer: personRecord,
  summary: { vi: 'Hồ sơ một người; việc đọc được ghi lại', en: "One person's record; the reading is logged" },
});
const personBody = {
  name: text({ max: 100, min: 2 }), identityNumber: identityNumber.nullable(), birth: birth.nullable(), sex: z.enum(SEXES).nullable(), unitId: z.uuid(),
};
export const registerPerson = defineRoute({
  method: 'POST', path: `${api}/people`, operationId: 'registerPerson', callers: writers, status: 201, answer: writtenPerson,
  summary: { vi: 'Khai báo người', en: 'Register a person' },
  body: z.strictObject({
    ...personBody, identityNumber: personBody.identityNumber.default(null), birth: personBody.birth.default(null), sex: personBody.sex.default(null),
    facts: facts.default({}),
  }),
  problems: ['unit-unknown', 'unit-ended', 'person-exists', 'person-exists-elsewhere'],
});
export const updatePerson = defineRoute({
  method: 'PATCH', path: `${api}/people/{id}`, operationId: 'updatePerson', callers: writers, params: idParams, status: 200, answer: writtenPerson,
  summary: { vi: 'Sửa hồ sơ người', en: "Mend a person's record" },
  /** What is absent stays; null takes a value away, also inside `facts`. */
  body: z.strictObject({ ...personBody, facts, reason }).partial(),
  problems: ['unit-unknown', 'unit-ended', 'person-exists', 'person-exists-elsewhere', 'person-merged'],
});
export const erasePerson = defineRoute({
  method: 'DELETE', path: `${api}/people/{id}`, operationId: 'erasePerson', callers: ['board'], params: idParams, status: 204, answer: 'none',
  summary: { vi: 'Xóa dữ liệu cá nhân của một người', en: "Erase a person's data" },
  problems: ['person-merged'],
});

export const duplicateRecord = z.object({
  id: z.uuid(),
  state: z.enum(['open', 'merged', 'dismissed']),
  people: z.array(listedPerson),
  foundAt: z.string(),
});
export const listDuplicates = defineRoute({
  method: 'GET', path: `${api}/people/duplicates`, operationId: 'listDuplicates', callers: ['board'], status: 200, answer: page(duplicateRecord),
  summary: { vi: 'Những cặp có thể là một người, chờ xử lý', en: 'Pairs that may be one person' },
  query: z.object(pageQuery),
});
const duplicateAnswer = { callers: ['board'], params: idParams, status: 200, answer: z.object({ id: z.uuid(), state: z.enum(['open', 'merged', 'dismissed']) }) } as const;
export const mergeDuplicate = defineRoute({
  ...duplicateAnswer, method: 'POST', path: `${api}/people/duplicates/{id}/merge`, operationId: 'mergeDuplicate',
  summary: { vi: 'Gộp hai hồ sơ của một người', en: 'Merge two records of one person' },
  body: z.strictObject({ keptPersonId: z.uuid(), reason }),
  problems: ['duplicate-closed', 'person-not-of-pair', 'person-merged', 'identity-numbers-differ'],
});
export const dismissDuplicate = defineRoute({
  ...duplicateAnswer, method: 'POST', path: `${api}/people/duplicates/{id}/dismiss`, operationId: 'dismissDuplicate',
  summary: { vi: 'Xác nhận là hai người khác nhau', en: 'Say that these are two people' },
  body: z.strictObject({ reason }),
  problems: ['duplicate-closed'],
});

export const grantRecord = z.object({
  id: z.uuid(), sub: z.string(), role: z.enum(roles), unitId: z.uuid(), validFrom: z.string(), validTo: z.string().nullable(), documentNo: z.string(),
  revokedOn: z.string().nullable(), version,
});
export const listGrants = defineRoute({
  method: 'GET', path: `${api}/grants`, operationId: 'listGrants', callers: ['board', 'operator'], status: 200, answer: page(grantRecord),
  summary: { vi: 'Các quyền đã cấp', en: 'Grants' },
  query: z.object({ ...pageQuery, sub: z.string().min(1).max(200).optional() }),
});
export const readMe = defineRoute({
  method: 'GET', path: `${api}/me`, operationId: 'readMe', callers: 'signed-in', status: 200,
  summary: { vi: 'Quyền hiện có của tôi', en: 'My grants today' },
  answer: z.object({ sub: z.string(), grants: z.array(grantRecord.omit({ revokedOn: true, version: true })) }),
});
export const issueGrant = defineRoute({
  method: 'POST', path: `${api}/grants`, operationId: 'issueGrant', callers: ['board'], status: 201, answer: grantRecord,
  summary: { vi: 'Cấp quyền', en: 'Issue a grant' },
  body: z.strictObject({
    sub: z.string().regex(/^[\x21-\x7e]{1,200}$/), role: z.enum(roles), unitId: z.uuid(), validFrom: businessDate, validTo: businessDate.nullable().default(null),
    documentNo: codeText,
  }),
  problems: ['unit-unknown', 'unit-ended', 'grant-to-oneself', 'grant-dates', 'grant-exists', 'first-grant-is-board'],
});
export const revokeGrant = defineRoute({
  method: 'POST', path: `${api}/grants/{id}/revoke`, operationId: 'revokeGrant', callers: ['board'], params: idParams, status: 200, answer: grantRecord,
  summary: { vi: 'Thu hồi quyền', en: 'Revoke a grant' },
  body: z.strictObject({ documentNo: codeText, reason }),
  problems: ['grant-over', 'last-board-grant'],
});

export const documentRecord = z.object({
  id: z.uuid(), number: z.string(), issuer: z.string(), issuedOn: z.string(), governs: z.enum(documentSubjects), title: z.string().nullable(), version,
});
export const listDocuments = defineRoute({
  method: 'GET', path: `${api}/documents`, operationId: 'listDocuments', callers: everyone, status: 200, answer: page(documentRecord),
  summary: { vi: 'Các văn bản căn cứ, mới nhất trước', en: 'Governing documents, newest first' },
  query: z.object({ ...pageQuery, q: fold }),
});
export const recordDocument = defineRoute({
  method: 'POST', path: `${api}/documents`, operationId: 'recordDocument', callers: ['board', 'school'], status: 201, answer: documentRecord,
  summary: { vi: 'Ghi nhận văn bản', en: 'Record a document' },
  body: z.strictObject({
    number: codeText, issuer: text({ max: 200 }), issuedOn: businessDate, governs: z.enum(documentSubjects), title: text({ max: 500 }).nullable().default(null),
  }),
  problems: ['document-exists'],
});

export const peopleImport = importRoutes({ api, of: 'People', callers: writers, summary: { vi: 'Nhập danh sách người', en: 'People import' } });

export const registryRoutes = [
  listUnits, readUnit, readSuccessors, registerUnit, moveUnit, dissolveUnit, succeedUnit, assignHistory,
  listPeople, listDuplicates, readPerson, registerPerson, updatePerson, erasePerson, mergeDuplicate, dismissDuplicate,
  listGrants, readMe, issueGrant, revokeGrant, listDocuments, recordDocument,
  ...Object.values(peopleImport),
] as const;

import { z } from 'zod';
import { birth } from '../dates.ts';
import { learnerFacts } from '../learner-facts.ts';
import { SEXES } from '../eligibility-codes.ts';
import { identityNumber } from '../identity-number.ts';
import { text } from '../text.ts';
import { importRoutes } from './imports.ts';
import { fold, reason, registryApi, version, writers } from './registry-fields.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

const readersOfPeople = ['officer', 'approver', 'board', 'school', 'reader'] as const;

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
  method: 'GET',
  path: `${registryApi}/people`,
  operationId: 'listPeople',
  callers: readersOfPeople,
  status: 200,
  answer: page(listedPerson),
  summary: { vi: 'Danh sách người, xếp theo tên', en: 'People, by given name' },
  query: z.object({ ...pageQuery, unitId: z.uuid().optional(), q: fold }),
});
export const readPerson = defineRoute({
  method: 'GET',
  path: `${registryApi}/people/{id}`,
  operationId: 'readPerson',
  callers: readersOfPeople,
  params: idParams,
  status: 200,
  answer: personRecord,
  summary: { vi: 'Hồ sơ một người; việc đọc được ghi lại', en: "One person's record; the reading is logged" },
});
const personBody = {
  name: text({ max: 100, min: 2 }),
  identityNumber: identityNumber.nullable(),
  birth: birth.nullable(),
  sex: z.enum(SEXES).nullable(),
  unitId: z.uuid(),
};
export const registerPerson = defineRoute({
  method: 'POST',
  path: `${registryApi}/people`,
  operationId: 'registerPerson',
  callers: writers,
  status: 201,
  answer: writtenPerson,
  summary: { vi: 'Khai báo người', en: 'Register a person' },
  body: z.strictObject({
    ...personBody,
    identityNumber: personBody.identityNumber.default(null),
    birth: personBody.birth.default(null),
    sex: personBody.sex.default(null),
    facts: facts.default({}),
  }),
  problems: ['unit-unknown', 'unit-ended', 'person-exists', 'person-exists-elsewhere'],
});
export const updatePerson = defineRoute({
  method: 'PATCH',
  path: `${registryApi}/people/{id}`,
  operationId: 'updatePerson',
  callers: writers,
  params: idParams,
  status: 200,
  answer: writtenPerson,
  summary: { vi: 'Sửa hồ sơ người', en: "Mend a person's record" },
  /** What is absent stays; null takes a value away, also inside `facts`. */
  body: z.strictObject({ ...personBody, facts, reason }).partial(),
  problems: ['unit-unknown', 'unit-ended', 'person-exists', 'person-exists-elsewhere', 'person-merged'],
});
export const erasePerson = defineRoute({
  method: 'DELETE',
  path: `${registryApi}/people/{id}`,
  operationId: 'erasePerson',
  callers: ['board'],
  params: idParams,
  status: 204,
  answer: 'none',
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
  method: 'GET',
  path: `${registryApi}/people/duplicates`,
  operationId: 'listDuplicates',
  callers: ['board'],
  status: 200,
  answer: page(duplicateRecord),
  summary: { vi: 'Những cặp có thể là một người, chờ xử lý', en: 'Pairs that may be one person' },
  query: z.object(pageQuery),
});
const duplicateAnswer = {
  callers: ['board'],
  params: idParams,
  status: 200,
  answer: z.object({ id: z.uuid(), state: z.enum(['open', 'merged', 'dismissed']) }),
} as const;
export const mergeDuplicate = defineRoute({
  ...duplicateAnswer,
  method: 'POST',
  path: `${registryApi}/people/duplicates/{id}/merge`,
  operationId: 'mergeDuplicate',
  summary: { vi: 'Gộp hai hồ sơ của một người', en: 'Merge two records of one person' },
  body: z.strictObject({ keptPersonId: z.uuid(), reason }),
  problems: ['duplicate-closed', 'person-not-of-pair', 'person-merged', 'identity-numbers-differ'],
});
export const dismissDuplicate = defineRoute({
  ...duplicateAnswer,
  method: 'POST',
  path: `${registryApi}/people/duplicates/{id}/dismiss`,
  operationId: 'dismissDuplicate',
  summary: { vi: 'Xác nhận là hai người khác nhau', en: 'Say that these are two people' },
  body: z.strictObject({ reason }),
  problems: ['duplicate-closed'],
});

export const peopleImport = importRoutes({
  api: registryApi,
  of: 'People',
  callers: writers,
  summary: { vi: 'Nhập danh sách người', en: 'People import' },
});

export const peopleRoutes = [
  listPeople,
  listDuplicates,
  readPerson,
  registerPerson,
  updatePerson,
  erasePerson,
  mergeDuplicate,
  dismissDuplicate,
  ...Object.values(peopleImport),
] as const;

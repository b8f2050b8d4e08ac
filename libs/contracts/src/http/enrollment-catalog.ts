import { z } from 'zod';
import { businessDate } from '../dates.ts';
import { publishedRuleSet, ruleSet } from '../eligibility.ts';
import { FORMS, LEVELS } from '../eligibility-codes.ts';
import { provenances } from '../events/enrollment.ts';
import { roles } from '../grants.ts';
import { normalizeText, text } from '../text.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

export const api = '/api/enrollment/v1';
export const codeText = z
  .string()
  .overwrite(normalizeText)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._/:+-]{0,79}$/u);
const version = z.int().min(1);

/** Programs, classes and rules are public to every role. */
const everyone = roles;

export const programRecord = z.object({
  id: z.uuid(),
  code: z.string(),
  /** Assigned: 1, 2, … of this code; each stays in force from its date until that of a later one. */
  version,
  name: z.string(),
  level: z.enum(LEVELS).nullable(),
  form: z.enum(FORMS).nullable(),
  line: z.string(),
  hours: z.int(),
  validFrom: z.string(),
  documentNo: z.string(),
  publishedAt: z.string(),
});

export const listPrograms = defineRoute({
  method: 'GET',
  path: `${api}/programs`,
  operationId: 'listPrograms',
  callers: everyone,
  status: 200,
  answer: page(programRecord),
  summary: { vi: 'Các khung chương trình, mọi phiên bản', en: 'Framework programs, all versions' },
  /** `on`: only the version of each code in force on that date. */
  query: z.object({ ...pageQuery, code: codeText.optional(), on: businessDate.optional() }),
});
export const publishProgram = defineRoute({
  method: 'POST',
  path: `${api}/programs`,
  operationId: 'publishProgram',
  callers: ['school', 'board'],
  status: 201,
  answer: programRecord,
  summary: { vi: 'Ban hành khung chương trình (hoặc phiên bản mới)', en: 'Publish a framework program, or a new version of it' },
  body: z.strictObject({
    code: codeText,
    name: text({ max: 300 }),
    level: z.enum(LEVELS).nullable(),
    form: z.enum(FORMS).nullable(),
    line: codeText,
    hours: z.int().min(1).max(10_000),
    validFrom: businessDate,
    documentNo: codeText,
  }),
  problems: ['form-missing'],
});

export const listRuleSets = defineRoute({
  method: 'GET',
  path: `${api}/rule-sets`,
  operationId: 'listRuleSets',
  callers: everyone,
  status: 200,
  answer: page(publishedRuleSet),
  summary: { vi: 'Các bộ quy tắc điều kiện đã ban hành', en: 'Published sets of eligibility rules' },
  query: z.object(pageQuery),
});
export const publishRuleSet = defineRoute({
  method: 'POST',
  path: `${api}/rule-sets`,
  operationId: 'publishRuleSet',
  callers: ['school', 'board'],
  status: 201,
  answer: publishedRuleSet,
  summary: { vi: 'Ban hành bộ quy tắc điều kiện', en: 'Publish a set of eligibility rules' },
  body: ruleSet,
  problems: ['rule-set-version-old'],
});

export const classRecord = z.object({
  id: z.uuid(),
  code: z.string(),
  provenance: z.enum(provenances),
  state: z.enum(['open', 'past', 'revoked']),
  programCode: z.string(),
  /** Null for a class of the past: only its program's code is on record. */
  programVersion: version.nullable(),
  line: z.string(),
  level: z.enum(LEVELS).nullable(),
  form: z.enum(FORMS).nullable(),
  hostUnitId: z.uuid(),
  organizers: z.array(z.uuid()),
  /** Places; null for a class of the past. */
  size: z.int().nullable(),
  /** Places given to approved nominations; turns of a class of the past. */
  taken: z.int(),
  from: z.string(),
  to: z.string(),
  importId: z.uuid().nullable(),
  version,
});

export const listClasses = defineRoute({
  method: 'GET',
  path: `${api}/classes`,
  operationId: 'listClasses',
  callers: everyone,
  status: 200,
  answer: page(classRecord),
  summary: { vi: 'Các lớp, mới nhất trước', en: 'Classes, newest first' },
  query: z.object({
    ...pageQuery,
    code: codeText.optional(),
    programCode: codeText.optional(),
    hostUnitId: z.uuid().optional(),
    year: z.coerce.number().int().min(1900).max(2199).optional(),
    provenance: z.enum(provenances).optional(),
  }),
});
export const readClass = defineRoute({
  method: 'GET',
  path: `${api}/classes/{id}`,
  operationId: 'readClass',
  callers: everyone,
  params: idParams,
  status: 200,
  answer: classRecord,
  summary: { vi: 'Một lớp', en: 'One class' },
});
export const openClass = defineRoute({
  method: 'POST',
  path: `${api}/classes`,
  operationId: 'openClass',
  callers: ['school'],
  status: 201,
  answer: classRecord,
  summary: { vi: 'Mở lớp', en: 'Open a class' },
  body: z.strictObject({
    programCode: codeText,
    hostUnitId: z.uuid(),
    size: z.int().min(1).max(5_000),
    from: businessDate,
    to: businessDate,
    /** Absent: the next number of the host, level and year, such as K26.CC.B01. */
    code: codeText.optional(),
    organizers: z.array(z.uuid()).max(20).default([]),
  }),
  problems: ['program-unknown', 'program-not-in-force', 'class-dates', 'class-code-taken', 'class-code-reserved', 'unit-not-there'],
});

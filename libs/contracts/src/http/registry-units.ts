import { z } from 'zod';
import { businessDate } from '../dates.ts';
import { text } from '../text.ts';
import { codeText, everyone, fold, registryApi, version } from './registry-fields.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

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
  method: 'GET',
  path: `${registryApi}/units`,
  operationId: 'listUnits',
  callers: everyone,
  status: 200,
  answer: page(unitRecord),
  summary: { vi: 'Các đơn vị trong cơ cấu của một ngày', en: 'Units in the structure of a date' },
  /** `q`: part of a name or code, with or without diacritics. */
  query: z.object({ ...pageQuery, on: businessDate.optional(), q: fold, parentId: z.uuid().optional() }),
});
export const readUnit = defineRoute({
  method: 'GET',
  path: `${registryApi}/units/{id}`,
  operationId: 'readUnit',
  callers: everyone,
  params: idParams,
  status: 200,
  answer: unitRecord,
  summary: { vi: 'Một đơn vị', en: 'One unit' },
});
export const readSuccessors = defineRoute({
  method: 'GET',
  path: `${registryApi}/units/{id}/successors`,
  operationId: 'readSuccessors',
  callers: everyone,
  params: idParams,
  status: 200,
  summary: { vi: 'Các đơn vị kế thừa', en: 'Successors of a unit' },
  answer: z.object({
    items: z.array(
      z.object({
        unitId: z.uuid(),
        code: z.string(),
        name: z.string(),
        sharePercent: z.int().nullable(),
        on: z.string(),
        documentNo: z.string().nullable(),
        sample: z.boolean(),
      }),
    ),
  }),
});

const unitAnswer = { params: idParams, callers: ['board'], status: 200, answer: unitRecord } as const;
const unitRefusals = ['unit-unknown', 'unit-ended', 'date-before-last-change'];

export const registerUnit = defineRoute({
  method: 'POST',
  path: `${registryApi}/units`,
  operationId: 'registerUnit',
  callers: ['board'],
  status: 201,
  answer: unitRecord,
  summary: { vi: 'Khai báo đơn vị', en: 'Register a unit' },
  body: z.strictObject({
    code: codeText,
    kind: codeText,
    name: text({ max: 300 }),
    /** Null for the city alone. */
    parentId: z.uuid().nullable(),
    from: businessDate,
    documentNo: codeText.nullable().default(null),
    sample: z.boolean().default(false),
  }),
  problems: ['unit-code-taken', 'unit-unknown', 'parent-not-there', 'root-exists'],
});
export const moveUnit = defineRoute({
  ...unitAnswer,
  method: 'POST',
  path: `${registryApi}/units/{id}/move`,
  operationId: 'moveUnit',
  summary: { vi: 'Chuyển đơn vị sang đơn vị cấp trên khác', en: 'Move a unit to another parent' },
  body: z.strictObject({ parentId: z.uuid(), on: businessDate, documentNo: codeText }),
  problems: [...unitRefusals, 'parent-not-there', 'unit-below-itself'],
});
export const dissolveUnit = defineRoute({
  ...unitAnswer,
  method: 'POST',
  path: `${registryApi}/units/{id}/dissolve`,
  operationId: 'dissolveUnit',
  summary: { vi: 'Kết thúc đơn vị', en: 'End a unit' },
  /** `on`: the first day it no longer exists. */
  body: z.strictObject({ on: businessDate, documentNo: codeText }),
  problems: [...unitRefusals, 'unit-has-children', 'unit-succeeds-later', 'root-stays'],
});
export const succeedUnit = defineRoute({
  ...unitAnswer,
  method: 'POST',
  path: `${registryApi}/units/{id}/succeed`,
  operationId: 'succeedUnit',
  summary: { vi: 'Chia, tách, sáp nhập: kết thúc đơn vị và ghi đơn vị kế thừa', en: 'Split or merge: end a unit and record its successors' },
  body: z.strictObject({
    successors: z
      .array(z.strictObject({ unitId: z.uuid(), sharePercent: z.int().min(1).max(100).nullable().default(null) }))
      .min(1)
      .max(100),
    on: businessDate,
    documentNo: codeText,
    sample: z.boolean().default(false),
  }),
  problems: [
    ...unitRefusals,
    'unit-has-children',
    'unit-succeeds-later',
    'root-stays',
    'successors-recorded',
    'successor-not-there',
    'successor-twice',
    'shares-over-100',
  ],
});
export const assignHistory = defineRoute({
  method: 'POST',
  path: `${registryApi}/units/{id}/assignments`,
  operationId: 'assignHistory',
  callers: ['board'],
  params: idParams,
  status: 200,
  summary: {
    vi: 'Gán lịch sử của người thuộc đơn vị đã chia cho đơn vị kế thừa',
    en: "Assign the history of a split unit's people to its successors",
  },
  body: z.strictObject({
    items: z
      .array(z.strictObject({ personId: z.uuid(), toUnitId: z.uuid() }))
      .min(1)
      .max(1000),
    documentNo: codeText.nullable().default(null),
  }),
  answer: z.object({ fromUnitId: z.uuid(), items: z.array(z.object({ assignmentId: z.uuid(), personId: z.uuid(), toUnitId: z.uuid() })) }),
  problems: ['unit-unknown', 'unit-not-split', 'not-a-successor', 'person-unknown', 'person-twice'],
});

export const unitRoutes = [listUnits, readUnit, readSuccessors, registerUnit, moveUnit, dissolveUnit, succeedUnit, assignHistory] as const;

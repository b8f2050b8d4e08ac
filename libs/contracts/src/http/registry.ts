import { z } from 'zod';
import { businessDate } from '../dates.ts';
import { documentSubjects } from '../events/registry.ts';
import { roles } from '../grants.ts';
import { text } from '../text.ts';
import { codeText, everyone, fold, reason, registryApi, version } from './registry-fields.ts';
import { peopleRoutes } from './registry-people.ts';
import { unitRoutes } from './registry-units.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

export const grantRecord = z.object({
  id: z.uuid(),
  sub: z.string(),
  role: z.enum(roles),
  unitId: z.uuid(),
  validFrom: z.string(),
  validTo: z.string().nullable(),
  documentNo: z.string(),
  revokedOn: z.string().nullable(),
  version,
});
export const listGrants = defineRoute({
  method: 'GET',
  path: `${registryApi}/grants`,
  operationId: 'listGrants',
  callers: ['board', 'operator'],
  status: 200,
  answer: page(grantRecord),
  summary: { vi: 'Các quyền đã cấp', en: 'Grants' },
  query: z.object({ ...pageQuery, sub: z.string().min(1).max(200).optional() }),
});
export const readMe = defineRoute({
  method: 'GET',
  path: `${registryApi}/me`,
  operationId: 'readMe',
  callers: 'signed-in',
  status: 200,
  summary: { vi: 'Quyền hiện có của tôi', en: 'My grants today' },
  answer: z.object({ sub: z.string(), grants: z.array(grantRecord.omit({ revokedOn: true, version: true })) }),
});
export const issueGrant = defineRoute({
  method: 'POST',
  path: `${registryApi}/grants`,
  operationId: 'issueGrant',
  callers: ['board'],
  status: 201,
  answer: grantRecord,
  summary: { vi: 'Cấp quyền', en: 'Issue a grant' },
  body: z.strictObject({
    sub: z.string().regex(/^[\x21-\x7e]{1,200}$/),
    role: z.enum(roles),
    unitId: z.uuid(),
    validFrom: businessDate,
    validTo: businessDate.nullable().default(null),
    documentNo: codeText,
  }),
  problems: ['unit-unknown', 'unit-ended', 'grant-to-oneself', 'grant-dates', 'grant-exists', 'first-grant-is-board'],
});
export const revokeGrant = defineRoute({
  method: 'POST',
  path: `${registryApi}/grants/{id}/revoke`,
  operationId: 'revokeGrant',
  callers: ['board'],
  params: idParams,
  status: 200,
  answer: grantRecord,
  summary: { vi: 'Thu hồi quyền', en: 'Revoke a grant' },
  body: z.strictObject({ documentNo: codeText, reason }),
  problems: ['grant-over', 'last-board-grant'],
});

export const documentRecord = z.object({
  id: z.uuid(),
  number: z.string(),
  issuer: z.string(),
  issuedOn: z.string(),
  governs: z.enum(documentSubjects),
  title: z.string().nullable(),
  version,
});
export const listDocuments = defineRoute({
  method: 'GET',
  path: `${registryApi}/documents`,
  operationId: 'listDocuments',
  callers: everyone,
  status: 200,
  answer: page(documentRecord),
  summary: { vi: 'Các văn bản căn cứ, mới nhất trước', en: 'Governing documents, newest first' },
  query: z.object({ ...pageQuery, q: fold }),
});
export const recordDocument = defineRoute({
  method: 'POST',
  path: `${registryApi}/documents`,
  operationId: 'recordDocument',
  callers: ['board', 'school'],
  status: 201,
  answer: documentRecord,
  summary: { vi: 'Ghi nhận văn bản', en: 'Record a document' },
  body: z.strictObject({
    number: codeText,
    issuer: text({ max: 200 }),
    issuedOn: businessDate,
    governs: z.enum(documentSubjects),
    title: text({ max: 500 }).nullable().default(null),
  }),
  problems: ['document-exists'],
});

export const registryRoutes = [...unitRoutes, ...peopleRoutes, listGrants, readMe, issueGrant, revokeGrant, listDocuments, recordDocument] as const;

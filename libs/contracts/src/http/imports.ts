import { z } from 'zod';
import type { Role } from '../grants.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

const finding = z.object({ kind: z.enum(['error', 'warning']), column: z.string(), code: z.string(), vi: z.string(), en: z.string(), rows: z.int() });

const counts = { rows: z.int(), accepted: z.int(), rejected: z.int(), unchanged: z.int() };

/** What a commit would do, and the hash that names exactly this plan. */
const plan = z.object({ id: z.uuid(), planHash: z.string(), ...counts, findings: z.array(finding) });
export type ImportPlan = z.output<typeof plan>;

/**
 * `done` of `total` rows are committed (or taken back), after `failures` chunks that failed in a row. A plan that was refused says why in `problem`. `fileName` may hold a
 * person's name: it is answered and never logged.
 */
const importRecord = z.object({
  kind: z.string(),
  id: z.uuid(),
  state: z.enum(['planning', 'planned', 'committing', 'done', 'revoking', 'revoked', 'refused']),
  fileName: z.string(),
  planHash: z.string().nullable(),
  ...counts,
  findings: z.array(finding),
  done: z.int(),
  total: z.int(),
  failures: z.int(),
  actor: z.string(),
  committedBy: z.string().nullable(),
  revokedBy: z.string().nullable(),
  unitId: z.uuid().nullable(),
  problem: z.object({ code: z.string(), params: z.record(z.string(), z.union([z.string(), z.number()])) }).nullable(),
  createdAt: z.string(),
  plannedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
});
export type ImportRecord = z.output<typeof importRecord>;

const unreadable = [
  'file-missing',
  'file-empty',
  'file-too-large',
  'file-is-workbook',
  'file-is-pdf',
  'file-is-html',
  'file-is-utf16',
  'file-not-utf8',
  'file-has-nul',
  'heading-row-missing',
  'column-missing',
  'column-duplicate',
  'too-many-columns',
  'too-many-rows',
  'quote-broken',
  'record-too-long',
  'upload-incomplete',
  'uploads-busy',
];

/** The import door of a service, the same everywhere. `of` names what comes in, for the operations' ids. */
export const importRoutes = <const Callers extends readonly Role[]>({
  api,
  of,
  callers,
  summary,
}: {
  readonly api: string;
  readonly of: string;
  readonly callers: Callers;
  readonly summary: { readonly vi: string; readonly en: string };
}) => {
  const inPlace = { callers, params: idParams } as const;
  const about = (vi: string, en: string): { vi: string; en: string } => ({ vi: `${summary.vi}: ${vi}`, en: `${summary.en}: ${en}` });
  return {
    /** Reads the file to its end and plans it; nothing else is written. */
    planImport: defineRoute({
      method: 'POST',
      path: `${api}/imports`,
      operationId: `plan${of}Import`,
      callers,
      upload: true,
      status: 201,
      answer: plan,
      summary: about('đọc tệp CSV và lập kế hoạch', 'read a CSV file and plan it'),
      /** `unitId`: on whose behalf; absent, the unit of the caller's first grant. */
      query: z.object({ mode: z.literal('plan').default('plan'), unitId: z.uuid().optional() }),
      problems: unreadable,
    }),
    commitImport: defineRoute({
      ...inPlace,
      method: 'POST',
      path: `${api}/imports/{id}/commit`,
      operationId: `commit${of}Import`,
      status: 202,
      answer: importRecord,
      summary: about('ghi đúng kế hoạch đã lập', 'commit exactly the plan'),
      body: z.strictObject({ planHash: z.string().regex(/^[0-9a-f]{64}$/) }),
      problems: ['plan-hash-mismatch', 'import-not-planned', 'plan-expired'],
    }),
    revokeImport: defineRoute({
      ...inPlace,
      method: 'POST',
      path: `${api}/imports/{id}/revoke`,
      operationId: `revoke${of}Import`,
      status: 202,
      answer: importRecord,
      summary: about('thu hồi', 'take back'),
      body: z.strictObject({}).optional(),
      problems: ['import-not-committed'],
    }),
    listImports: defineRoute({
      method: 'GET',
      path: `${api}/imports`,
      operationId: `list${of}Imports`,
      callers,
      status: 200,
      answer: page(importRecord),
      summary: about('các lần nhập, mới nhất trước', 'imports, newest first'),
      query: z.object(pageQuery),
    }),
    readImport: defineRoute({
      ...inPlace,
      method: 'GET',
      path: `${api}/imports/{id}`,
      operationId: `read${of}Import`,
      status: 200,
      answer: importRecord,
      summary: about('tiến độ', 'progress'),
    }),
    readRejected: defineRoute({
      ...inPlace,
      method: 'GET',
      path: `${api}/imports/{id}/rejected`,
      operationId: `readRejected${of}`,
      status: 200,
      answer: 'csv',
      summary: about('các dòng bị từ chối, để sửa và nhập lại', 'rejected rows, to mend and import again'),
      problems: ['import-not-read', 'rejected-rows-expired'],
    }),
  } as const;
};

/** The routes of one service's import door. */
export type ImportRoutes = ReturnType<typeof importRoutes>;

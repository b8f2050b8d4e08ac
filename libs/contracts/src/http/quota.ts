import { z } from 'zod';
import { businessDate } from '../dates.ts';
import { defineRoute, idParams, page, pageQuery } from './route.ts';

const api = '/api/quota/v1';
const readers = ['officer', 'approver', 'board', 'school', 'reader'] as const;
const code = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._/:+-]{0,79}$/u);
const year = z.int().min(2000).max(2100);
const seats = z.int().min(0).max(1_000_000);
const count = z.int().min(0);

export const potRecord = z.object({
  id: z.uuid(),
  year: count,
  programCode: z.string(),
  size: count,
  documentNo: z.string(),
  rootUnitId: z.uuid(),
  closesOn: z.string().nullable(),
  version: count,
});
export const accountRecord = z.object({
  id: z.uuid(),
  unitId: z.uuid(),
  parentAccountId: z.uuid().nullable(),
  allotted: count,
  passedOn: count,
  held: count,
  confirmed: count,
  queued: count,
  free: count,
  version: count,
});
const potWithAccounts = potRecord.extend({ accounts: z.array(accountRecord) });

export const openPotRoute = defineRoute({
  method: 'POST',
  path: `${api}/pots`,
  operationId: 'openPot',
  callers: ['board'],
  status: 201,
  answer: potRecord,
  summary: { vi: 'Mở nguồn chỉ tiêu của năm theo văn bản giao', en: "Open a year's pot under its governing document" },
  body: z.strictObject({
    year,
    programCode: code,
    size: seats.min(1),
    documentNo: code,
    rootUnitId: z.uuid(),
    /** First day on which nobody may ask any more. */
    closesOn: businessDate.nullable().default(null),
  }),
  problems: ['pot-exists', 'size-invalid', 'document-missing', 'unit-not-known-yet'],
});
export const listPots = defineRoute({
  method: 'GET',
  path: `${api}/pots`,
  operationId: 'listPots',
  callers: readers,
  status: 200,
  answer: page(potRecord),
  summary: { vi: 'Các nguồn chỉ tiêu', en: 'Pots' },
  query: z.object({ ...pageQuery, year: z.coerce.number().int().min(2000).max(2100).optional(), programCode: code.optional() }),
});
export const readPot = defineRoute({
  method: 'GET',
  path: `${api}/pots/{id}`,
  operationId: 'readPot',
  callers: readers,
  params: idParams,
  status: 200,
  answer: potWithAccounts,
  summary: { vi: 'Một nguồn chỉ tiêu và phần của các đơn vị thuộc phạm vi', en: 'A pot with the accounts of the units in scope' },
});

const byHand = z.strictObject({
  by: z.literal('hand'),
  /** Seats to add to what each unit holds, or to take back (below zero). */
  shares: z
    .array(z.strictObject({ unitId: z.uuid(), change: z.int().min(-1_000_000).max(1_000_000) }))
    .min(1)
    .max(1_000),
});
const byFormula = z.strictObject({
  by: z.literal('formula'),
  method: z.enum(['largest-remainder', 'sainte-lague', 'dhondt', 'equal']),
  /** What these units hold together afterwards. */
  total: seats,
  shares: z
    .array(z.strictObject({ unitId: z.uuid(), weight: z.union([z.int().min(0), z.string().regex(/^\d{1,15}(\.\d{1,9})?$/)]) }))
    .min(1)
    .max(1_000),
});

export const dividePotRoute = defineRoute({
  method: 'POST',
  path: `${api}/pots/{id}/divisions`,
  operationId: 'dividePot',
  callers: ['board', 'approver'],
  params: idParams,
  status: 201,
  summary: { vi: 'Chia chỉ tiêu xuống các đơn vị, kèm cách tính', en: 'Divide seats over units, with the working shown' },
  body: z.strictObject({
    /** The unit whose account is divided. */
    unitId: z.uuid(),
    documentNo: code,
    division: z.discriminatedUnion('by', [byHand, byFormula]),
  }),
  answer: z.object({
    potId: z.uuid(),
    account: accountRecord,
    accounts: z.array(accountRecord),
    /** The printable working of a formula; null for a division by hand. */
    working: z.unknown().nullable(),
  }),
  problems: [
    'account-unknown',
    'unit-not-known-yet',
    'document-missing',
    'not-enough-free',
    'account-elsewhere',
    'account-between',
    'unit-ended',
    'unit-not-below',
    'below-used',
    'change-invalid',
    'shares-empty',
    'share-twice',
    'weight-invalid',
    'weights-all-zero',
    'total-invalid',
  ],
});

export const seatRecord = z.object({
  enrollmentId: z.uuid(),
  state: z.enum(['held', 'queued', 'refused', 'confirmed', 'released']),
  /** The code of a refusal or release. */
  reason: z.string().nullable(),
  explanation: z.object({ vi: z.string(), en: z.string() }).nullable(),
  /** Rank in the queue, from 1; null unless queued. */
  position: z.int().min(1).nullable(),
  because: z.array(z.object({ event: z.string(), at: z.string() })),
});
export const readSeat = defineRoute({
  method: 'GET',
  path: `${api}/seats/{enrollmentId}`,
  operationId: 'readSeat',
  callers: readers,
  params: z.object({ enrollmentId: z.uuid() }),
  status: 200,
  answer: seatRecord,
  summary: { vi: 'Suất của một lượt ghi danh và vì sao', en: 'The seat of an enrollment, and why' },
  problems: ['seat-unknown'],
});
export const claimSeat = defineRoute({
  method: 'POST',
  path: `${api}/seats`,
  operationId: 'claimSeat',
  callers: ['board'],
  status: 201,
  answer: seatRecord,
  summary: {
    vi: 'Giữ suất cho một lượt ghi danh (thay cho yêu cầu từ hệ thống ghi danh)',
    en: 'Claim a seat for an enrollment, in place of the request that enrollment sends',
  },
  body: z.strictObject({ enrollmentId: z.uuid(), unitId: z.uuid(), year, programCode: code }),
  problems: ['unit-not-known-yet', 'out-of-scope'],
});

export const quotaRoutes = [openPotRoute, listPots, readPot, dividePotRoute, readSeat, claimSeat] as const;

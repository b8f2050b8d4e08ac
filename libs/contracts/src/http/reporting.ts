import { z } from 'zod';
import { businessDate } from '../dates.ts';
import { text } from '../text.ts';
import { defineRoute } from './route.ts';

const api = '/api/reporting/v1';
const readers = ['board', 'school', 'reader', 'approver', 'officer'] as const;
const year = z.coerce.number().int().min(1990).max(2100);
const structure = z.enum(['then', 'today']).default('then');
const code = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._/:+-]{0,79}$/u);
const count = z.int().min(0);

/** Turns by where they come from: typed in as they happened, or imported as history. */
const provenance = z.object({ live: count, imported: count });
const tally = z.object({ classes: count, turns: count, people: count });

const period = {
  from: year,
  to: year,
  /** `then`: units stand in the structure of each class's first day. `today`: where their rows stand now. */
  structure,
  /** The unit whose subtree is reported; without it the whole city, for those whose grant reaches it. */
  unit: z.uuid().optional(),
};

export const readFiveYears = defineRoute({
  method: 'GET',
  path: `${api}/five-years`,
  operationId: 'readFiveYears',
  callers: readers,
  status: 200,
  summary: { vi: 'Báo cáo năm năm theo dòng, đối chiếu với số đã công bố', en: 'The five-year report by line, beside the published figures' },
  query: z.object(period),
  answer: z.object({
    lines: z.array(
      z.object({
        code: z.string(),
        name: z.object({ vi: z.string(), en: z.string() }),
        ...tally.shape,
        provenance,
        /** What the source says its number counts; null where no published report has this line. */
        sourceCounts: z.enum(['people', 'turns']).nullable(),
        published: z.object({ classes: count, learners: count }).nullable(),
      }),
    ),
    /** `people` are distinct over all lines, never a sum. */
    total: tally,
    headline: z.object({ turns: count.nullable(), source: z.string().nullable() }),
    /** Headline less the turns of all lines; null where nothing was published for the period. */
    notExplained: z.int().nullable(),
  }),
  problems: ['period-invalid', 'out-of-scope'],
});

export const readTurns = defineRoute({
  method: 'GET',
  path: `${api}/turns`,
  operationId: 'readTurns',
  callers: readers,
  status: 200,
  summary: { vi: 'Lớp, lượt, người theo dòng, chương trình, đơn vị hoặc năm', en: 'Classes, turns and people by line, program, unit or year' },
  query: z.object({ ...period, by: z.enum(['line', 'program', 'unit', 'year']) }),
  answer: z.object({
    by: z.string(),
    structure: z.string(),
    items: z.array(z.object({ key: z.string(), name: z.string(), ...tally.shape, provenance })),
    total: tally,
  }),
  problems: ['period-invalid', 'out-of-scope'],
});

export const readPlan = defineRoute({
  method: 'GET',
  path: `${api}/plan-actual`,
  operationId: 'readPlanActual',
  callers: readers,
  status: 200,
  summary: { vi: 'Kế hoạch và thực hiện của một năm', en: 'Plan against actual of a year' },
  query: z.object({ year, program: code.optional(), unit: z.uuid().optional() }),
  answer: z.object({
    pots: z.array(
      z.object({
        potId: z.uuid(),
        year: count,
        programCode: z.string(),
        documentNo: z.string(),
        size: count,
        held: count,
        confirmed: count,
        queued: count,
        units: z.array(
          z.object({
            unitId: z.uuid(),
            code: z.string(),
            name: z.string(),
            allotted: count,
            passedOn: count,
            held: count,
            confirmed: count,
            queued: count,
          }),
        ),
      }),
    ),
  }),
  problems: ['out-of-scope'],
});

const publishedLine = z.strictObject({
  code,
  name: z.strictObject({ vi: text({ max: 300 }), en: text({ max: 300 }) }),
  classes: count.max(100_000_000),
  learners: count.max(1_000_000_000),
  counts: z.enum(['people', 'turns']),
});
const publishedBody = z.strictObject({
  source: text({ max: 500 }),
  from: businessDate,
  to: businessDate,
  headlineTurns: count.max(1_000_000_000),
  lines: z.array(publishedLine).min(1).max(100),
});

export const publishReport = defineRoute({
  method: 'POST',
  path: `${api}/published-reports`,
  operationId: 'recordPublishedReport',
  callers: ['board'],
  status: 201,
  summary: { vi: 'Ghi nhận một báo cáo đã công bố để đối chiếu', en: 'Record a published report to hold figures against' },
  body: publishedBody,
  answer: publishedBody.extend({ id: z.uuid(), version: z.int() }),
  problems: ['published-report-exists', 'period-invalid', 'line-twice'],
});

export const listPublishedReports = defineRoute({
  method: 'GET',
  path: `${api}/published-reports`,
  operationId: 'listPublishedReports',
  callers: readers,
  status: 200,
  summary: { vi: 'Các báo cáo đã công bố', en: 'Published reports' },
  answer: z.object({ items: z.array(publishedBody.extend({ id: z.uuid(), version: z.int() })) }),
});

export const reportingRoutes = [readFiveYears, readTurns, readPlan, publishReport, listPublishedReports] as const;

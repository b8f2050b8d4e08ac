import { PrismaPg } from '@prisma/adapter-pg';
import type { Tx } from '@khue/messaging/command';
import { added, columns, insertRows } from '@khue/messaging/rows';
import type { Pool } from 'pg';
import { periodKey, type Published, type PublishedLine, type PublishedReports } from '../domain.ts';
import { PrismaClient } from '../generated/client.ts';

const reportColumns = columns<Omit<Published, 'lines'>>({
  id: 'uuid',
  source: 'text',
  from: ['period_from', 'date'],
  to: ['period_to', 'date'],
  headlineTurns: 'bigint',
  version: 'int',
});

type LineRow = Omit<PublishedLine, 'name'> & { readonly reportId: string; readonly place: number; readonly nameVi: string; readonly nameEn: string };
const lineColumns = columns<LineRow>({
  reportId: 'uuid',
  place: 'int',
  code: 'text',
  nameVi: 'text',
  nameEn: 'text',
  classes: 'int',
  learners: 'bigint',
  counts: 'text',
});

/** One advisory lock for the handful of publications a city makes: two of one period decide one after the other. Whether a period is taken asks for no lines. */
export const load = async (tx: Tx): Promise<PublishedReports> => {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('published.report', 0))`);
  const { rows } = await tx.query<Published>(`select ${reportColumns.selected}, '[]'::jsonb as lines from published.report`);
  return { byPeriod: new Map(rows.map((row) => [periodKey(row), row])) };
};

export const save = async (tx: Tx, now: PublishedReports, before: PublishedReports): Promise<void> => {
  const reports = added(now.byPeriod, before.byPeriod);
  const lines = reports.flatMap((report) =>
    report.lines.map(({ name, ...line }, at) => ({ ...line, reportId: report.id, place: at + 1, nameVi: name.vi, nameEn: name.en })),
  );
  await insertRows(tx, 'published-reports-save', 'published.report', reportColumns, reports);
  await insertRows(tx, 'published-lines-save', 'published.line', lineColumns, lines);
};

/** What the routes read, outside of any transaction. */
export const createReads = (pool: Pool) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool as never) });
  return {
    all: async (): Promise<Published[]> => {
      const reports = await prisma.report.findMany({ include: { lines: { orderBy: { place: 'asc' } } }, orderBy: { periodFrom: 'asc' } });
      return reports.map((report) => ({
        id: report.id,
        source: report.source,
        from: report.periodFrom.toISOString().slice(0, 10),
        to: report.periodTo.toISOString().slice(0, 10),
        headlineTurns: Number(report.headlineTurns),
        version: report.version,
        lines: report.lines.map((line) => ({
          code: line.code,
          name: { vi: line.nameVi, en: line.nameEn },
          classes: line.classes,
          learners: Number(line.learners),
          counts: line.counts as PublishedLine['counts'],
        })),
      }));
    },
  };
};

export type PublishedReads = ReturnType<typeof createReads>;

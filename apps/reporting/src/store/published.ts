import { PrismaPg } from '@prisma/adapter-pg';
import type { Command, Tx } from '@khue/messaging/command';
import type { Pool } from 'pg';
import type { Published, PublishReport } from '../domain.ts';
import { PrismaClient } from '../generated/client.ts';

/** The workspace of a batch: reports already published for the periods it names, and those it adds. */
export interface PublishedState {
  readonly byPeriod: Map<string, Published>;
  readonly added: Published[];
}

export const periodKey = ({ from, to }: { readonly from: string; readonly to: string }): string => `${from}/${to}`;

export const publishedStore = (pool: Pool) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool as never) });
  const all = async (): Promise<Published[]> => {
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
        counts: line.counts as 'people' | 'turns',
      })),
    }));
  };
  return {
    all,
    /** One advisory lock for the handful of publications a city makes: two of one period decide one after the other. */
    load: async (tx: Tx, _commands: readonly Command<PublishReport>[]): Promise<PublishedState> => {
      await tx.query(`select pg_advisory_xact_lock(hashtextextended('published.report', 0))`);
      const { rows } = await tx.query<Published>(
        `select id, source, period_from as "from", period_to as "to", headline_turns as "headlineTurns", version, '[]'::jsonb as lines from published.report`,
      );
      return { byPeriod: new Map(rows.map((row) => [periodKey(row), row])), added: [] };
    },
    save: async (tx: Tx, { added }: PublishedState): Promise<void> => {
      for (const report of added) {
        await tx.query('insert into published.report (id, source, period_from, period_to, headline_turns, version) values ($1, $2, $3, $4, $5, $6)', [
          report.id,
          report.source,
          report.from,
          report.to,
          report.headlineTurns,
          report.version,
        ]);
        await tx.query(
          `insert into published.line (report_id, place, code, name_vi, name_en, classes, learners, counts)
           select $1, place, code, vi, en, classes, learners, counts
           from unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::text[]) with ordinality as l (code, vi, en, classes, learners, counts, place)`,
          [
            report.id,
            report.lines.map((line) => line.code),
            report.lines.map((line) => line.name.vi),
            report.lines.map((line) => line.name.en),
            report.lines.map((line) => line.classes),
            report.lines.map((line) => line.learners),
            report.lines.map((line) => line.counts),
          ],
        );
      }
    },
  };
};

export type PublishedStore = ReturnType<typeof publishedStore>;

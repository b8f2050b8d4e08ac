import { publishedRuleSet } from '@khue/contracts/eligibility';
import { toPage } from '@khue/host/cursor';
import type { Tx } from '@khue/messaging/command';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import type { Directory } from '../domain/access.ts';
import type { Program, Programs } from '../domain/programs.ts';
import type { RuleSetPublished, RuleSets } from '../domain/rule-sets.ts';
import { PrismaClient, type Program as ProgramRow } from '../generated/client.ts';
import { placeAfter, type Paging } from './paging.ts';
import { expectRows, lockSeries, saveSeries } from './series.ts';

const programColumns = `id, code, version, name, level, form, line, hours, valid_from as "validFrom", document_no as "documentNo", published_at as "publishedAt"`;

/** Locks the counters of the codes. */
export const loadPrograms = async (tx: Tx, codes: readonly string[], directory: Directory): Promise<Programs> => {
  const last = await lockSeries(
    tx,
    codes.map((key) => ({ kind: 'program', key })),
  );
  return { ...directory, last, added: new Map() };
};

export const savePrograms = async (tx: Tx, { added, last }: Programs): Promise<void> => {
  const programs = [...added.values()];
  if (programs.length === 0) return;
  await saveSeries(tx, 'program', last);
  const { rowCount } = await tx.query({
    name: 'program-save',
    text: `insert into enrollment.program (id, code, version, name, level, form, line, hours, valid_from, document_no, published_at)
      select * from unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[], $9::date[], $10::text[], $11::timestamptz[])`,
    values: [
      programs.map(({ id }) => id),
      programs.map(({ code }) => code),
      programs.map(({ version }) => version),
      programs.map(({ name }) => name),
      programs.map(({ level }) => level),
      programs.map(({ form }) => form),
      programs.map(({ line }) => line),
      programs.map(({ hours }) => hours),
      programs.map(({ validFrom }) => validFrom),
      programs.map(({ documentNo }) => documentNo),
      programs.map(({ publishedAt }) => publishedAt),
    ],
  });
  expectRows('program-save', programs.length, rowCount);
};

/** All versions of the programs named, by code. They are never changed, so nothing is locked. */
export const programsByCode = async (tx: Tx, codes: readonly string[]): Promise<Map<string, Program[]>> => {
  const { rows } = await tx.query<Program>({
    name: 'program-by-code',
    text: `select ${programColumns} from enrollment.program where code = any($1)`,
    values: [[...new Set(codes)]],
  });
  return Map.groupBy(rows, ({ code }) => code);
};

/** Locks the counters of the ids. */
export const loadRuleSets = async (tx: Tx, ids: readonly string[], directory: Directory): Promise<RuleSets> => {
  await lockSeries(
    tx,
    ids.map((key) => ({ kind: 'rule-set', key })),
  );
  const { rows } = await tx.query<{ id: string; version: number; hash: string }>({
    name: 'rule-set-last',
    text: 'select distinct on (id) id, version, hash from enrollment.rule_set where id = any($1) order by id, version desc',
    values: [[...new Set(ids)]],
  });
  return { ...directory, last: new Map(rows.map(({ id, version, hash }) => [id, { version, hash }])), added: new Map() };
};

export const saveRuleSets = async (tx: Tx, { added }: RuleSets): Promise<void> => {
  const sets: RuleSetPublished[] = [...added.values()];
  if (sets.length === 0) return;
  await saveSeries(tx, 'rule-set', new Map(sets.map(({ published: { ruleSet } }) => [ruleSet.id, ruleSet.version])));
  const { rowCount } = await tx.query({
    name: 'rule-set-save',
    text: `insert into enrollment.rule_set (id, version, hash, body, published_at)
      select * from unnest($1::text[], $2::int[], $3::text[], $4::jsonb[], $5::timestamptz[])`,
    values: [
      sets.map(({ published }) => published.ruleSet.id),
      sets.map(({ published }) => published.ruleSet.version),
      sets.map(({ published }) => published.hash),
      sets.map(({ published }) => JSON.stringify(published.ruleSet)),
      sets.map(({ at }) => at),
    ],
  });
  expectRows('rule-set-save', sets.length, rowCount);
};

/** Reads of the catalog, for lists. */
export const createCatalog = (pool: Pool) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  return {
    /** With `on` the one version of each code in force then, else all. */
    programs: async ({ code, on, ...paging }: Paging & { readonly code?: string | undefined; readonly on?: string | undefined }) => {
      const [afterCode = '', afterVersion = 0] = (placeAfter(paging, 'text', 'number') ?? []) as [string?, number?];
      const named = code === undefined ? {} : { code };
      const take = paging.limit + 1;
      const rows = await (on === undefined
        ? prisma.program.findMany({
            where: { AND: [named, { OR: [{ code: { gt: afterCode } }, { code: afterCode, version: { gt: afterVersion } }] }] },
            orderBy: [{ code: 'asc' }, { version: 'asc' }],
            take,
          })
        : prisma.program.findMany({
            where: { AND: [named, { code: { gt: afterCode }, validFrom: { lte: dateOf(on) } }] },
            orderBy: [{ code: 'asc' }, { validFrom: 'desc' }, { version: 'desc' }],
            distinct: ['code'],
            take,
          }));
      return toPage(rows.map(toProgram), paging.limit, (it) => [it.code, it.version]);
    },
    ruleSets: async (paging: Paging) => {
      const [afterId = '', afterVersion = 0] = (placeAfter(paging, 'text', 'number') ?? []) as [string?, number?];
      const rows = await prisma.ruleSet.findMany({
        where: { OR: [{ id: { gt: afterId } }, { id: afterId, version: { gt: afterVersion } }] },
        orderBy: [{ id: 'asc' }, { version: 'asc' }],
        take: paging.limit + 1,
      });
      return toPage(
        rows.map(({ hash, body }) => publishedRuleSet.parse({ hash, ruleSet: body })),
        paging.limit,
        ({ ruleSet }) => [ruleSet.id, ruleSet.version],
      );
    },
  };
};

// Prisma speaks of days as midnights in UTC; they stay in this file.
const dateOf = (day: string): Date => new Date(`${day}T00:00:00Z`);
const dayOf = (date: Date): string => date.toISOString().slice(0, 10);

const toProgram = ({ level, form, validFrom, publishedAt, ...row }: ProgramRow): Program => ({
  ...row,
  level: level as Program['level'],
  form: form as Program['form'],
  validFrom: dayOf(validFrom),
  publishedAt: publishedAt.toISOString(),
});

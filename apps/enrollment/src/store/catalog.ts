import { publishedRuleSet, type RuleSet } from '@khue/contracts/eligibility';
import type { Order } from '@khue/host/aggregate';
import { placeAfter, toPage, type Paging } from '@khue/host/cursor';
import type { Tx } from '@khue/messaging/command';
import { columns, insertRows } from '@khue/messaging/rows';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Pool } from 'pg';
import type { Program, Programs, PublishProgram } from '../domain/programs.ts';
import type { PublishRuleSet, RuleSets } from '../domain/rule-sets.ts';
import { PrismaClient, type Program as ProgramRow } from '../generated/client.ts';
import { lockSeries, saveSeries } from './series.ts';

const programColumns = columns<Program>({
  id: 'uuid',
  code: 'text',
  version: 'int',
  name: 'text',
  level: 'text',
  form: 'text',
  line: 'text',
  hours: 'int',
  validFrom: 'date',
  documentNo: 'text',
  publishedAt: 'timestamptz',
});
interface StoredRuleSet {
  readonly id: string;
  readonly version: number;
  readonly hash: string;
  readonly body: RuleSet;
  readonly publishedAt: string;
}
const ruleSetColumns = columns<StoredRuleSet>({ id: 'text', version: 'int', hash: 'text', body: 'jsonb', publishedAt: 'timestamptz' });

/** Locks the counters of the codes. */
export const loadPrograms = async (tx: Tx, orders: readonly Order<PublishProgram>[]): Promise<Programs> => {
  const last = await lockSeries(
    tx,
    orders.map(({ command }) => ({ kind: 'program', key: command.code })),
  );
  return { last, published: new Map() };
};

export const savePrograms = async (tx: Tx, { published, last }: Programs): Promise<void> => {
  if (published.size === 0) return;
  await saveSeries(tx, 'program', last);
  await insertRows(tx, 'program-save', 'enrollment.program', programColumns, [...published.values()]);
};

/** All versions of the programs named, by code. They are never changed, so nothing is locked. */
export const programsByCode = async (tx: Tx, codes: readonly string[]): Promise<Map<string, Program[]>> => {
  const { rows } = await tx.query<Program>({
    name: 'program-by-code',
    text: `select ${programColumns.selected} from enrollment.program where code = any($1)`,
    values: [[...new Set(codes)]],
  });
  return Map.groupBy(rows, ({ code }) => code);
};

/** Locks the counters of the ids. */
export const loadRuleSets = async (tx: Tx, orders: readonly Order<PublishRuleSet>[]): Promise<RuleSets> => {
  const ids = [...new Set(orders.map(({ command }) => command.ruleSet.id))];
  await lockSeries(
    tx,
    ids.map((key) => ({ kind: 'rule-set', key })),
  );
  const { rows } = await tx.query<Pick<StoredRuleSet, 'id' | 'version' | 'hash'>>({
    name: 'rule-set-last',
    text: 'select distinct on (id) id, version, hash from enrollment.rule_set where id = any($1) order by id, version desc',
    values: [ids],
  });
  return { last: new Map(rows.map(({ id, version, hash }) => [id, { version, hash }])), published: new Map() };
};

export const saveRuleSets = async (tx: Tx, { published }: RuleSets): Promise<void> => {
  if (published.size === 0) return;
  const rows = [...published.values()].map(({ published: { hash, ruleSet }, at }): StoredRuleSet => ({
    id: ruleSet.id,
    version: ruleSet.version,
    hash,
    body: ruleSet,
    publishedAt: at,
  }));
  await saveSeries(tx, 'rule-set', new Map(rows.map(({ id, version }) => [id, version])));
  await insertRows(tx, 'rule-set-save', 'enrollment.rule_set', ruleSetColumns, rows);
};

/** Reads of the catalog, for lists. */
export const createCatalog = (pool: Pool) => {
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  return {
    /** With `on` the one version of each code in force then, else all. */
    programs: async ({ code, on, ...paging }: Paging & { readonly code?: string | undefined; readonly on?: string | undefined }) => {
      const [afterCode, afterVersion] = placeAfter(paging, 'text', 'number') ?? ['', 0];
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
      const [afterId, afterVersion] = placeAfter(paging, 'text', 'number') ?? ['', 0];
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

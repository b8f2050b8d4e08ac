import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import { todayIn } from '@khue/contracts/dates';
import { openPool } from '@khue/messaging/database';
import { projectedDirectory } from '@khue/host/directory';
import type { UnitTable } from '@khue/contracts/units';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import type pg from 'pg';
import { readCity } from '../seed/city.ts';
import { feedReporting } from './feed-reporting.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { startLocalIssuer } from './local-issuer.ts';
import { startProcess } from './processes.ts';
import { idOf } from './reported-history.ts';
import { assertSettings } from './settings.ts';
import { watchStrangers } from './strangers.ts';
import { countBySql, type Counted, type Question } from './turns-by-sql.ts';

/** Of the published figures; below 1 only to try the bench itself. */
const scale = 1;
const asks = 11;

/** Reporting's answers over HTTP beside the same counted by SQL; both must be the same to the last number. */
export const fiveYearReport: Bench = {
  name: 'five-year-report',
  title: `the five-year report, and any subtree and period, over 1,077,386 turns that reporting's own handler projected (handed to it in process), beside SQL over the rows`,
  measure: async ({ folder, rounds, say }) => {
    const city = await readCity();
    const server = await startEmbedded({ folder: join(folder, 'server'), databases: [{ name: 'reporting' }], log: () => undefined });
    const issuer = await startLocalIssuer(join(folder, 'issuer'));
    const { appUrl = '', ownerUrl = '' } = server.databases.reporting ?? {};
    const pool = openPool({ url: appUrl, name: 'bench' });
    // A count by SQL may take longer than a service would wait.
    Object.assign(pool.options, { statement_timeout: 120_000, query_timeout: 120_000 });
    try {
      const settings = await assertSettings(appUrl);
      const env = {
        KHUE_BUS: 'embedded',
        KHUE_IDENTITY_KEY: 'a key for figures that nobody else uses',
        KHUE_OIDC_ISSUER: issuer.url,
        KHUE_REPORTING_PORT: '0',
        KHUE_REPORTING_DATABASE_URL: appUrl,
        KHUE_REPORTING_OWNER_DATABASE_URL: ownerUrl,
      };
      const turns = await feedReporting(env, city, scale, say);
      const began = performance.now();
      const service = await startProcess('apps/reporting/src/main.ts', env, join(folder, 'reporting.log'));
      const startMs = Math.round(performance.now() - began);
      const directory = projectedDirectory(pool);
      await directory.refresh();
      const ask: Ask = { pool, units: directory.units(), address: service.address, token: await issuer.token('board') };
      const whole: Run[] = [];
      const parts: Run[] = [];
      try {
        for (let round = 0; round < rounds; round += 1) {
          whole.push(await measureWhole(ask));
          say(`five years ${round + 1}: ${whole.at(-1)?.ours} ms, by SQL ${whole.at(-1)?.beside} ms`);
          for (const question of fresh(round)) parts.push(await measurePart(ask, question));
          say(`${parts.length} subtrees and periods`);
        }
      } finally {
        await service.stop();
      }
      const noted = ({ seen, ...run }: Run): Run => ({ ...run, seen: { ...seen, turns, 'start, ms': startMs, ...settings } });
      return [
        figure({ name: 'five-year-report', unit: 'ms', aim: '<= 0.01' }, whole.map(noted)),
        figure({ name: 'any-subtree-and-period', unit: 'ms', aim: '<= 0.1' }, parts),
      ];
    } finally {
      await pool.end();
      issuer.close();
      await server.close();
    }
  },
};

interface Ask {
  readonly pool: pg.Pool;
  readonly units: UnitTable;
  readonly address: string;
  readonly token: string;
}

const measureWhole = async (ask: Ask): Promise<Run> => {
  const question = { from: 2018, to: 2022, structure: 'then', by: 'line' } as const;
  const strangers = watchStrangers();
  const times: number[] = [];
  for (let n = 0; n < asks; n += 1) times.push((await answer(ask, question)).ms);
  const [first = 0] = times;
  const ours = times.sort((a, b) => a - b)[Math.floor(asks / 2)] ?? 0;
  const { ms } = await compared(ask, question);
  return { ours, beside: ms, seen: { 'first ask, ms': first, strangers: strangers() } };
};

const measurePart = async (ask: Ask, question: Question): Promise<Run> => {
  const strangers = watchStrangers();
  const { ms: ours, said } = await answer(ask, question);
  const { ms: beside, counted } = await bySql(ask, question);
  assertSame(question, said, counted);
  const { from, to, structure, unit = 'city', by } = question;
  const code = ask.units.units.get(unit)?.code ?? unit;
  return { ours, beside, seen: { asked: `${code} ${from}-${to} ${structure} by ${by}`, strangers: strangers() } };
};

const asked = ['districts', 'quan-huyen-03', 'quan-huyen-17', 'mau-001', 'mau-010', 'party-boards', 'lhp', undefined] as const;
const periods = [
  [2018, 2022],
  [2019, 2019],
  [2020, 2021],
  [2018, 2020],
  [2022, 2022],
  [2019, 2022],
] as const;

/** A question for each subtree, each round about another period: in up to six rounds none is asked twice. */
const fresh = (round: number): readonly Question[] =>
  asked.map((code, place): Question => {
    const turn = round + place;
    const [from, to] = periods[turn % periods.length] as (typeof periods)[number];
    // The units of today had no turns then.
    const structure = turn % 2 === 0 && !code?.startsWith('mau-') ? 'then' : 'today';
    return { from, to, structure, by: code === undefined || turn % 3 === 0 ? 'unit' : 'line', ...(code === undefined ? {} : { unit: idOf(code) }) };
  });

interface Answer {
  readonly ms: number;
  readonly said: Said;
}
type Said = { readonly groups: readonly Counted[]; readonly total: Pick<Counted, 'classes' | 'turns' | 'people'> };

const answer = async ({ address, token }: Ask, { from, to, structure, unit, by }: Question): Promise<Answer> => {
  const asked = `from=${from}&to=${to}&structure=${structure}${unit === undefined ? '' : `&unit=${unit}`}`;
  const path = by === 'line' ? `five-years?${asked}` : `turns?${asked}&by=unit`;
  const began = performance.now();
  const response = await fetch(`${address}/api/reporting/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
  const body = (await response.json()) as Body;
  const ms = round(performance.now() - began);
  if (!response.ok) throw new Error(`${path} answered ${response.status} ${JSON.stringify(body)}`);
  const groups = (body.lines ?? body.items ?? []).map(({ code, key, classes, turns, people, provenance }) => ({
    key: code ?? key ?? '',
    classes,
    turns,
    people,
    ...provenance,
  }));
  return { ms, said: { groups, total: body.total } };
};

interface Body {
  readonly lines?: readonly Told[];
  readonly items?: readonly Told[];
  readonly total: Said['total'];
}
type Told = Omit<Counted, 'live' | 'imported'> & { readonly code?: string; readonly provenance: Pick<Counted, 'live' | 'imported'> };

const bySql = async ({ pool, units }: Ask, question: Question): Promise<{ readonly ms: number; readonly counted: Said }> => {
  const began = performance.now();
  const [groups, [all]] = await countBySql(pool, units, question, todayIn(new Date()));
  const ms = round(performance.now() - began);
  const { classes = 0, turns = 0, people = 0 } = all ?? {};
  return { ms, counted: { groups, total: { classes, turns, people } } };
};

const compared = async (ask: Ask, question: Question): Promise<{ readonly ms: number }> => {
  const { said } = await answer(ask, question);
  const { ms, counted } = await bySql(ask, question);
  assertSame(question, said, counted);
  return { ms };
};

const assertSame = (question: Question, said: Said, counted: Said): void => {
  const sorted = ({ groups, total }: Said) => ({ total, groups: groups.toSorted((a, b) => (a.key < b.key ? -1 : 1)) });
  if (!isDeepStrictEqual(sorted(said), sorted(counted)))
    throw new Error(`${JSON.stringify(question)} was answered ${JSON.stringify(sorted(said))}, and SQL counts ${JSON.stringify(sorted(counted))}`);
};

const round = (ms: number): number => Math.round(ms * 100) / 100;

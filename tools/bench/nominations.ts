import type { Asking, AtLeast } from './asking.ts';
import { openCity, clerks, type City } from './city.ts';
import { watchCost } from './cost.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { runLoad, type LoadResult } from './load.ts';
import { runPgbench } from './pgbench.ts';
import { assertSettings } from './settings.ts';
import { watchStrangers } from './strangers.ts';

/** 20,480 people of 64 units and 101 classes: 2 million pairs. */
export const fullCity = { peopleOfUnit: 320, classes: 101 } as const;

export interface Pace {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly atLeast?: AtLeast;
}
const fullPace: Pace = { seconds: 8, warmUpSeconds: 2 };

const pgbenchClients = 32;

/** One bad token and one bad body in a hundred, so that nobody can doubt that the checks were on. */
export const somewhatBad = { tokens: 0.01, bodies: 0.01 } as const;
export const noneBad = { tokens: 0, bodies: 0 } as const;

/** Clerks who go on where they stopped, so that no load of a city asks for what an earlier one got. */
export interface Clerks {
  nominate(
    load: Pace & { readonly url: string; readonly bad: Asking['bad']; readonly rate?: number; readonly connections?: number },
  ): Promise<LoadResult>;
}

export const clerksOf = ({ persons, classes, clerkTokens, asked }: Pick<City, 'persons' | 'classes' | 'clerkTokens' | 'asked'>): Clerks => ({
  nominate: async ({ bad, connections = clerks, ...load }) => {
    const of = { kind: 'nominations', persons, classes, from: asked.from } as const;
    const result = await runLoad({ connections, ...load, asking: { path: '/api/enrollment/v1/nominations', tokens: clerkTokens, bad, of } });
    asked.from = result.from;
    return result;
  },
});

/** Throws when a check was off, a good request was turned down, or an acknowledged one is not in state, log and audit. */
export const assertHonest = async (
  city: Pick<City, 'sql'>,
  { accepted, badTokens, badBodies, surprises }: LoadResult,
  before: Stored,
  database?: string,
): Promise<void> => {
  const after = await stored(city, database);
  if (surprises.length > 0) throw new Error(`answers nobody expected: ${surprises.join(', ')}`);
  if (badTokens === 0 || badBodies === 0) throw new Error('no bad token or no bad body was sent: nobody knows that the checks were on');
  for (const what of ['state', 'log', 'audit'] as const) {
    const written = after[what] - before[what];
    if (written < accepted) throw new Error(`${accepted} nominations were acknowledged and ${written} are in ${what}`);
  }
};

export interface Stored {
  readonly state: number;
  readonly log: number;
  readonly audit: number;
}

export const stored = async ({ sql }: Pick<City, 'sql'>, database = 'enrollment'): Promise<Stored> => {
  const [row] = await sql<Stored & { unstamped: number }>(
    database,
    `select (select count(*)::int from enrollment.enrollment) as state, (select count(*)::int from messaging.audit where command = 'NominateLearner') as audit,
       (select count(*)::int from messaging.log where type = 'enrollment.learner-nominated') as log`,
  );
  return row as Stored;
};

/** Tables of the shape of enrollment's state and log, with their indexes and without their foreign key, filled by pgbench a row a transaction. */
export const besideNominations = async ({ sql, postgres }: Pick<City, 'sql' | 'postgres'>, database = 'enrollment') => {
  await sql(
    database,
    `create schema beside;
     create table beside.enrollment (like enrollment.enrollment including all);
     create table beside.log (like messaging.log including all)`,
  );
  const [row] = await sql<{ state: Record<string, unknown>; log: Record<string, unknown> }>(
    database,
    `select row_to_json(e) as state, row_to_json(l) as log from enrollment.enrollment e
       join messaging.log l on l.subject = e.id::text and l.type = 'enrollment.learner-nominated' limit 1`,
  );
  if (!row) throw new Error('there is no nomination to take for a pattern');
  const { state, log } = row;
  const url = postgres.adminUrl(database);
  const script = [
    'begin;',
    `insert into beside.enrollment (id, class_id, person_id, unit_id, state, verdict, eligibility, waivers, seat_sequence, entered_by, entered_at, version, sequence) values
      (uuidv7(), gen_random_uuid(), gen_random_uuid(), ${quoted(state.unit_id)}, ${quoted(state.state)}, ${quoted(state.verdict)}, ${quoted(state.eligibility)},
       ${quoted(state.waivers)}, 0, ${quoted(state.entered_by)}, now(), 1, 1);`,
    `insert into beside.log (topic, subject, sequence, type, version, event_id, time, context, data) values
      (${quoted(log.topic)}, gen_random_uuid()::text, 1, ${quoted(log.type)}, 1, gen_random_uuid(), now(), ${quoted(log.context)}, ${quoted(log.data)});`,
    'commit;',
  ].join('\n');
  return async (seconds: number) => {
    await assertSettings(url);
    return runPgbench({ url, script, clients: pgbenchClients, seconds });
  };
};

/** As a literal of SQL; JSON with a blank after each colon, for pgbench takes `:name` for a variable even there. */
const quoted = (value: unknown): string => {
  const text = typeof value === 'object' ? JSON.stringify(value).replaceAll('":', '": ') : String(value);
  return `'${text.replaceAll("'", "''")}'`;
};

export const measureNominations = async (city: City, pace: Pace, rounds: number, say: (line: string) => void) => {
  const gateway = await city.start('gateway');
  const enrollment = await city.start('enrollment');
  const settings = await assertSettings(city.postgres.databases.enrollment?.appUrl ?? '');
  say(`settings: ${JSON.stringify(settings)}`);
  const team = clerksOf(city);
  await team.nominate({ url: enrollment.address, seconds: 1, warmUpSeconds: 0, bad: somewhatBad, atLeast: { accepted: 1 } });
  const pgbench = await besideNominations(city);
  const once = async (url: string): Promise<Pick<Run, 'ours' | 'seen'>> => {
    const before = await stored(city);
    const cost = watchCost({ enrollment, gateway, postgres: city.postgres });
    const load = await team.nominate({ url, bad: somewhatBad, ...pace });
    const seen = cost(load);
    await assertHonest(city, load, before);
    const { p50, p99, accepted, badTokens, badBodies } = load;
    return { ours: load.perSecond, seen: { p50, p99, accepted, badTokens, badBodies, ...seen } };
  };
  const runs: { service: Run[]; gateway: Run[] } = { service: [], gateway: [] };
  for (let round = 1; round <= rounds; round += 1) {
    const direct = await once(enrollment.address);
    const through = await once(gateway.address);
    const strangers = watchStrangers();
    const { tps, p50, p99 } = await pgbench(pace.seconds);
    const beside = { besideP50: p50, besideP99: p99, besideStrangers: strangers() };
    runs.service.push({ ours: direct.ours, beside: tps, seen: { ...direct.seen, ...beside } });
    runs.gateway.push({ ours: through.ours, beside: tps, seen: { ...through.seen, ...beside } });
    say(`round ${round}: ${direct.ours.toFixed(0)} at the service, ${through.ours.toFixed(0)} through the gateway, pgbench ${tps.toFixed(0)}`);
  }
  return [
    figure({ name: 'nominations-at-service', unit: '1/s', aim: '>= 1.5' }, runs.service),
    figure({ name: 'nominations-through-gateway', unit: '1/s', aim: '>= 0.8' }, runs.gateway),
  ];
};

export const nominations: Bench = {
  name: 'nominations',
  title: '64 connections nominate, all checks on, beside pgbench inserting the same state and log row, one transaction a row, 32 clients',
  measure: async ({ folder, rounds, say }) => {
    const city = await openCity({ folder, say, ...fullCity });
    try {
      return await measureNominations(city, fullPace, rounds, say);
    } finally {
      await city.close();
    }
  },
};

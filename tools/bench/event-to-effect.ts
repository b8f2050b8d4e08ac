import pg from 'pg';
import { openClaimsCity, type BusName, type ClaimsCity } from './claims-city.ts';
import { figure, type Bench, type Figure, type Run } from './figure.ts';
import { runLoad } from './load.ts';
import { assertSettings } from './settings.ts';
import { watchStrangers } from './strangers.ts';

const rate = 500;
const warmUpSeconds = 8;
const seconds = 20;

const aims: Readonly<Record<BusName, string>> = { embedded: '<= 4 and <= 25 ms', kafka: '<= 8 and <= 60 ms' };

/**
 * Quota commits a held seat, reporting commits the row that follows: p99 of the time between the two commits by PostgreSQL's own clock, beside the p99 of the claims'
 * answers, each of which waits for its own commit.
 */
export const eventToEffect: Bench = {
  name: 'event-to-effect',
  title: `p99 from quota's commit to reporting's at ${rate} claims a second, beside the p99 of those claims (sent to committed and answered), in one process and on Kafka`,
  measure: async ({ folder, rounds, say }) => {
    const figures: Figure[] = [];
    for (const bus of ['embedded', 'kafka'] as const) {
      const city = await openClaimsCity(bus, folder, say);
      try {
        const settings = await assertSettings(city.databases.quota);
        const runs: Run[] = [];
        for (let round = 1; round <= rounds; round += 1) {
          const run = await measureRound(city);
          say(`${bus} ${round}: ${run.ours} ms to the effect, ${run.beside} ms to the commit`);
          runs.push({ ...run, seen: { ...run.seen, ...settings } });
        }
        figures.push(figure({ name: `event-to-effect-${bus}`, unit: 'ms', aim: aims[bus] }, runs));
      } finally {
        await city.close();
      }
    }
    return figures;
  },
};

const measureRound = async (city: ClaimsCity): Promise<Run> => {
  const [{ at: began }] = (await ask<{ at: number }>(city.databases.quota, `select extract(epoch from clock_timestamp()) * 1000 as at`)) as [
    { at: number },
  ];
  const strangers = watchStrangers();
  const asking = { path: '/api/quota/v1/seats', tokens: [city.token], bad: { tokens: 0, bodies: 0 }, of: city.claims };
  const load = await runLoad({ url: city.quota, asking, connections: 256, seconds, warmUpSeconds, rate });
  const others = strangers();
  if (load.surprises.length > 0) throw new Error(load.surprises.join(', '));
  await city.settled();
  const [claimed, reported] = await Promise.all([
    commitTimes(city.databases.quota, 'quota.seat', began + warmUpSeconds * 1_000),
    commitTimes(city.databases.reporting, 'reporting.seat', began),
  ]);
  const lost = [...claimed.keys()].filter((id) => !reported.has(id)).length;
  if (lost > 0 || claimed.size === 0) throw new Error(`${lost} of ${claimed.size} seats have no effect`);
  const waits = Float64Array.from([...claimed].map(([id, at]) => (reported.get(id) as number) - at)).sort();
  return {
    ours: percentile(waits, 0.99),
    beside: load.p99,
    seen: {
      p50: percentile(waits, 0.5),
      'commit p50': load.p50,
      events: waits.length,
      'claims/s': Math.round(load.perSecond),
      late: load.late,
      strangers: others,
    },
  };
};

/** When the row of each enrollment was committed, milliseconds; of those after `since`. */
const commitTimes = async (url: string, table: string, since: number): Promise<ReadonlyMap<string, number>> => {
  const rows = await ask<{ id: string; at: number }>(
    url,
    `select id, at from (select enrollment_id as id, extract(epoch from pg_xact_commit_timestamp(xmin))::float8 * 1000 as at from ${table}) committed where at >= ${since}`,
  );
  return new Map(rows.map(({ id, at }) => [id, at]));
};

const ask = async <Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
};

const percentile = (sorted: Float64Array, part: number): number =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN) * 100) / 100;

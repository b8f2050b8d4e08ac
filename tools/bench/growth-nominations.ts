import { openCity, type City } from './city.ts';
import { watchCost } from './cost.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { clerksOf, fullCity, noneBad, somewhatBad, type Pace } from './nominations.ts';
import { assertSettings } from './settings.ts';

const grownDatabase = 'enrollment_grown';

/**
 * Copies nominations in the owner's tables until there are so many, each with its row of the audit and its stamped event, in the shape the service writes. By SQL, for
 * through the doors it takes as long as all other figures together; answers kept under keys are not copied, for they go after a day.
 */
const grow = async ({ sql }: City, database: string, rows: number): Promise<void> => {
  await sql(
    database,
    `create temporary table pattern as select row_number() over (order by e.id) as n, e.id, l.id as log_id, a.id as audit_id from enrollment.enrollment e
       join messaging.log l on l.subject = e.id::text join messaging.audit a on a.subject = e.id::text;
     create temporary table copy as select i, uuidv7() as new_id, p.id, p.log_id, p.audit_id
       from generate_series(1, ${rows} - (select count(*) from enrollment.enrollment)) i join pattern p on p.n = 1 + i % (select count(*) from pattern);
     insert into enrollment.enrollment (id, class_id, person_id, unit_id, state, verdict, eligibility, waivers, seat, seat_sequence, reason, entered_by, entered_at, approved_by,
         approved_at, grant_id, version, sequence)
       select new_id, class_id, gen_random_uuid(), unit_id, state, verdict, eligibility, waivers, seat, seat_sequence, reason, entered_by, entered_at, approved_by,
         approved_at, grant_id, version, sequence from copy join enrollment.enrollment using (id) order by i;
     insert into messaging.audit (at, actor, grant_id, command, command_id, correlation_id, subject, reason, before, after)
       select at, actor, grant_id, command, gen_random_uuid(), correlation_id, new_id::text, reason, before, after from copy join messaging.audit a on a.id = audit_id order by i;
     insert into messaging.log (position, previous, topic, subject, sequence, type, version, event_id, time, context, data)
       select h.position + i, h.position + i - 1, l.topic, new_id::text, l.sequence, l.type, l.version, gen_random_uuid(), l.time, l.context, l.data
       from copy join messaging.log l on l.id = log_id cross join (select position from messaging.head where topic = '*') h order by i;
     update messaging.head set position = (select max(position) from messaging.log)`,
  );
  await sql(database, 'vacuum analyze');
  await sql(database, 'checkpoint');
};

const count = async ({ sql }: City, database: string): Promise<number> =>
  (await sql<{ rows: number }>(database, 'select count(*)::int as rows from enrollment.enrollment'))[0]?.rows ?? 0;

export interface Growth extends Pace {
  readonly few: number;
  readonly many: number;
}

export const measureGrowth = async (city: City, growth: Growth, rounds: number, say: (line: string) => void) => {
  const { few, many, ...pace } = growth;
  await city.start('gateway');
  const first = await city.start('enrollment');
  const team = clerksOf(city);
  while ((await count(city, 'enrollment')) < few) await team.nominate({ url: first.address, seconds: 1, warmUpSeconds: 0, bad: noneBad });
  await city.clone('enrollment', grownDatabase);
  say(`filling ${many} rows`);
  await grow(city, grownDatabase, many);
  await city.sql('enrollment', 'vacuum analyze');
  const small = await city.start('enrollment');
  const large = await city.start('enrollment', grownDatabase);
  const sides = {
    few: { process: small, database: 'enrollment', team: clerksOf({ ...city, asked: { ...city.asked } }) },
    many: { process: large, database: grownDatabase, team: clerksOf({ ...city, asked: { ...city.asked } }) },
  };
  await assertSettings(city.postgres.databases.enrollment?.appUrl ?? '');
  const once = async ({ process, database, team: own }: (typeof sides)['few']) => {
    const rows = await count(city, database);
    const cost = watchCost({ enrollment: process, postgres: city.postgres });
    const load = await own.nominate({ url: process.address, bad: somewhatBad, ...pace });
    const { strangers, enrollmentUs, postgresUs } = cost(load);
    if (load.surprises.length > 0) throw new Error(`answers nobody expected: ${load.surprises.join(', ')}`);
    const written = (await count(city, database)) - rows;
    if (written < load.accepted) throw new Error(`${load.accepted} nominations were acknowledged and ${written} are in state`);
    return {
      load,
      seen: { rows, p50: load.p50, p99: load.p99, strangers: strangers ?? '', enrollmentUs: enrollmentUs ?? '', postgresUs: postgresUs ?? '' },
    };
  };
  // What a process does first, it does slowly.
  for (const side of Object.values(sides)) await once(side);
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const ours = await once(sides.many);
    const beside = await once(sides.few);
    const besideSeen = Object.fromEntries(Object.entries(beside.seen).map(([name, value]) => [`beside ${name}`, value]));
    runs.push({ ours: ours.load.perSecond, beside: beside.load.perSecond, seen: { ...ours.seen, ...besideSeen } });
    say(
      `round ${round}: ${ours.load.perSecond.toFixed(0)} with ${ours.seen.rows} rows, ${beside.load.perSecond.toFixed(0)} with ${beside.seen.rows}`,
    );
  }
  return [figure({ name: 'growth-nominations', unit: '1/s', aim: '>= 0.9' }, runs)];
};

export const growthNominations: Bench = {
  name: 'growth-nominations',
  title: 'nominations a second with 1,000,000 stored (copied by SQL in the shape the service writes), beside the same with 10,000 to begin with',
  measure: async ({ folder, rounds, say }) => {
    const city = await openCity({ folder, say, ...fullCity });
    try {
      return await measureGrowth(city, { seconds: 8, warmUpSeconds: 2, few: 10_000, many: 1_000_000 }, rounds, say);
    } finally {
      await city.close();
    }
  },
};

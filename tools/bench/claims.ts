import { sampleDocument } from '../seed/history.ts';
import { openCity, type City } from './city.ts';
import { watchCost } from './cost.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { runLoad } from './load.ts';
import { somewhatBad, type Pace } from './nominations.ts';
import { runPgbench } from './pgbench.ts';
import { assertSettings } from './settings.ts';
import { watchStrangers } from './strangers.ts';

const connections = 64;
const pgbenchClients = 32;

interface Pot {
  readonly id: string;
  readonly size: number;
}

/** Throws when the pot gave more than it has, had seats left while someone waited, or when an acknowledged claim is no row. */
const assertNotOversold = async ({ sql }: City, { id, size }: Pot, accepted: number): Promise<{ held: number; queued: number }> => {
  const [row] = await sql<{ held: number; queued: number; counted: number; events: number }>(
    'quota',
    `select (select count(*)::int from quota.seat where pot_id = $1 and state = 'held') as held, (select count(*)::int from quota.seat where pot_id = $1 and state = 'queued') as queued,
       (select sum(held + confirmed)::int from quota.account where pot_id = $1) as counted,
       (select count(*)::int from messaging.log join quota.seat on subject = enrollment_id::text where pot_id = $1 and type = 'quota.seat-held') as events`,
    [id],
  );
  if (!row) throw new Error('the pot is gone');
  const { held, queued, counted, events } = row;
  if (held > size) throw new Error(`oversold: ${held} seats of ${size} are held`);
  if (held !== counted || held !== events) throw new Error(`${held} seats are held, the account says ${counted}, the log ${events}`);
  if (queued > 0 && held < size) throw new Error(`${queued} wait while ${size - held} of ${size} seats are free`);
  if (held + queued < accepted) throw new Error(`${accepted} claims were acknowledged and ${held + queued} have a seat or a place in the queue`);
  return { held, queued };
};

/** `potSize`: fewer than will be claimed, so that seats are given and queued for. */
export const measureClaims = async (city: City, pace: Pace & { readonly potSize: number }, rounds: number, say: (line: string) => void) => {
  await city.start('gateway');
  const quota = await city.start('quota');
  await assertSettings(city.postgres.databases.quota?.appUrl ?? '');
  const authorization = `Bearer ${city.boardToken}`;
  const openPot = async (year: number): Promise<Pot> => {
    const response = await fetch(`${quota.address}/api/quota/v1/pots`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', 'idempotency-key': `pot-${year}` },
      body: JSON.stringify({ year, programCode: 'advanced-theory', size: pace.potSize, documentNo: sampleDocument, rootUnitId: city.rootUnitId }),
    });
    if (response.status !== 201) throw new Error(`the pot was not opened: ${response.status} ${await response.text()}`);
    return (await response.json()) as Pot;
  };
  await city.sql(
    'quota',
    'create schema beside; create table beside.pot (id int primary key, "left" int not null); insert into beside.pot values (1, 1000000000)',
  );
  const url = city.postgres.adminUrl('quota');
  const script = 'update beside.pot set "left" = "left" - 1 where id = 1 and "left" > 0;';
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const year = 2026 + round;
    const pot = await openPot(year);
    const of = { kind: 'claims', unitId: city.rootUnitId, year, programCode: 'advanced-theory' } as const;
    const cost = watchCost({ quota, postgres: city.postgres });
    const asking = { path: '/api/quota/v1/seats', tokens: [city.boardToken], bad: somewhatBad, of };
    const load = await runLoad({ url: quota.address, connections, asking, ...pace });
    const seen = cost(load);
    if (load.surprises.length > 0) throw new Error(`answers nobody expected: ${load.surprises.join(', ')}`);
    if (load.badTokens === 0 || load.badBodies === 0) throw new Error('no bad token or no bad body was sent: nobody knows that the checks were on');
    const { held, queued } = await assertNotOversold(city, pot, load.accepted);
    await assertSettings(url);
    const strangers = watchStrangers();
    const beside = await runPgbench({ url, script, clients: pgbenchClients, seconds: pace.seconds });
    const { p50, p99, badTokens, badBodies } = load;
    runs.push({
      ours: load.perSecond,
      beside: beside.tps,
      seen: {
        oversold: Math.max(0, held - pot.size),
        pot: pot.size,
        held,
        queued,
        p50,
        p99,
        badTokens,
        badBodies,
        ...seen,
        besideP50: beside.p50,
        besideP99: beside.p99,
        besideStrangers: strangers(),
      },
    });
    say(`round ${round}: ${load.perSecond.toFixed(0)} claims (${held} held, ${queued} queued), pgbench ${beside.tps.toFixed(0)}`);
  }
  return [figure({ name: 'claims-on-one-pot', unit: '1/s', aim: '>= 5 and 0 oversold' }, runs)];
};

export const claims: Bench = {
  name: 'claims-on-one-pot',
  title:
    '64 connections claim seats of one pot, some held and the rest queued, beside pgbench, one UPDATE … WHERE left > 0 a transaction, 32 clients',
  measure: async ({ folder, rounds, say }) => {
    const city = await openCity({ folder, say, peopleOfUnit: 1, classes: 2 });
    try {
      return await measureClaims(city, { seconds: 8, warmUpSeconds: 2, potSize: 5_000 }, rounds, say);
    } finally {
      await city.close();
    }
  },
};

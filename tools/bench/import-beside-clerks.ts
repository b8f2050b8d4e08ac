import { setTimeout as pause } from 'node:timers/promises';
import { createClient, type Client } from '../seed/client.ts';
import { sampleDocument } from '../seed/history.ts';
import { clerks, openCity, unitCode, type City } from './city.ts';
import { checkpoint } from './checkpoint.ts';
import { watchCost } from './cost.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { assertHonest, clerksOf, fullCity, somewhatBad, stored, type Pace } from './nominations.ts';

/** Nominations of one clerk in a second: far more than hands can type, far less than the machine can take. */
const ofOneClerk = 2;
const imports = '/api/enrollment/v1/imports';

function* turnsCsv({ identityNumbers }: City, round: number, classesOfEach: number): Generator<string> {
  yield '\uFEFFSố định danh,Mã lớp,Mã chương trình,Mã đơn vị,Mã đơn vị tổ chức,Từ ngày,Đến ngày,Số văn bản\r\n';
  for (let n = 1; n <= classesOfEach; n += 1)
    for (const [clerk, numbers] of identityNumbers.entries())
      for (const number of numbers)
        yield `${number},Q.${round}.${n}.${clerk + 1},advanced-theory,${unitCode(clerk)},lhp,4/8/2025,6/8/2025,${sampleDocument}\r\n`;
}

const plan = async (client: Client, rows: () => Iterable<string>) => {
  const upload = () => client.upload<{ id: string; planHash: string; rows: number; accepted: number }>(`${imports}?mode=plan`, 'turns.csv', rows);
  // Refused while it is being sent (a door that can't keep up), an upload may break before its answer is read; a plan binds nobody, so it is asked for again.
  const planned = await upload().catch(() => pause(5_000).then(upload));
  if (planned.accepted !== planned.rows) throw new Error(`${planned.rows - planned.accepted} of ${planned.rows} rows were rejected`);
  const look = () => client.get<{ state: string; done: number }>(`${imports}/${planned.id}`);
  const commit = (): Promise<unknown> => client.post(`${imports}/${planned.id}/commit`, { planHash: planned.planHash });
  return { rows: planned.rows, look, commit };
};

export interface Beside extends Pace {
  /** Turns of the past of each person; the import must last longer than the load does. */
  readonly turnsOfEach: number;
}

export const measureImportBesideClerks = async (city: City, { turnsOfEach, ...pace }: Beside, rounds: number, say: (line: string) => void) => {
  await city.start('gateway');
  const enrollment = await city.start('enrollment');
  const client = createClient(city.gateway, async () => city.boardToken, 'board');
  const team = clerksOf(city);
  const admin = city.postgres.adminUrl('enrollment');
  const load = () =>
    team.nominate({
      url: enrollment.address,
      bad: somewhatBad,
      rate: clerks * ofOneClerk,
      connections: 4 * clerks,
      ...pace,
      atLeast: { accepted: 1, badTokens: 1, badBodies: 1 },
    });
  await load();
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const { rows, look, commit } = await plan(client, () => turnsCsv(city, round, turnsOfEach));
    const before = await stored(city);
    await checkpoint(admin);
    const alone = await load();
    await checkpoint(admin);
    await commit();
    const cost = watchCost({ enrollment, postgres: city.postgres });
    const begun = performance.now();
    const beside = await load();
    const { strangers } = cost(beside);
    const { state, done } = await look();
    const importedASecond = Math.round(done / ((performance.now() - begun) / 1_000));
    if (state !== 'committing') throw new Error(`the import of ${rows} rows was ${state} before the clerks were measured: give it more rows`);
    await assertHonest(city, { ...beside, accepted: alone.accepted + beside.accepted }, before);
    while ((await look()).state === 'committing') await pause(250);
    runs.push({
      ours: beside.p99,
      beside: alone.p99,
      seen: {
        p50: beside.p50,
        besideP50: alone.p50,
        accepted: beside.accepted,
        besideAccepted: alone.accepted,
        late: beside.late,
        rows,
        importedASecond,
        strangers: strangers ?? '',
      },
    });
    say(`round ${round}: p99 ${beside.p99} ms beside an import of ${importedASecond} rows a second, ${alone.p99} ms without`);
  }
  return [figure({ name: 'import-beside-clerks', unit: 'ms', aim: '<= 2' }, runs)];
};

export const importBesideClerks: Bench = {
  name: 'import-beside-clerks',
  title: 'p99 of the nominations of 64 clerks, two a second each, while an import of past turns commits, beside the same without it',
  measure: async ({ folder, rounds, say }) => {
    const city = await openCity({ folder, say, ...fullCity });
    try {
      // Of six seconds the p99 was the eighth slowest of 750, and one slow moment made it.
      return await measureImportBesideClerks(city, { seconds: 20, warmUpSeconds: 1, turnsOfEach: 20 }, rounds, say);
    } finally {
      await city.close();
    }
  },
};

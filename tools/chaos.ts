import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { nameOf, planFaults, restSeconds, wholeMinutes, type Place } from './chaos/plan.ts';
import { randomOf } from './chaos/random.ts';
import { runChaos } from './chaos/run.ts';
import { describeRun } from './chaos/table.ts';

// npm run chaos -- --minutes 15 [--seed 7] [--where stack|embedded] [--keep FOLDER]: a city is typed into and broken, and then everything is looked at.
const usage = 'Usage: npm run chaos -- --minutes N [--seed S] [--where stack|embedded] [--keep FOLDER]';
const clerks = 64;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const refuse = (why: string): never => {
  process.stderr.write(`${why}\n${usage}\n`);
  process.exit(2);
};

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly places: readonly Place[];
  /** Where cities and histories lie; undefined for a folder that goes when all was well. */
  readonly keep: string | undefined;
}
const readOptions = (): Options => {
  const options = { minutes: { type: 'string' }, seed: { type: 'string' }, where: { type: 'string' }, keep: { type: 'string' } } as const;
  const { values } = (() => {
    try {
      return parseArgs({ options });
    } catch (error) {
      return refuse((error as Error).message);
    }
  })();
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) refuse('--minutes takes a number above 0.');
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) refuse('--seed takes a whole number.');
  const where = values.where;
  if (where !== undefined && where !== 'stack' && where !== 'embedded') return refuse('--where takes stack or embedded.');
  return { minutes, seed, places: where === undefined ? ['embedded', 'stack'] : [where], keep: values.keep };
};

const { minutes, seed, places, keep } = readOptions();
const random = randomOf(seed);
const whole = places.reduce((sum, place) => sum + wholeMinutes(place), 0);
say(`seed ${seed}: npm run chaos -- --minutes ${minutes} --seed ${seed}${places.length === 1 ? ` --where ${places[0]}` : ''}`);
if (minutes < whole) say(`every fault once takes ${Math.ceil(whole)} minutes; ${minutes} show a part of them`);
const plans = places.map((place) => ({ place, faults: planFaults(place, (minutes * wholeMinutes(place)) / whole, random.fork(`faults ${place}`)) }));
for (const { place, faults } of plans) say(`plan, ${place}: ${faults.map(nameOf).join('; ')} (${restSeconds} s or less between them)`);

const base = keep === undefined ? await mkdtemp(join(tmpdir(), 'khue-chaos-')) : resolve(keep);
let close = async (): Promise<void> => undefined;
// As long as it takes: a disk that stays mounted or a frozen process would be left to whoever comes next.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => void close().finally(() => process.exit(1)));

/** How many findings are wrong. */
const run = async ({ place, faults }: (typeof plans)[number]): Promise<number> => {
  const folder = join(base, `${place}-${seed}`);
  await mkdir(folder, { recursive: true });
  say(`${place}: ${clerks} clerks; the history is ${join(folder, `${place}.history.jsonl`)}`);
  const result = await runChaos({
    ...{ place, seed, faults, folder, say, clerks },
    random: random.fork(place),
    thinkMs: 400,
    warmUpMs: 10_000,
    peaceMs: 4_000,
    looksAtMemory: true,
    opened: (end) => {
      close = end;
    },
  }).finally(() => {
    close = async () => undefined;
  });
  for (const line of describeRun(result)) say(line);
  return result.findings.filter(({ ok }) => !ok).length;
};

let wrong = 0;
try {
  for (const plan of plans) wrong += await run(plan);
} catch (error) {
  say(`the run broke off: ${(error as Error).stack}`);
  wrong += 1;
}
if (wrong > 0) say(`${wrong} findings, seed ${seed}; histories and logs are kept in ${base}`);
else {
  if (keep === undefined) await rm(base, { recursive: true });
  say(`all is well, seed ${seed}`);
}
process.exit(wrong === 0 ? 0 : 1);

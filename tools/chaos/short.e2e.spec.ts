import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@khue/host/config';
import { describeOnOwnKafka } from '@khue/testing/kafka';
import { describe, expect, test } from 'vitest';
import type { Fault, Place } from './plan.ts';
import { randomOf } from './random.ts';
import { runChaos } from './run.ts';

/** The seed stands in the titles: KHUE_CHAOS_SEED=… runs the same again. */
const seed = Number(environment().KHUE_CHAOS_SEED ?? randomInt(2 ** 31));

/** A few faults under a few clerks; `npm run chaos` shows all of them, for longer and under more. */
const breaks = async (place: Place, faults: readonly Fault[]): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'khue-chaos-'));
  const said: string[] = [];
  const { findings, tally, struck, history } = await runChaos({
    ...{ place, seed, faults, folder },
    random: randomOf(seed).fork(place),
    clerks: 8,
    thinkMs: 100,
    warmUpMs: 1_000,
    peaceMs: 1_000,
    looksAtMemory: false,
    say: (line) => said.push(line),
  });
  const wrong = findings.filter(({ ok }) => !ok).map(({ name, examples }) => [name, ...examples]);
  expect(wrong, `${history}\n${said.join('\n')}`).toEqual([]);
  expect(struck.map(({ fault }) => fault)).toEqual(faults);
  // Had nobody typed, all would be well, too.
  expect(tally.total.acknowledged).toBeGreaterThan(20);
  expect(findings.filter(({ name, seen }) => name.startsWith('history: ') && seen > 0).length).toBeGreaterThan(5);
  await rm(folder, { recursive: true });
};

describe('a city that is broken while people type into it holds everything that it acknowledged, once', () => {
  test(`in one process: killed, its PostgreSQL killed, answers cut (seed ${seed})`, () =>
    breaks('embedded', [
      { kind: 'kill', target: 'product', seconds: 0 },
      { kind: 'kill', target: 'PostgreSQL', seconds: 0 },
      { kind: 'cut', target: 'client to gateway', seconds: 4 },
    ]));
});

await describeOnOwnKafka('a city of many processes that is broken while people type into it', () => {
  test(`holds everything that it acknowledged, once: services and Kafka killed, one frozen, answers cut (seed ${seed})`, () =>
    breaks('stack', [
      { kind: 'kill', target: randomOf(seed).pick(['enrollment', 'quota']), seconds: 0 },
      { kind: 'kill', target: 'Kafka', seconds: 2 },
      { kind: 'freeze', target: randomOf(seed).pick(['quota', 'registry']), seconds: 4 },
      { kind: 'cut', target: 'enrollment to PostgreSQL', seconds: 3 },
    ]));
});

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { localClient } from '@khue/standalone/sample';
import { openIssuer, tokenLifetimes } from '@khue/gateway/issuer';
import { checkInvariants, type Finding } from '../check-invariants/check.ts';
import { askReport } from '../check-invariants/ask-report.ts';
import { findCity } from '../check-invariants/options.ts';
import type { City } from './city.ts';
import { startEmbeddedCity } from './embedded-city.ts';
import { foundCity } from './founding.ts';
import { openHistory } from './history.ts';
import { startLoad, type Load } from './load.ts';
import { describeMemory, judgeMemory, measureMemory, type Memory } from './memory.ts';
import type { Fault, Place } from './plan.ts';
import type { Random } from './random.ts';
import { endure, isSettled, judgeFaults, type Struck } from './siege.ts';
import { startStackCity } from './stack-city.ts';
import { createTally, type Tally } from './tally.ts';
import { createTypist, type Typist } from './typist.ts';

export interface RunOptions {
  readonly place: Place;
  readonly seed: number;
  readonly random: Random;
  readonly faults: readonly Fault[];
  readonly clerks: number;
  readonly thinkMs: number;
  /** Typing before the first fault. */
  readonly warmUpMs: number;
  /** And after each one. */
  readonly peaceMs: number;
  /** Memory is compared with what it was after the warm-up, both at rest; in a short run the two say little. */
  readonly looksAtMemory: boolean;
  /** The city's data, its logs and the client's history: `<place>.history.jsonl`. */
  readonly folder: string;
  readonly say: (line: string) => void;
  /** Hands out the way to end the city, for a run that is interrupted. */
  readonly opened?: (close: () => Promise<void>) => void;
}

export interface RunResult {
  readonly struck: readonly Struck[];
  readonly findings: readonly Finding[];
  readonly history: string;
  readonly tally: Tally;
  readonly refusals: ReadonlyMap<string, number>;
}

const sayEveryMs = 4_000;
const stopMs = 120_000;
const settleMs = 60_000;

/** Founds a city, lets clerks type, hurts it as planned, and afterwards looks whether everything that was acknowledged is there, once. */
export const runChaos = async (options: RunOptions): Promise<RunResult> => {
  const { place, faults, folder, say, random } = options;
  const start = place === 'stack' ? startStackCity : startEmbeddedCity;
  const ownDisk = faults.some(({ kind }) => kind === 'full');
  const city = await start({ folder, random: random.fork('ways'), say: (line) => say(`  ${line}`), ownDisk });
  options.opened?.(city.close);
  try {
    return await run(
      city,
      faults.filter((fault) => fault.kind !== 'full' || city.disk !== undefined),
      options,
    );
  } finally {
    await city.close();
  }
};

const run = async (city: City, faults: readonly Fault[], options: RunOptions): Promise<RunResult> => {
  const { place, seed, random, clerks, thinkMs, folder, say } = options;
  const founded = await foundCity(await localClient({ address: city.gateway, issuer: city.issuer }, city.data, 'board'), { clerks, say });
  const history = openHistory(join(folder, `${place}.history.jsonl`));
  const tally = createTally();
  const typist = createTypist({ address: city.address, history, tally });
  const load = startLoad({ clerks, random: random.fork('clerks'), thinkMs, seed, founded, typist, token: await tokens(city) });
  let now = 'typing in peace';
  const struck: Struck[] = [];
  const stopTelling = tellProgress(tally, typist, () => now, say);
  const tell = (what: string): void => {
    now = what;
    say(`  ${what}…`);
  };
  try {
    await pause(options.warmUpMs);
    const before = options.looksAtMemory ? await memoryAtRest(city, load, tell) : undefined;
    for (const fault of faults) struck.push(await endure(fault, { city, load, tally, history, peaceMs: options.peaceMs, tell }));
    tell('no more faults; everybody finishes');
    await finish(load, typist);
    tell('looking whether all is well');
    const findings = [
      ...judgeFaults(struck, place),
      said('client: every key that was asked for again got its outcome', tally.total.attempts, typist.unsettled),
      said('client: nobody was turned away for a good token, role or scope, and no bad request was taken', tally.total.attempts, typist.surprises),
      said('client: nobody met a bug of ours', tally.total.attempts, bugsOf(tally)),
      ...(await look(city, history.file, tell)),
      said('at rest: the services say that nothing is unsent or unread', 1, (await becomesSettled(city)) ? [] : [city.gateway]),
      ...(before ? judgeAndTell(before, await measureMemory(city), say) : []),
    ];
    return { struck, findings, history: history.file, tally, refusals: typist.refusals };
  } finally {
    stopTelling();
    typist.giveUp();
    // After a failure nobody waits for the clerks; without a door they end by themselves.
    await finish(load, typist).catch(() => undefined);
    history.close();
  }
};

const look = async ({ place, data, ports }: City, history: string, say: (line: string) => void): Promise<readonly Finding[]> => {
  const found = await findCity({ data, stack: place === 'stack', history, json: false }, ports);
  const report = await askReport(data, ports, say);
  return checkInvariants({ ...found, ...(report ? { report } : {}) }, { history, patienceMs: settleMs, say });
};

const said = (name: string, seen: number, examples: readonly string[]): Finding => ({ name, ok: examples.length === 0, seen, examples });

/** 500: what the product did not expect. Whatever is struck, it must know what befell it. */
const bugsOf = ({ total: { errors } }: Tally): readonly string[] => {
  const met = errors.get('internal-error');
  return met === undefined ? [] : [`internal-error ${met} times`];
};

/** Lets every clerk end with the answer it waits for; whoever got none by the end of patience stays unsettled. */
const finish = (load: Load, typist: Typist): Promise<void> => {
  const timer = setTimeout(typist.giveUp, stopMs);
  return load.stop().finally(() => clearTimeout(timer));
};

const tokens = async ({ data, issuer }: City): Promise<(sub: string) => Promise<string>> => {
  const { sign } = await openIssuer({ data, issuer, audience: 'khue' });
  const known = new Map<string, Promise<string>>();
  return (sub) => {
    const token = known.get(sub) ?? sign(sub, tokenLifetimes.local);
    known.set(sub, token);
    return token;
  };
};

const tellProgress = (tally: Tally, typist: Typist, now: () => string, say: (line: string) => void): (() => void) => {
  const began = performance.now();
  let before = 0;
  const timer = setInterval(() => {
    const { acknowledged, attempts, errors } = tally.total;
    const failures = [...errors.values()].reduce((sum, count) => sum + count, 0);
    const seconds = Math.round((performance.now() - began) / 1_000);
    const rate = Math.round(((acknowledged - before) * 1_000) / sayEveryMs);
    say(
      `  ${seconds} s: ${acknowledged} writes acknowledged (${rate}/s), ${attempts} attempts, ${failures} failures, ${typist.open()} keys open; ${now()}`,
    );
    before = acknowledged;
  }, sayEveryMs);
  return () => clearInterval(timer);
};

const becomesSettled = async (city: City): Promise<boolean> => {
  for (const end = performance.now() + settleMs; performance.now() < end; await pause(250)) if (await isSettled(city.gateway)) return true;
  return false;
};

/** Everybody finishes what they type, everything arrives, and then it is measured: what is under way is no leak. */
const memoryAtRest = async (city: City, load: Load, tell: (what: string) => void): Promise<Memory> => {
  tell('measuring memory at rest');
  await load.hold();
  await becomesSettled(city);
  const measured = await measureMemory(city);
  load.goOn();
  return measured;
};

const judgeAndTell = (before: Memory, after: Memory, say: (line: string) => void): readonly Finding[] => {
  say(`  ${describeMemory(before, after)}`);
  return judgeMemory(before, after);
};

import { setTimeout as pause } from 'node:timers/promises';
import { serviceNames } from '@khue/contracts/services';
import type { Finding } from '../check-invariants/check.ts';
import { parts } from '../check-invariants/parts.ts';
import type { City } from './city.ts';
import type { History } from './history.ts';
import type { Load } from './load.ts';
import { nameOf, type Fault } from './plan.ts';
import { mayEnd, strike } from './strike.ts';
import type { Count, Tally } from './tally.ts';

/** What one fault did. Times in seconds. */
export interface Struck {
  readonly fault: Fault;
  readonly lasted: number;
  /** While it lasted. */
  readonly during: Count;
  /** From its beginning until everybody who had typed meanwhile had an answer. */
  readonly around: Count;
  /** From its end to the next write that was answered yes; and from the moment nobody typed, if it came, until every event had arrived. */
  readonly acknowledgedAfter: number | undefined;
  readonly settledAfter: number | undefined;
  /** What was found dead and was started again. */
  readonly revived: readonly string[];
}

export interface SiegeOptions {
  readonly city: City;
  readonly load: Load;
  readonly tally: Tally;
  readonly history: History;
  /** Typing in peace after each fault. */
  readonly peaceMs: number;
  /** What happens now, for whoever watches. */
  readonly tell: (what: string) => void;
}

/** Until a write is answered yes again, and until every event has arrived. */
const recoverMs = 120_000;
const settleMs = 60_000;

/** One fault under load: strikes, starts again what died, waits for the first yes, lets everybody finish and every event arrive, then lets typing go on. */
export const endure = async (fault: Fault, { city, load, tally, history, peaceMs, tell }: SiegeOptions): Promise<Struck> => {
  const name = nameOf(fault);
  tell(name);
  const since = new Date();
  const began = performance.now();
  history.fault(name, since, null);
  const duringWindow = tally.open();
  const aroundWindow = tally.open();
  await strike(city, fault);
  const revived = [...(await reviveAll(city))];
  const during = duringWindow.close();
  const ended = performance.now();
  history.fault(name, since, new Date());
  const elapsed = (from: number): number => (performance.now() - from) / 1_000;
  const lasted = elapsed(began);

  tell(`recovering from ${name}`);
  /** Waits, and meanwhile starts again what dies of it: an answer that was on its way may come before its server ends. */
  const standBy = async (awaited: Promise<unknown>): Promise<boolean> => {
    const arrived = awaited.then(() => true);
    for (const end = performance.now() + recoverMs; performance.now() < end; revived.push(...(await reviveAll(city)))) {
      if (await Promise.race([arrived, pause(500, false)])) return true;
    }
    return false;
  };
  const acknowledgedAfter = (await standBy(tally.nextAcknowledged())) ? elapsed(ended) : undefined;
  const finished = await standBy(load.hold());
  const around = aroundWindow.close();
  const held = performance.now();
  let settledAfter: number | undefined;
  while (finished && settledAfter === undefined && performance.now() - held < settleMs) {
    revived.push(...(await reviveAll(city)));
    if (await isSettled(city.gateway)) settledAfter = elapsed(held);
    else await pause(100);
  }
  load.goOn();
  tell('typing in peace');
  await pause(peaceMs);
  return { fault, lasted, during, around, acknowledgedAfter, settledAfter, revived };
};

/** Tries for a while: a service can't start before its database has recovered. */
const reviveAll = async (city: City): Promise<readonly string[]> => {
  const end = performance.now() + recoverMs;
  for (;;) {
    try {
      return await city.revive();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(1_000);
    }
  }
};

/** Nothing is unsent and nothing unread, as far as the services know. */
export const isSettled = async (gateway: string): Promise<boolean> => {
  try {
    const response = await fetch(`${gateway}/health/ready`, { signal: AbortSignal.timeout(5_000) });
    const { services } = (await response.json()) as { services: Record<string, { unsent: number | null; lag: number | null }> };
    return Object.values(services).every(({ unsent, lag }) => unsent === 0 && lag === 0);
  } catch {
    return false;
  }
};

/** Who types waits for none of them. */
const besideTyping = ['Kafka', ...serviceNames.filter((name) => parts[name].typing === 'goes on')];
/** Above every wait of the product, with time for a busy machine. */
const longestAnswerMs = 40_000;
const longestGapMs = 10_000;

/** What must hold of every fault, whatever the data say. */
export const judgeFaults = (struck: readonly Struck[], place: City['place']): readonly Finding[] => {
  const finding = (name: string, among: readonly Struck[], isWrong: (one: Struck) => boolean): Finding => {
    const wrong = among.filter(isWrong);
    return { name, ok: wrong.length === 0, seen: among.length, examples: wrong.map(({ fault }) => nameOf(fault)) };
  };
  const long = struck.filter(({ fault: { kind, target, seconds } }) => besideTyping.includes(target) && kind !== 'kill' && seconds >= 5);
  // A frozen door itself can tell nobody to come again.
  const withDoor = struck.filter(({ fault: { kind, target } }) => !(kind === 'freeze' && ['gateway', 'product'].includes(target)));
  return [
    finding(
      'faults: typing went on without Kafka and without reports',
      long,
      ({ during }) => during.acknowledged === 0 || during.longestGapMs > longestGapMs,
    ),
    finding('faults: nobody waited longer than any wait of the product', withDoor, ({ around }) => around.longestMs > longestAnswerMs),
    finding('faults: a write was acknowledged again', struck, ({ acknowledgedAfter }) => acknowledgedAfter === undefined),
    finding('faults: every event had arrived within 60 s', struck, ({ settledAfter }) => settledAfter === undefined),
    finding('faults: nothing ended that was not killed', struck, ({ fault, revived }) =>
      revived.some((name) => !mayEnd(fault, place).includes(name)),
    ),
  ];
};

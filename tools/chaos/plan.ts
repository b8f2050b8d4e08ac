import { serviceNames } from '@khue/contracts/services';
import type { Random } from './random.ts';

/**
 * `kill`: kill -9, and started again after `seconds`. `crash`: kill -9 of one of PostgreSQL's processes, after which the server starts itself again.
 * `freeze`: SIGSTOP, and SIGCONT after `seconds`. `away`: killed and not started for `seconds`, in which typing must go on.
 * `cut`: of the answers on that way some are lost after they were sent. `full`: the disk takes nothing more for `seconds`.
 */
export type FaultKind = 'kill' | 'crash' | 'freeze' | 'away' | 'cut' | 'full';

export interface Fault {
  readonly kind: FaultKind;
  /** A process, for `cut` a way, for `full` the disk. */
  readonly target: string;
  readonly seconds: number;
}

/** What can be hurt at a place. */
export interface Targets {
  readonly kill: readonly string[];
  readonly crash: readonly string[];
  readonly freeze: readonly string[];
  readonly away: readonly string[];
  readonly cut: readonly string[];
  readonly full: readonly string[];
}

export type Place = 'stack' | 'embedded';

const processes = [...serviceNames, 'gateway'];
export const targetsOf: Readonly<Record<Place, Targets>> = {
  stack: {
    kill: [...processes, 'PostgreSQL', 'Kafka'],
    crash: ['PostgreSQL'],
    freeze: [...processes, 'PostgreSQL', 'Kafka'],
    away: ['Kafka'],
    cut: ['client to gateway', 'gateway to registry', 'enrollment to PostgreSQL'],
    full: ['disk'],
  },
  embedded: {
    kill: ['product', 'PostgreSQL'],
    crash: ['PostgreSQL'],
    freeze: ['product', 'PostgreSQL'],
    away: [],
    cut: ['client to gateway'],
    full: ['disk'],
  },
};

/** Longer than any wait of the product, which is 30 s. */
const frozenSeconds = 35;
const seconds: Readonly<Record<FaultKind, (random: Random) => number>> = {
  kill: (random) => random.int(0, 3),
  crash: () => 0,
  freeze: () => frozenSeconds,
  away: () => 60,
  cut: () => 20,
  full: () => 20,
};

/** What a fault takes beside its own time: to be started again, to come to rest, and some typing in peace. */
export const restSeconds = 15;
const kinds = Object.keys(seconds) as FaultKind[];

const faultOf = (kind: FaultKind, target: string, random: Random): Fault => ({ kind, target, seconds: seconds[kind](random) });

/** Faults one after the other, as many as fit into the minutes, at least one: first one of each kind, then the others, then all of them again. */
export const planFaults = (place: Place, minutes: number, random: Random): readonly Fault[] => {
  const targets = targetsOf[place];
  const round = (): Fault[] => {
    const each = kinds.map((kind) => random.shuffled(targets[kind]).map((target) => faultOf(kind, target, random)));
    const firsts = each.flatMap((faults) => faults.slice(0, 1));
    return [...random.shuffled(firsts), ...random.shuffled(each.flatMap((faults) => faults.slice(1)))];
  };
  const planned: Fault[] = [];
  let left = minutes * 60;
  for (let waiting = round(); ; waiting = waiting.length > 1 ? waiting.slice(1) : round()) {
    const next = waiting[0] as Fault;
    left -= next.seconds + restSeconds;
    if (left < 0 && planned.length > 0) return planned;
    planned.push(next);
  }
};

/** What every fault of a place once takes. */
export const wholeMinutes = (place: Place): number => {
  const longest = { next: () => 0.999, int: (_: number, to: number) => to } as Random;
  const faults = kinds.flatMap((kind) => targetsOf[place][kind].map((target) => faultOf(kind, target, longest)));
  return faults.reduce((sum, fault) => sum + fault.seconds + restSeconds, 0) / 60;
};

const words: Readonly<Record<FaultKind, (fault: Fault) => string>> = {
  kill: ({ target }) => `kill -9 of ${target}`,
  crash: ({ target }) => `kill -9 of one process of ${target}`,
  freeze: ({ target, seconds: long }) => `${target} frozen for ${long} s`,
  away: ({ target, seconds: long }) => `${target} away for ${long} s`,
  cut: ({ target, seconds: long }) => `answers cut from ${target}, ${long} s`,
  full: ({ seconds: long }) => `disk full for ${long} s`,
};
export const nameOf = (fault: Fault): string => words[fault.kind](fault);

import { finding, type Finding } from '../check-invariants/finding.ts';
import type { City } from './city.ts';
import { liveMemoryOf } from './live-memory.ts';
import { memoryOf, serverOf } from './processes.ts';

/** What a process holds at rest after everything was collected, MB: what is live, and what it keeps of the system for itself. */
export interface Footprint {
  readonly live: number;
  readonly resident: number;
}

export interface Memory {
  /** Our own processes by name. */
  readonly ours: ReadonlyMap<string, Footprint>;
  /** What each process of PostgreSQL has for itself, MB, without what they share; the one with the most first. */
  readonly server: readonly number[];
}

/**
 * What may come on top of what was there before the siege, MB and as a share of it. Measured: over five rounds of load and over every fault once, live memory moved by
 * 2.2 MB at most (of 42 to 73), what a process kept of the system by 21 (of 59 to 131), the largest process of PostgreSQL by 1.7 (of 5.3).
 */
const bounds = {
  live: { share: 0.05, mb: 5 },
  resident: { share: 0.25, mb: 40 },
  server: { share: 0.5, mb: 8 },
} as const;

/** To be asked when nobody types and nothing is under way. */
export const measureMemory = async (city: Pick<City, 'processes' | 'data'>): Promise<Memory> => {
  const ours = new Map<string, Footprint>();
  // One after the other: what collects all its garbage takes a core meanwhile.
  for (const [name, { pid, inspector }] of city.processes()) {
    const { heap, external } = await liveMemoryOf(pid, inspector);
    ours.set(name, { live: heap + external, resident: await memoryOf(pid) });
  }
  const server = await Promise.all((await serverOf(city.data)).map(memoryOf));
  return { ours, server: server.sort((a, b) => b - a) };
};

const exceeds = (what: keyof typeof bounds, name: string, before: number, now: number): string[] => {
  const bound = before * (1 + bounds[what].share) + bounds[what].mb;
  return now > bound ? [`${name}: ${now.toFixed(1)} MB, ${before.toFixed(1)} before, ${bound.toFixed(1)} allowed`] : [];
};
const inWords = ({ share, mb }: { readonly share: number; readonly mb: number }): string => `what it did before, ${share * 100} % and ${mb} MB`;

/** Each process against itself, or the one that ran in its place. A process that is missing was never measured, which is as wrong. */
export const judgeMemory = (before: Memory, after: Memory): readonly Finding[] => {
  const names = [...before.ours.keys()];
  const grown = (what: 'live' | 'resident'): string[] =>
    names.flatMap((name) => {
      const then = before.ours.get(name) as Footprint;
      const now = after.ours.get(name);
      return now ? exceeds(what, name, then[what], now[what]) : [`${name}: not there`];
    });
  const largest = exceeds('server', 'the largest', before.server[0] ?? 0, after.server[0] ?? 0);
  return [
    finding(`at rest: nothing of ours keeps more alive than ${inWords(bounds.live)}`, names.length, grown('live')),
    finding(`at rest: nor more of the system’s memory than ${inWords(bounds.resident)}`, names.length, grown('resident')),
    finding(`at rest: no process of PostgreSQL has more for itself than ${inWords(bounds.server)}`, after.server.length, largest),
  ];
};

/** For people: each process with what was live and resident before and now. */
export const describeMemory = (before: Memory, after: Memory): string => {
  const pair = (then: number | undefined, now: number | undefined): string => `${then?.toFixed(1) ?? '?'} → ${now?.toFixed(1) ?? '?'}`;
  const ours = [...after.ours].map(([name, now]) => {
    const then = before.ours.get(name);
    return `${name} live ${pair(then?.live, now.live)}, resident ${pair(then?.resident, now.resident)}`;
  });
  const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, 0);
  const server = `PostgreSQL ${after.server.length} processes, the largest ${pair(before.server[0], after.server[0])}, all ${pair(sum(before.server), sum(after.server))}`;
  return `memory before and after, MB: ${[...ours, server].join('; ')}`;
};

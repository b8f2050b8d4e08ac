import { cpus } from 'node:os';
import type { LoadResult } from './load.ts';
import { processorSeconds, watchStrangers } from './strangers.ts';

/**
 * What a load costs from now on: shares of all cores that strangers and the generator took, and for each program its microseconds of processor time for an answer.
 * The last don't change with the company the machine is in, so they tell what bounds a figure when the figure itself can't.
 */
export const watchCost = (programs: Readonly<Record<string, { readonly pid: number }>>): ((load: LoadResult) => Record<string, number | string>) => {
  const strangers = watchStrangers();
  const begun = performance.now();
  const before = Object.entries(programs).map(([name, { pid }]) => ({ name, pid, used: processorSeconds(pid) }));
  return (load) => {
    const coreSeconds = ((performance.now() - begun) / 1_000) * cpus().length;
    const micros = ({ pid, used }: (typeof before)[number]): number | string => {
      const now = processorSeconds(pid);
      return now === undefined || used === undefined ? 'unknown' : Math.round(((now - used) / Math.max(1, load.answersInAll)) * 1_000_000);
    };
    return {
      strangers: strangers(),
      generator: Math.round((load.processorSeconds / coreSeconds) * 1_000) / 1_000,
      ...Object.fromEntries(before.map((program) => [`${program.name}Us`, micros(program)])),
    };
  };
};

import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc a second; every Linux that Node runs on has 100. */
const ticksASecond = 100;

/** Share (0 to 1) of all cores' time that others took since the watch began. A number, or why there is none. */
export type StrangersShare = number | 'unknown';

/**
 * Watches from now on what processes outside this one's tree take of the cores. A figure measured while strangers worked is lower than it could be, and only this
 * tells.
 */
export const watchStrangers = (): (() => StrangersShare) => {
  const before = look();
  return () => {
    const after = look();
    if (!before || !after) return 'unknown';
    const total = after.total - before.total;
    const strangers = after.busy - before.busy - (after.own - before.own);
    return total <= 0 ? 'unknown' : Math.round(Math.min(1, Math.max(0, strangers / total)) * 1_000) / 1_000;
  };
};

/** Processor seconds that a process and its descendants have used so far; undefined where there is no /proc. */
export const processorSeconds = (pid: number): number | undefined => {
  try {
    return treeTicks(pid) / ticksASecond;
  } catch {
    return undefined;
  }
};

interface Look {
  /** Of all cores, in ticks: everything, and what was not idle. */
  readonly total: number;
  readonly busy: number;
  /** What this process and its descendants used, the ended ones through whoever waited for them. */
  readonly own: number;
}

const look = (): Look | undefined => {
  try {
    // user nice system idle iowait irq softirq steal; guest time is in user already.
    const cores = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number);
    const total = cores.reduce((sum, ticks) => sum + ticks, 0);
    return { total, busy: total - (cores[3] ?? 0) - (cores[4] ?? 0), own: treeTicks(process.pid) };
  } catch {
    return undefined;
  }
};

const treeTicks = (root: number): number => {
  const seen = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [{ pid: Number(pid), ...parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8')) }];
      } catch {
        // It ended between the two looks.
        return [];
      }
    });
  const children = Map.groupBy(seen, ({ parent }) => parent);
  const ofTree = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + child.used + child.usedByEnded + ofTree(child.pid), 0);
  const self = seen.find(({ pid }) => pid === root);
  return (self ? self.used + self.usedByEnded : 0) + ofTree(root);
};

const parseStat = (line: string): { readonly parent: number; readonly used: number; readonly usedByEnded: number } => {
  // The name stands in brackets and may hold anything; what follows the last one is numbers, beginning with the state (the third of the file).
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = (place: number): number => Number(fields[place - 3]);
  return { parent: ticks(4), used: ticks(14) + ticks(15), usedByEnded: ticks(16) + ticks(17) };
};

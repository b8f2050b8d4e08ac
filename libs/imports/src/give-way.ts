import { setTimeout as wait } from 'node:timers/promises';
import { importChunks, importWaits } from './limits.ts';

/** Those whose commands the service answers beside an import. */
export interface People {
  /** Whether somebody sent a command of late. */
  typing(): boolean;
  /** Resolves when none of their commands is under way. */
  answered(): Promise<void>;
}

/** Takes rows in steps that people hardly notice while they type, and in whole chunks when they don't. */
export interface Steps {
  /** When the next step may go, and how many rows it may have at most. */
  next(): Promise<number>;
  /** What the step took, in milliseconds. */
  took(rows: number, milliseconds: number): void;
}

/**
 * A command meets an import in two ways: a step begins while it is under way, or it comes while a step is. So no step begins before those under way are answered,
 * and a step is as short as this machine makes it. Waiting has an end, or a busy door would stop an import for good.
 */
export const giveWay = (people: People, most: number): Steps => {
  let rows: number = importChunks.leastBesidePeople;
  return {
    next: async () => {
      if (!people.typing()) return most;
      const answered = new AbortController();
      const end = wait(importWaits.givingWay, undefined, { signal: answered.signal }).catch(() => undefined);
      await Promise.race([people.answered(), end]);
      answered.abort();
      return Math.min(most, rows);
    },
    took: (taken, milliseconds) => {
      // Only a whole step tells what the next may be.
      if (taken !== rows) return;
      if (milliseconds > importWaits.stepBesidePeople) rows = Math.max(importChunks.leastBesidePeople, Math.ceil(rows / 2));
      else if (milliseconds < importWaits.stepBesidePeople / 2) rows = Math.min(importChunks.mostBesidePeople, rows * 2);
    },
  };
};

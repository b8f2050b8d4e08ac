import { setTimeout as wait } from 'node:timers/promises';
import { importChunks, importWaits } from './limits.ts';

/** Those whose commands the service answers beside an import. */
export interface People {
  /** Whether somebody sent a command of late. */
  typing(): boolean;
  /** Resolves when none of their commands is under way, or after `mostMs`. */
  answered(mostMs: number): Promise<void>;
}

/** Takes rows in steps that people hardly notice while they type, and in whole chunks when they don't. */
export interface Steps {
  /** Resolves when the next step may go, with the rows it may have at most. */
  next(): Promise<number>;
  /** How long the step took, in milliseconds. */
  took(milliseconds: number): void;
}

/**
 * A command meets an import in two ways: a step begins while it is under way, or it comes while a step is. So no step begins before those under way are answered,
 * steps are small, and after each the machine is theirs for as long as it took: by that the import also gives way where others keep the processors busy. All of
 * this waiting has an end, or a busy door would stop an import for good.
 */
export const giveWay = (people: People, most: number): Steps => {
  let last = 0;
  return {
    next: async () => {
      if (!people.typing()) return most;
      await wait(Math.min(last, importWaits.givingWay));
      await people.answered(importWaits.givingWay);
      return Math.min(most, importChunks.rowsBesidePeople);
    },
    took: (milliseconds) => {
      last = milliseconds;
    },
  };
};

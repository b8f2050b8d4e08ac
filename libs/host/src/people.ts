import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

/** So long after a command people count as being at work. */
const typingMs = 1_000;

/** Commands of people that are under way, for background work to give way to them. */
export interface People {
  /** Whether somebody sent a command within the last second. */
  typing(): boolean;
  /** Resolves when no command is under way, at once where there is none, and after `mostMs` at a door that is always busy. */
  answered(mostMs: number): Promise<void>;
  /** Counts a command until its answer. */
  during<T>(answer: Promise<T>): Promise<T>;
}

export const watchPeople = (): People => {
  let underWay = 0;
  let lastCommand = Number.NEGATIVE_INFINITY;
  const waiting = new Set<() => void>();
  return {
    typing: () => performance.now() - lastCommand < typingMs,
    answered: (mostMs) =>
      new Promise((resolve) => {
        if (underWay === 0) return resolve();
        // Who gave up waiting is forgotten: a door may be busy for hours.
        const over = (): void => {
          clearTimeout(timer);
          waiting.delete(over);
          resolve();
        };
        const timer = setTimeout(over, mostMs);
        waiting.add(over);
      }),
    during: async (answer) => {
      underWay += 1;
      lastCommand = performance.now();
      try {
        return await answer;
      } finally {
        underWay -= 1;
        if (underWay === 0) waiting.forEach((over) => over());
      }
    },
  };
};

/** How long people are given way at a time. */
const givingWayMs = 100;

/**
 * For background work in small steps: resolves when the next may go. While people type, none begins before those under way are answered, and after each the machine
 * is theirs for as long as it took; all of this waiting has an end.
 */
export const betweenPeople =
  ({ typing, answered }: People): ((tookMs: number) => Promise<void>) =>
  async (tookMs) => {
    if (!typing()) return;
    await pause(Math.min(tookMs, givingWayMs));
    await answered(givingWayMs);
  };

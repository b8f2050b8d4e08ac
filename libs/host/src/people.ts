import { performance } from 'node:perf_hooks';

/** So long after a command people count as being at work. */
const typingMs = 1_000;

/** Commands of people that are under way, for background work to give way to them. */
export interface People {
  /** Whether somebody sent a command within the last second. */
  typing(): boolean;
  /** Resolves when no command is under way, at once where there is none. */
  answered(): Promise<void>;
  /** Counts a command until its answer. */
  during<T>(answer: Promise<T>): Promise<T>;
}

export const watchPeople = (): People => {
  let underWay = 0;
  let lastCommand = Number.NEGATIVE_INFINITY;
  const waiting: (() => void)[] = [];
  return {
    typing: () => performance.now() - lastCommand < typingMs,
    answered: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    during: async (answer) => {
      underWay += 1;
      lastCommand = performance.now();
      try {
        return await answer;
      } finally {
        underWay -= 1;
        if (underWay === 0) for (const resolve of waiting.splice(0)) resolve();
      }
    },
  };
};

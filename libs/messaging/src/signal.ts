import { setTimeout as pause } from 'node:timers/promises';

/** Wakes a loop. What is signaled while nobody waits is remembered once, so that no wake is lost and many are one. */
export interface Signal {
  wake(): void;
  /** Resolves when woken, or after `ms`. */
  wait(ms: number): Promise<'woken' | 'timeout'>;
}

export const createSignal = (): Signal => {
  let woken = false;
  let resume: (() => void) | undefined;
  return {
    wake: () => {
      woken = true;
      resume?.();
    },
    wait: async (ms) => {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          resume = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        resume = undefined;
      }
      const why = woken ? 'woken' : 'timeout';
      woken = false;
      return why;
    },
  };
};

/** Milliseconds to wait after the n-th failure in a row. */
export const backoff = (failures: number, { firstMs = 100, mostMs = 5_000 } = {}): number =>
  Math.min(firstMs * 2 ** Math.max(0, failures - 1), mostMs);

/** Waits `ms`, or until `end` is aborted; never rejects. */
export const rest = async (ms: number, end: AbortSignal): Promise<void> => {
  await pause(ms, undefined, { signal: end }).catch(() => undefined);
};

/** Does `work` again and again, waiting longer each time, until it passes. Answers undefined when `end` is aborted before. */
export const untilItPasses = async <T>(work: () => Promise<T>, end: AbortSignal): Promise<T | undefined> => {
  for (let failures = 1; !end.aborted; failures += 1) {
    try {
      return await work();
    } catch {
      await rest(backoff(failures, { mostMs: 1_000 }), end);
    }
  }
  return undefined;
};

/**
 * Answers `work`, or `otherwise` as soon as `end` is aborted; what `work` still does then is nobody's concern. A race with one promise that settles at the very
 * end would hold on to every race that was ever run: 280 bytes for each batch that was sent, for as long as the process lives.
 */
export const unlessEnded = <T>(end: AbortSignal, work: Promise<T>, otherwise: T): Promise<T> => {
  const ended = Promise.withResolvers<T>();
  const answer = (): void => ended.resolve(otherwise);
  if (end.aborted) answer();
  end.addEventListener('abort', answer, { once: true });
  return Promise.race([work, ended.promise]).finally(() => end.removeEventListener('abort', answer));
};

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
export const backoff = (failures: number, { firstMs = 100, mostMs = 5_000 } = {}): number => Math.min(firstMs * 2 ** Math.max(0, failures - 1), mostMs);

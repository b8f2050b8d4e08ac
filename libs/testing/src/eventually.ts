export interface Patience {
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/** Runs `check` until it no longer throws and answers what it returned; throws its last error when the time is over. */
export const eventually = async <T>(check: () => T | Promise<T>, { withinMs = 15_000, everyMs = 20 }: Patience = {}): Promise<T> => {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};

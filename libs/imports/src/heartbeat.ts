import { setTimeout as wait } from 'node:timers/promises';
import { importWaits } from './limits.ts';

/** Waits for `work` and calls `beat` each time that takes another heartbeat, so that nobody takes a waiting import for an abandoned one. */
export const beating = async <T>(work: Promise<T>, beat: () => Promise<void>): Promise<T> => {
  const waiting = new AbortController();
  const settled = work.finally(() => waiting.abort());
  // Its failure is thrown below; here it must not count as unhandled while a beat is under way.
  settled.catch(() => undefined);
  for (;;) {
    const pause = wait(importWaits.heartbeat, 'beat' as const, { signal: waiting.signal }).catch(() => 'settled' as const);
    const first = await Promise.race([settled.then(() => 'settled' as const), pause]);
    if (first === 'settled') return settled;
    await beat();
  }
};

import { setImmediate as others } from 'node:timers/promises';

/** Others are let in when a piece of work has held the process for so many milliseconds. */
const holdMs = 10;

/** `await pace()` between the parts of a long piece of work: gives way when it's due. */
export const createPace = (): (() => Promise<void>) => {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < holdMs) return;
    await others();
    since = performance.now();
  };
};

import { setTimeout as pause } from 'node:timers/promises';
import { failureCode, faultOf, type Fault } from './handler.ts';

/** Pauses before each further try, in milliseconds; after the last of them the next rung. Together below what a bus waits for a batch. */
export const ladder = {
  /** One event alone that can't be applied; then it is parked. */
  event: [50, 200, 800],
  /** Deadlock, lock timeout: nobody's fault; then the bus is told that nothing was committed, and offers the same again. */
  again: [20, 50, 100, 200, 400, 800],
  away: [100],
  /** COMMIT without an answer: the next try reads the watermark first. */
  unknown: [0, 100, 400],
  ours: [],
} as const satisfies Record<Fault, readonly number[]>;

/** Nothing of the batch, or not all of it, could be committed, and no event is to blame: the same is to be offered again. */
export class NothingCommitted extends Error {
  readonly fault: Fault;
  constructor(cause: unknown, fault: Fault) {
    super(`not committed: ${failureCode(cause)}`, { cause });
    this.name = 'NothingCommitted';
    this.fault = fault;
  }
}

/** What a try tells of itself: whether a handler ran in its transaction. */
export interface Try {
  applied: boolean;
}

export type Outcome<T> =
  /** `unknown`: a COMMIT before this try had no answer and may have taken place. */
  | { readonly done: T; readonly unknown: boolean }
  /** What an event of the batch made fail. */
  | { readonly blamed: unknown };

/** Does `work`, again while no event is to blame. Throws NothingCommitted when patience ends. */
export const patiently = async <T>(work: (run: Try) => Promise<T>): Promise<Outcome<T>> => {
  let unknown = false;
  for (let tries = 0; ; tries += 1) {
    const run = { applied: false };
    try {
      return { done: await work(run), unknown };
    } catch (error) {
      const fault = faultOf(error, run.applied);
      if (fault === 'event') return { blamed: error };
      unknown ||= fault === 'unknown';
      const wait = ladder[fault][tries];
      if (wait === undefined) throw new NothingCommitted(error, fault);
      await pause(wait);
    }
  }
};

/** What came of one attempt. */
export interface Attempt {
  readonly isWrite: boolean;
  readonly status: number | null;
  readonly code: string | null;
  readonly ms: number;
}

/** Counts from one moment on. */
export interface Count {
  attempts: number;
  /** Writes that were answered yes. */
  acknowledged: number;
  /** The longest that anybody waited for an answer, and that nobody got a yes. */
  longestMs: number;
  longestGapMs: number;
  /** Of what was answered with a failure of the server or not at all, by code. */
  readonly errors: Map<string, number>;
}

/** Counts attempts, in total and within a window that may be opened. */
export interface Tally {
  readonly total: Count;
  add(attempt: Attempt): void;
  /** A count that goes on beside the total until it is closed. */
  open(): { close(): Count };
  /** Resolves at the next write that is answered yes. */
  nextAcknowledged(): Promise<void>;
}

interface Window extends Count {
  lastYesAt: number;
}
const nothing = (): Window => ({ attempts: 0, acknowledged: 0, longestMs: 0, longestGapMs: 0, errors: new Map(), lastYesAt: performance.now() });
const endGap = (count: Window): void => {
  const now = performance.now();
  count.longestGapMs = Math.max(count.longestGapMs, now - count.lastYesAt);
  count.lastYesAt = now;
};

export const createTally = (): Tally => {
  const total = nothing();
  const counts = new Set([total]);
  let waiting: (() => void)[] = [];
  return {
    total,
    add: ({ isWrite, status, code, ms }) => {
      const acknowledged = isWrite && status !== null && status < 400;
      for (const count of counts) {
        count.attempts += 1;
        if (acknowledged) {
          count.acknowledged += 1;
          endGap(count);
        }
        if (status === null || status >= 500) {
          const name = code ?? `status ${status}`;
          count.errors.set(name, (count.errors.get(name) ?? 0) + 1);
        }
        count.longestMs = Math.max(count.longestMs, ms);
      }
      if (!acknowledged) return;
      for (const wake of waiting) wake();
      waiting = [];
    },
    open: () => {
      const count = nothing();
      counts.add(count);
      return {
        close: () => {
          counts.delete(count);
          endGap(count);
          return count;
        },
      };
    },
    nextAcknowledged: () => new Promise((acknowledged) => waiting.push(acknowledged)),
  };
};

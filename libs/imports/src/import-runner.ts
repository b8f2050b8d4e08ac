import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { classify } from '@khue/messaging/database';
import { unlessEnded } from '@khue/messaging/signal';
import type { Pool } from 'pg';
import { expireImports } from './expire.ts';
import { giveWay, type People } from './give-way.ts';
import { beating } from './heartbeat.ts';
import type { ImportKind } from './import-kind.ts';
import { importChunks, importWaits } from './limits.ts';
import { beatHolder, claimImport, postpone, releaseImports, type Claimed } from './progress.ts';
import { rejectNext, runChunk } from './run-chunk.ts';
import { deleteStaged, refuseAbandonedUploads } from './store.ts';

export interface RunnerOptions {
  readonly pool: Pool;
  readonly kinds: readonly ImportKind[];
  /** Resolves when the next chunk may go: an import waits while its service's unsent events exceed 20,000. */
  readonly pace: () => Promise<void>;
  /** Those whom it gives way to. */
  readonly people: People;
  /** Called after each chunk that may have written events. */
  readonly committed: () => void;
  /** A chunk that failed; it is tried again. */
  readonly onError: (error: unknown, importId: string | undefined) => void;
}

export interface ImportRunner {
  /** Goes on with every commit and revocation that is under way, also those another process left. */
  start(): void;
  /** There is new work. */
  wake(): void;
  /** Ends after the chunk under way; another process goes on. */
  stop(): Promise<void>;
}

/** Commits and revokes in the background, one chunk after the other; several imports take turns. */
export const createImportRunner = ({ pool, kinds, pace, people, committed, onError }: RunnerOptions): ImportRunner => {
  const holder = randomUUID();
  const stopping = new AbortController();
  const steps = giveWay(people, importChunks.applyRows);
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  let sleeping = new AbortController();
  let woken = false;
  let running: Promise<void> | undefined;
  let expiredAt = Number.NEGATIVE_INFINITY;

  /** Until the work is done, the turn is over or a chunk failed; answers how long to wait before trying again. */
  const work = async (claimed: Claimed): Promise<number> => {
    const kind = byName.get(claimed.kind);
    if (!kind) throw new Error(`claimed an import of another door: ${claimed.kind}`);
    const turnOver = performance.now() + importWaits.slice;
    let size: number = importChunks.applyRows;
    while (size < importChunks.applyRows || performance.now() < turnOver) {
      await beating(unlessEnded(stopping.signal, pace(), undefined), () => beatHolder(pool, claimed.id, holder));
      if (stopping.signal.aborted) return 0;
      const rows = Math.min(size, await steps.next());
      const began = performance.now();
      try {
        const result = await runChunk(pool, kind, claimed, holder, rows);
        steps.took(performance.now() - began);
        committed();
        if (result !== 'more') return 0;
        size = Math.min(size * 2, importChunks.applyRows);
      } catch (error) {
        const failure = classify(error);
        // One row the database does not accept must not hold up the others: halved until it is alone.
        if (failure === 'data' && rows > 1) size = Math.ceil(rows / 2);
        else if (failure === 'data' && claimed.state === 'committing') await rejectNext(pool, claimed, holder);
        else return retryLater(claimed, error);
      }
      await nextTurn();
    }
    return 0;
  };

  const retryLater = async (claimed: Claimed, error: unknown): Promise<number> => {
    if (classify(error) !== 'again') onError(error, claimed.id);
    const pause = Math.min(importWaits.retryFirst * 2 ** Math.min(claimed.failures, 20), importWaits.retryLongest);
    await postpone(pool, claimed.id, holder, pause);
    return pause;
  };

  const sweep = async (): Promise<void> => {
    for (const id of await refuseAbandonedUploads(pool)) await deleteStaged(pool, id);
    if (performance.now() - expiredAt < importWaits.expiryPoll) return;
    expiredAt = performance.now();
    await expireImports(pool);
  };

  const sleep = async (milliseconds: number): Promise<void> => {
    if (woken || stopping.signal.aborted) return;
    sleeping = new AbortController();
    await wait(milliseconds, undefined, { signal: sleeping.signal }).catch(() => undefined);
  };

  const loop = async (): Promise<void> => {
    let pause: number = importWaits.idlePoll;
    while (!stopping.signal.aborted) {
      woken = false;
      try {
        const claimed = await claimImport(pool, holder, [...byName.keys()]);
        if (claimed) {
          const retry = await work(claimed);
          if (retry > 0) pause = Math.min(pause, retry);
          continue;
        }
        await sweep();
      } catch (error) {
        onError(error, undefined);
      }
      await sleep(pause);
      pause = importWaits.idlePoll;
    }
    await releaseImports(pool, holder).catch((error: unknown) => onError(error, undefined));
  };

  const wake = (): void => {
    woken = true;
    sleeping.abort();
  };
  return {
    start: () => {
      running ??= loop();
    },
    wake,
    stop: async () => {
      stopping.abort();
      wake();
      await running;
    },
  };
};

import type { Pool } from 'pg';
import type { Log } from './bus.ts';
import { classify, waits } from './database.ts';
import { countTries, dueTries, nextDues, postponeDues, type DueRow, type DueTries } from './due.ts';
import type { Firing } from './due-batch.ts';
import { failureCode } from './handler.ts';
import { holdLease, type Lease } from './lease.ts';
import { backoff, createSignal, rest } from './signal.ts';

export interface DuePumpOptions {
  readonly pool: Pool;
  readonly service: string;
  readonly firings: readonly Firing[];
  /** The clock that rows are due by. */
  readonly now: () => Date;
  /** Asked before each batch; whether this process fires. */
  readonly lease: Pick<Lease, 'held'>;
  /** Resolves when the next batch may go, told how long the last one took in milliseconds. */
  readonly giveWay: (tookMs: number) => Promise<void>;
  readonly log: Log;
  readonly pollMs?: number;
  readonly batch?: number;
  readonly tries?: DueTries;
}

export interface DuePump {
  /** Ends the batch under way, then fires no more. */
  stop(): Promise<void>;
}

/**
 * The lease under which due rows of a service are fired. Not the relay's: a service that tells nothing has no relay, and deadlines shall not wait while a relay
 * can't stamp or send. What it is for is order and quiet, one pump at a time; that each row has its effect once is held by its lock and its deletion.
 */
export const holdDueLease = (pool: Pool, holder: string, onError: (error: unknown) => void): Lease =>
  holdLease(pool, { name: 'due', holder, onError });

/** Rows of a batch: about what a flush of people's commands takes. */
export const dueBatch = 64;
/** A row that somebody holds: how long its command waits alone, and when it is looked at again. */
const heldMs = { wait: 1_000, again: 5_000 } as const;
const awaitMs = 2_000;

/**
 * Fires what is due, one small batch after another, in the order of their instants, until stopped; nothing is thrown. A batch that fails is halved until the row at
 * fault is alone: that one is counted, and parked after the last try, and the others go on. Batches are transactions of its own, so that no row of it ever waits in
 * the queue of people's commands, and between two of them people have their turn.
 */
export const startDuePump = (options: DuePumpOptions): DuePump => {
  const { pool, service, firings, lease, giveWay, log, pollMs = 1_000, batch = dueBatch, tries = dueTries } = options;
  const stopping = new AbortController();
  const signal = createSignal();
  const byKind = new Map(firings.flatMap((firing) => firing.kinds.map((kind) => [kind, firing] as const)));
  const kinds = [...byKind.keys()];
  const onError = (error: unknown): void => log.error({ err: error, service }, 'a due command failed');
  let most = batch;
  let tookMs = 0;

  const failed = async (error: unknown, rows: readonly DueRow[]): Promise<void> => {
    const failure = classify(error);
    if (failure === 'away' || failure === 'disk-full') throw error;
    if (rows.length > 1) {
      most = Math.ceil(rows.length / 2);
      return;
    }
    if (failure === 'again') await postponeDues(pool, rows, heldMs.again);
    else {
      onError(error);
      await countTries(
        pool,
        rows.map((row) => ({ row, reason: failureCode(error) })),
        tries,
      );
    }
    most = batch;
  };

  /** Fires one batch; false when nothing is due. */
  const pass = async (): Promise<boolean> => {
    await giveWay(tookMs);
    if (stopping.signal.aborted || !lease.held()) return false;
    const began = performance.now();
    // Read anew for each batch: what a fired command sets for an instant that has passed has its turn among the others.
    const next = await nextDues(pool, kinds, options.now().toISOString(), most);
    const firing = byKind.get(next[0]?.kind ?? '');
    if (!firing) return false;
    const others = next.findIndex(({ kind }) => byKind.get(kind) !== firing);
    const rows = others < 0 ? next : next.slice(0, others);
    const lockMs = rows.length === 1 ? heldMs.wait : waits.lock;
    try {
      await firing.fire({ pool, service, tries, lockMs, awaitMs, onError }, rows);
      most = Math.min(batch, most * 2);
    } catch (error) {
      await failed(error, rows);
    } finally {
      tookMs = performance.now() - began;
    }
    return true;
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stopping.signal.aborted) {
      let more = false;
      try {
        more = await pass();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) log.error({ err: error, service }, 'due rows can not be fired; trying again until it passes');
      }
      if (failures > 0) await rest(backoff(failures, { mostMs: pollMs }), stopping.signal);
      else if (!more) await signal.wait(pollMs);
    }
  };

  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      signal.wake();
      await running;
    },
  };
};

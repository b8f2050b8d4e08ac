import type { Pool } from 'pg';
import type { Log } from './bus.ts';
import type { Tx } from './command.ts';
import { localSearchPath, type ConsumerGroup } from './consumer.ts';
import { inTransaction, waits } from './database.ts';
import { failureCode, faultOf, runHandler } from './handler.ts';
import { NothingCommitted, patiently } from './ladder.ts';
import { payloadExpired } from './parking.ts';
import { read } from './sift.ts';
import { lockTopic } from './watermark.ts';

/** Parked events of one subject that are applied in one transaction: the live consumer of the topic waits for it. */
export const redriveChunk = 100;

export interface RedriveOptions {
  readonly topic?: string | undefined;
  readonly subject?: string | undefined;
  /** Applies and rolls back: says what would happen. Tries the first `redriveChunk` events of each subject. */
  readonly dryRun?: boolean | undefined;
  readonly log?: Log;
}

/** What became of one subject's parked events; those that stay are `kept`, among them the one that failed. */
export interface RedrivenSubject {
  readonly topic: string;
  readonly subject: string;
  readonly applied: number;
  /** Of a type the group doesn't know; dropped from the parking as they are by the consumer. */
  readonly skipped: number;
  readonly kept: number;
  readonly failed?: { readonly position: number; readonly reason: string; readonly attempts: number };
}

export interface RedriveReport {
  readonly group: string;
  readonly dryRun: boolean;
  readonly subjects: readonly RedrivenSubject[];
}

/**
 * Applies parked events again, each subject's in position order, and stops a subject at its first that fails again. Beside the live consumer:
 * both lock the topic's watermarks first. So while a subject's last parked events are under way, a later live event of it waits, and then
 * finds the parking empty and the earlier effects committed; or it had the lock first, and is parked behind them and redriven here. Watermarks
 * are not moved: they passed these events when they were parked. Throws NothingCommitted when the database is away.
 */
export const redrive = async (pool: Pool, group: ConsumerGroup, options: RedriveOptions = {}): Promise<RedriveReport> => {
  const { rows } = await pool.query<{ topic: string; subject: string }>(
    `select topic, subject from messaging.parked where group_name = $1 and ($2::text is null or topic = $2) and ($3::text is null or subject = $3)
     group by topic, subject order by min(position), topic`,
    [group.group, options.topic, options.subject],
  );
  const subjects: RedrivenSubject[] = [];
  for (const { topic, subject } of rows) subjects.push(await redriveSubject(pool, group, topic, subject, options));
  return { group: group.group, dryRun: options.dryRun ?? false, subjects };
};

const redriveSubject = async (
  pool: Pool,
  group: ConsumerGroup,
  topic: string,
  subject: string,
  { dryRun = false, log }: RedriveOptions,
): Promise<RedrivenSubject> => {
  const onLate = (): void => log?.error({ group: group.group }, 'a handler went on after its transaction was over: it leaves a promise behind');
  const begin = [`set local lock_timeout = ${waits.lockAlone}`, localSearchPath(group.searchPath)].filter(Boolean).join('; ');
  let applied = 0;
  let skipped = 0;
  for (;;) {
    // What an unknown COMMIT had applied is no longer parked at the next try.
    const outcome = await patiently(() => transact(pool, begin, dryRun, (tx) => step(tx, group, topic, subject, onLate)));
    if ('blamed' in outcome) throw new NothingCommitted(outcome.blamed, 'ours');
    const chunk = outcome.done;
    applied += chunk.applied;
    skipped += chunk.skipped;
    if (dryRun || chunk.failed || chunk.kept === 0) return { ...chunk, applied, skipped };
  }
};

interface Row {
  readonly position: number;
  readonly message: unknown;
  readonly reason: string;
  readonly attempts: number;
}

const step = async (tx: Tx, { group, known, apply }: ConsumerGroup, topic: string, subject: string, onLate: () => void): Promise<RedrivenSubject> => {
  await lockTopic(tx, group, topic);
  // After the lock and not with it: what the live consumer parked meanwhile belongs to us now.
  const { rows } = await tx.query<Row>(
    'select position, message, reason, attempts from messaging.parked where group_name = $1 and topic = $2 and subject = $3 order by position limit $4',
    [group, topic, subject, redriveChunk],
  );
  const done: number[] = [];
  let skipped = 0;
  let failed: RedrivenSubject['failed'];
  for (const { position, message, reason, attempts } of rows) {
    const reading = read(known, { topic, subject, message });
    if (reading.outcome === 'unreadable') failed = { position, reason: reason === payloadExpired ? reason : reading.reason, attempts: attempts + 1 };
    else if (reading.outcome === 'unknown-type') skipped += 1;
    else {
      await tx.query('savepoint event');
      try {
        await runHandler(apply, tx, [reading.event], onLate);
        // Constraints that wait for COMMIT are asked now, so that the event that breaks them is the one that stops.
        await tx.query('set constraints all immediate; set constraints all deferred; release savepoint event');
      } catch (error) {
        if (faultOf(error, true) !== 'event') throw error;
        await tx.query('rollback to savepoint event');
        failed = { position, reason: `handler: ${failureCode(error)}`, attempts: attempts + 1 };
      }
    }
    if (failed) break;
    done.push(position);
  }
  await tx.query('delete from messaging.parked where group_name = $1 and topic = $2 and position = any($3)', [group, topic, done]);
  if (failed) {
    await tx.query('update messaging.parked set reason = $4, attempts = $5 where group_name = $1 and topic = $2 and position = $3', [
      group,
      topic,
      failed.position,
      failed.reason,
      failed.attempts,
    ]);
  }
  const left = await tx.query<{ kept: number }>(
    'select count(*) as kept from messaging.parked where group_name = $1 and topic = $2 and subject = $3',
    [group, topic, subject],
  );
  return { topic, subject, applied: done.length - skipped, skipped, kept: left.rows[0]?.kept ?? 0, ...(failed ? { failed } : {}) };
};

class DryRun extends Error {
  readonly result: RedrivenSubject;
  constructor(result: RedrivenSubject) {
    super('rolled back: a dry run');
    this.result = result;
  }
}

const transact = async (pool: Pool, begin: string, dryRun: boolean, work: (tx: Tx) => Promise<RedrivenSubject>): Promise<RedrivenSubject> => {
  try {
    return await inTransaction(
      pool,
      async (tx) => {
        const result = await work(tx);
        if (dryRun) throw new DryRun(result);
        return result;
      },
      begin,
    );
  } catch (error) {
    if (error instanceof DryRun) return error.result;
    throw error;
  }
};

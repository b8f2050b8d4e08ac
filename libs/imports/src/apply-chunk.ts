import { todayIn } from '@khue/contracts/dates';
import { applyBatch } from '@khue/messaging/apply';
import type { Aggregate, Answer, Command, Tx } from '@khue/messaging/command';
import { newId } from '@khue/messaging/new-id';
import type { ImportJob } from './import-kind.ts';

export interface Chunk<Body> {
  /** One for each row, in order. */
  readonly bodies: readonly Body[];
  /** By the service's clock. */
  readonly now: Date;
  /** What the audit calls it: `ImportPeople`. */
  readonly what: string;
  /** What the audit keeps of it. */
  readonly counts: (answers: readonly Answer[]) => Readonly<Record<string, number>>;
}

/**
 * Rows of an import go the way of every other command: loaded and locked by set, decided, saved, told. The chunk is one command, which its events name as their cause,
 * and one row of the audit. An answer for each row, in order. Throws what `decide` threw: the chunk is tried again, and no row is rejected for a bug of ours.
 */
export const applyChunk = <Body, State, Event>(
  tx: Tx,
  job: ImportJob,
  aggregate: Aggregate<Body, State, Event>,
  { bodies, now, what, counts }: Chunk<Body>,
): Promise<Answer[]> => {
  const envelope = envelopeOf(job, now);
  return applyBatch(
    tx,
    aggregate,
    bodies.map((body) => ({ ...envelope, body })),
    {
      audit: { command: { ...envelope, body: { type: what } }, subject: job.id, counts },
      onBug: (error) => {
        throw error;
      },
    },
  );
};

const envelopeOf = ({ actor, context }: ImportJob, now: Date): Omit<Command, 'body'> => {
  const id = newId();
  const { correlationId = id, grantId, traceparent } = context;
  return {
    id,
    actor,
    now: now.toISOString(),
    today: todayIn(now),
    correlationId,
    causationId: id,
    ...(grantId === undefined ? {} : { grantId }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};

import type { Log, Subscription } from './bus.ts';
import { atMost, boundsOf, kafkaWaits, partitionsAtOnce, type Bounds, type KafkaClient, type WithAdmin } from './kafka-client.ts';
import { gatherPartitions, type Standing } from './kafka-gather.ts';
import { untilItPasses } from './signal.ts';

export interface SeatContext {
  readonly client: KafkaClient;
  readonly admin: WithAdmin;
  readonly log: Log;
  readonly compacted: (topic: string) => boolean;
  /** A sign of life. */
  readonly alive: () => void;
}

/** One consumer of the library as a member of a group, from joining to leaving. */
export interface Seat {
  /** Resolves when the consumer is over and another has to be made; rejects when it could not start. */
  readonly ended: Promise<void>;
  joined(): boolean;
  /** What is assigned to this member; undefined until it is known from where to read. */
  standings(): readonly Place[] | undefined;
  /** Waits for the batch in flight and commits offsets. */
  leave(): Promise<void>;
}

export interface Place extends Standing {
  readonly topic: string;
  readonly partition: number;
  readonly ready: Promise<void>;
  committed: number | undefined;
}

/** Offsets are committed now and then, for those who look at the group from outside; where to read on is told by the watermark. */
const commitEveryMs = 2_000;
/** Longer than any wait on the database. */
const batchMs = 30_000;

export const takeSeat = (subscription: Subscription, context: SeatContext): Seat => {
  const { group, topics } = subscription;
  const { client, log, alive, compacted } = context;
  const consumer = client.consumer(group);
  const leaving = new AbortController();
  const left = leaving.signal;
  const ended = Promise.withResolvers<void>();
  let joined = false;
  let reassigned = new AbortController();
  let places = new Map<string, Place>();

  const gather = gatherPartitions({
    subscription,
    log,
    compacted,
    end: left,
    standing: (topic, partition) => places.get(keyOf(topic, partition)) ?? { next: undefined, searching: undefined },
    positioned: async (topic, partition) => places.get(keyOf(topic, partition))?.ready,
  });

  // Called in the same turn as the assignment, before the first fetch: what that fetches waits in the gather until it is known where to read.
  const assigned = (assignment: Readonly<Record<string, readonly number[]>>): void => {
    joined = true;
    alive();
    const mine = new Map<string, Place>();
    reassigned.abort();
    reassigned = new AbortController();
    const end = AbortSignal.any([left, reassigned.signal]);
    for (const [topic, partitions] of Object.entries(assignment)) {
      const bounds = untilItPasses(() => context.admin((admin) => boundsOf(admin, topic)), end);
      for (const partition of partitions) {
        const known = Promise.all([untilItPasses(() => subscription.reached(topic, partition), end), bounds]);
        const ready = known.then(([reached, all]) => {
          const bound = all?.find((each) => each.partition === partition);
          const place = mine.get(keyOf(topic, partition));
          if (!bound || !place || end.aborted) return;
          place.next = startAt(reached?.nextOffset ?? undefined, bound, { topic, group, log });
          consumer.seek({ topic, partition, offset: String(place.next) });
        });
        mine.set(keyOf(topic, partition), {
          topic,
          partition,
          ready: ready.catch(() => undefined),
          next: undefined,
          searching: undefined,
          committed: undefined,
        });
      }
    }
    places = mine;
  };

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => assigned(payload.memberAssignment));
  consumer.on(consumer.events.FETCH, alive);
  consumer.on(consumer.events.HEARTBEAT, alive);
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!left.aborted) log.warn({ group, err: payload.error }, 'the consumer ended; making a new one');
    ended.resolve();
  });

  const start = async (): Promise<void> => {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: partitionsAtOnce, eachBatch: gather.offer });
  };
  start().catch(ended.reject);

  let committing = Promise.resolve();
  const commit = async (): Promise<void> => {
    const moved = [...places.values()].filter(({ next, committed }) => next !== undefined && next !== committed);
    if (moved.length === 0) return;
    const offsets = moved.map(({ topic, partition, next }) => ({ topic, partition, offset: String(next) }));
    await consumer.commitOffsets(offsets);
    moved.forEach((place, at) => (place.committed = Number(offsets[at]?.offset)));
  };
  const timer = setInterval(() => {
    committing = committing.then(() => (left.aborted ? undefined : commit())).catch(() => undefined);
  }, commitEveryMs).unref();

  return {
    ended: ended.promise,
    joined: () => joined,
    standings: () => (joined && [...places.values()].every(({ next }) => next !== undefined) ? [...places.values()] : undefined),
    leave: async () => {
      leaving.abort();
      clearInterval(timer);
      await atMost(batchMs, gather.idle());
      await atMost(commitEveryMs, commit());
      await atMost(kafkaWaits.leave, consumer.disconnect());
    },
  };
};

/** What is no longer there, or not there again after a broker lost its tail, is never skipped to the end: read from the earliest, the watermark drops the rest. */
const startAt = (
  wanted: number | undefined,
  { partition, low, high }: Bounds,
  { topic, group, log }: { topic: string; group: string; log: Log },
): number => {
  if (wanted === undefined) return low;
  if (wanted >= low && wanted <= high) return wanted;
  log.error(
    { group, topic, partition, wanted, low, high },
    'the events this group has to read next are gone from Kafka; reading again from the earliest there is',
  );
  return low;
};

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;

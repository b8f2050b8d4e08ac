import { HoleFound, type Delivery, type Log, type Subscription } from './bus.ts';
import { kafkaWaits, type EachBatchPayload } from './kafka-client.ts';
import { backoff, rest } from './signal.ts';

/** What a group has of a partition in this process. */
export interface Standing {
  /** Offset behind the last applied message. */
  next: number | undefined;
  /** The position the group stands at because events behind it are missing; read on for them, apply nothing else. */
  searching: number | undefined;
}

export interface GatherContext {
  readonly subscription: Subscription;
  readonly log: Log;
  readonly compacted: (topic: string) => boolean;
  readonly standing: (topic: string, partition: number) => Standing;
  /** Resolves once it is known where the partition is to be read, and the reading has been sent there. */
  readonly positioned: (topic: string, partition: number) => Promise<void>;
  /** Aborted when the consumer leaves. */
  readonly end: AbortSignal;
}

/** Messages in one call of `consume`. */
const chunkSize = 1_000;

interface Read {
  readonly payload: EachBatchPayload;
  readonly offset: string;
  /** Undefined: not from a log of ours. */
  readonly delivery: Delivery | undefined;
}

export interface PartitionGather {
  /** Resolves when what was handed over is applied, or was left for another time; rejects with what kafkajs has to know. */
  offer(payload: EachBatchPayload): Promise<void>;
  /** Resolves when nothing is being applied. */
  idle(): Promise<void>;
}

/**
 * Gathers what kafkajs hands over partition by partition into one transaction for all of them (12 partitions: p99 81 ms as it comes, 20 ms so). All partitions
 * of one fetch arrive in the same turn of the event loop.
 */
export const gatherPartitions = (context: GatherContext): PartitionGather => {
  let boarding: { readonly payloads: EachBatchPayload[]; readonly done: Promise<void> } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return {
    offer: (payload) => {
      if (!boarding) {
        const payloads: EachBatchPayload[] = [];
        const done = last.then(() => {
          boarding = undefined;
          return round(context, payloads);
        });
        last = done.catch(() => undefined);
        boarding = { payloads, done };
      }
      boarding.payloads.push(payload);
      return boarding.done;
    },
    idle: async () => {
      await last;
    },
  };
};

const round = async (context: GatherContext, payloads: readonly EachBatchPayload[]): Promise<void> => {
  const heart = keepBeating(payloads[0] as EachBatchPayload);
  try {
    for (const { batch } of payloads) await Promise.race([context.positioned(batch.topic, batch.partition), heart.lost]);
    // Where the reading was sent elsewhere meanwhile, what was read before is not wanted.
    const messages = payloads
      .filter((payload) => !payload.isStale())
      .flatMap((payload) => payload.batch.messages.map((message) => ({ payload, message })));
    for (let at = 0; at < messages.length && !context.end.aborted; at += chunkSize) {
      const chunk = messages.slice(at, at + chunkSize).map(({ payload, message }) => read(context, payload, message));
      if (!(await apply(context, chunk, heart))) return;
      for (const { payload, offset } of chunk) payload.resolveOffset(offset);
      heart.check();
    }
  } finally {
    heart.stop();
  }
};

interface Heart {
  /** Rejects with what a heartbeat threw: the group is rebalancing or has given us up, and kafkajs must learn of it. */
  readonly lost: Promise<never>;
  /** Throws the same. */
  check(): void;
  stop(): void;
}

/** No wait for a database may let the broker believe that we are dead. */
const keepBeating = (payload: EachBatchPayload): Heart => {
  const lost = Promise.withResolvers<never>();
  let why: unknown;
  lost.promise.catch((error: unknown) => {
    why = error;
  });
  const timer = setInterval(() => {
    payload.heartbeat().catch(lost.reject);
  }, kafkaWaits.heartbeat / 3);
  return {
    lost: lost.promise,
    check: () => {
      if (why) throw why;
    },
    stop: () => clearInterval(timer),
  };
};

const read = (
  { log, compacted, subscription }: GatherContext,
  payload: EachBatchPayload,
  message: EachBatchPayload['batch']['messages'][number],
): Read => {
  const { topic, partition } = payload.batch;
  const { offset, key, value, headers } = message;
  const position = numberIn(headers?.position);
  const previous = numberIn(headers?.previous);
  if (position === undefined || previous === undefined || !key) {
    log.error({ group: subscription.group, topic, partition, offset }, 'a message that no relay of ours sent: passed over');
    return { payload, offset, delivery: undefined };
  }
  // A relay of before this header sends none: then the message itself has to be read.
  const type = Buffer.isBuffer(headers?.type) ? headers.type.toString() : undefined;
  const isHeard = type === undefined || (subscription.heard?.has(type) ?? true);
  const delivery = {
    topic,
    partition,
    position,
    previous: compacted(topic) ? null : previous,
    subject: key.toString(),
    type,
    message: isHeard ? parse(value) : undefined,
    nextOffset: Number(offset) + 1,
  };
  return { payload, offset, delivery };
};

const numberIn = (header: unknown): number | undefined => {
  const value = Number(Buffer.isBuffer(header) ? header.toString() : Number.NaN);
  return Number.isSafeInteger(value) ? value : undefined;
};

/** What isn't JSON goes on as it is; the consumer parks it. */
const parse = (value: Buffer | null): unknown => {
  if (value === null) return null;
  const text = value.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** Has a chunk applied, however long that takes. Answers false when stopped before. */
const apply = async (context: GatherContext, chunk: readonly Read[], heart: Heart): Promise<boolean> => {
  const { subscription, standing, end, log } = context;
  const { group } = subscription;
  const deliveries = chunk.flatMap(({ delivery }) => (delivery ? [delivery] : []));
  for (let failures = 0; ;) {
    const offered = connecting(context, deliveries);
    try {
      if (offered.length > 0) await subscription.consume(offered, end);
      for (const { topic, partition, nextOffset } of offered) Object.assign(standing(topic, partition), { next: nextOffset, searching: undefined });
      if (failures > 0) log.info({ group }, 'the group goes on');
      return true;
    } catch (error) {
      if (error instanceof HoleFound) {
        // Said loudly by the consumer. An operator has the relay send the missing again, and they come further on in this partition.
        standing(error.topic, error.partition).searching = error.reached;
        continue;
      }
      failures += 1;
      // Whatever it is, also a TypeError of ours: kafkajs must not see it, it would end the consumer for good.
      if (failures === 1 && !end.aborted) log.error({ group, err: error }, 'the group could not apply anything; trying again until it can');
      await rest(backoff(failures), end);
      if (end.aborted) return false;
      heart.check();
    }
  }
};

/** Leaves out what lies behind a hole until the missing events come. */
const connecting = ({ standing }: GatherContext, deliveries: readonly Delivery[]): readonly Delivery[] => {
  const found = new Set<Standing>();
  return deliveries.filter(({ topic, partition, position, previous }) => {
    const at = standing(topic, partition);
    if (at.searching === undefined || found.has(at)) return true;
    if (position <= at.searching || (previous ?? 0) > at.searching) return false;
    found.add(at);
    return true;
  });
};

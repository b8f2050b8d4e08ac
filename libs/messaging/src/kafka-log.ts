import { randomUUID } from 'node:crypto';
import { atMost, boundsOf, kafkaClient, kafkaWaits, within, type KafkaOptions } from './kafka-client.ts';

/** A message as a topic holds it. */
export interface TopicMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  /** All of them, as text. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the relay says beside it; undefined where it isn't the relay's. */
  readonly position: number | undefined;
  readonly previous: number | undefined;
}

/** Without anything for so long the broker is taken for gone. */
const silenceMs = 60_000;

/**
 * Reads topics from their first message to the last there is now, each partition in order, beside the product: in a group of its own that commits no offsets and goes
 * afterwards. Throws when the broker doesn't answer or falls silent.
 */
export const readTopics = async (options: KafkaOptions, topics: readonly string[], onMessage: (message: TopicMessage) => void): Promise<void> => {
  const client = kafkaClient(options);
  const group = `${options.clientId}-${randomUUID()}`;
  const admin = client.admin();
  const consumer = client.consumer(group);
  try {
    await within(kafkaWaits.request, admin.connect());
    const ends = new Map<string, number>();
    for (const topic of topics) {
      for (const { partition, low, high } of await within(kafkaWaits.request, boundsOf(admin, topic)))
        if (high > low) ends.set(`${topic}/${partition}`, high);
    }
    if (ends.size === 0) return;
    const done = Promise.withResolvers<void>();
    done.promise.catch(() => undefined);
    const silence = setTimeout(
      () => done.reject(new Error(`Kafka said nothing for ${silenceMs / 1_000} s; unread: ${[...ends.keys()].join(', ')}`)),
      silenceMs,
    );
    consumer.on(consumer.events.CRASH, ({ payload }) => done.reject(payload.error));
    try {
      await within(kafkaWaits.request, consumer.connect());
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const { topic, partition, messages } = batch;
          silence.refresh();
          const end = ends.get(`${topic}/${partition}`);
          if (end === undefined) return;
          for (const { offset, key, value, headers } of messages) {
            if (Number(offset) >= end) break;
            const said = Object.fromEntries(Object.entries(headers ?? {}).map(([name, header]) => [name, String(header)]));
            const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
            onMessage({
              topic,
              partition,
              offset: Number(offset),
              key: key?.toString() ?? '',
              value: value?.toString() ?? '',
              headers: said,
              position: number(said.position),
              previous: number(said.previous),
            });
          }
          // Compaction takes messages out, but never the last of a partition, which is the last of its key.
          if (Number(batch.lastOffset()) + 1 >= end) ends.delete(`${topic}/${partition}`);
          if (ends.size === 0) done.resolve();
        },
      });
      await done.promise;
    } finally {
      clearTimeout(silence);
    }
  } finally {
    await atMost(kafkaWaits.leave, consumer.disconnect());
    await atMost(kafkaWaits.leave, admin.deleteGroups([group]));
    await atMost(kafkaWaits.leave, admin.disconnect());
  }
};

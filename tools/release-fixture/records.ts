import { kafkaClient, type KafkaOptions } from '@khue/messaging/kafka-client';
import { readTopics, type TopicMessage } from '@khue/messaging/kafka-log';
import { ensureTopics } from '@khue/messaging/kafka-topics';
import { topics as declared } from '@khue/messaging/topics';

/** A message of a topic as it is kept, one a line. */
export type KeptRecord = Omit<TopicMessage, 'position' | 'previous'>;

/** All messages of all topics, as JSON lines: each partition in its order. */
export const dump = async (options: KafkaOptions): Promise<string> => {
  const records: KeptRecord[] = [];
  const admin = kafkaClient(options).admin();
  await admin.connect();
  const there = new Set(await admin.listTopics().finally(() => admin.disconnect()));
  // Some are declared for services that don't stand yet.
  const names = declared.map(({ name }) => name).filter((name) => there.has(name));
  await readTopics(options, names, ({ topic, partition, offset, key, value, headers }) =>
    records.push({ topic, partition, offset, key, value, headers }),
  );
  const place = ({ topic, partition, offset }: KeptRecord): number => names.indexOf(topic) * 1e12 + partition * 1e9 + offset;
  return records
    .sort((a, b) => place(a) - place(b))
    .map((record) => `${JSON.stringify(record)}\n`)
    .join('');
};

export const parseRecords = (lines: string): KeptRecord[] =>
  lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as KeptRecord);

const atOnce = 500;

/**
 * Puts kept messages into the topics of a broker that has none yet. Offsets come out as they were, or it throws: consumers remember them beside what they
 * have applied.
 */
export const load = async (options: KafkaOptions, records: readonly KeptRecord[]): Promise<void> => {
  const client = kafkaClient(options);
  const admin = client.admin();
  const producer = client.producer();
  try {
    await admin.connect();
    await ensureTopics(admin, [...new Set(records.map(({ topic }) => topic))], declared);
    await producer.connect();
    const next = new Map<string, number>();
    for (const { topic, partition, offset } of records) {
      const key = `${topic}/${partition}`;
      const expected = next.get(key) ?? 0;
      if (offset !== expected)
        throw new Error(`${key}: offset ${offset} where ${expected} comes next; these messages can't be put back as they were`);
      next.set(key, offset + 1);
    }
    for (let at = 0; at < records.length; at += atOnce) {
      const chunk = Map.groupBy(records.slice(at, at + atOnce), ({ topic }) => topic);
      const topicMessages = [...chunk].map(([topic, kept]) => ({
        topic,
        messages: kept.map(({ key, value, partition, headers }) => ({ key, value, partition, headers: { ...headers } })),
      }));
      await producer.sendBatch({ acks: -1, topicMessages });
    }
  } finally {
    await producer.disconnect();
    await admin.disconnect();
  }
};

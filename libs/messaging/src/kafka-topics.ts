import type { TopicDeclaration } from '@khue/infra/kafka/topics';
import { partitionsPerTopic } from './kafka-partition.ts';
import type { Admin } from './kafka-client.ts';

/** Only the latest message of a key is kept for good, so positions are missing by design and nobody can tell a hole. */
export const isCompacted = (declared: readonly TopicDeclaration[], topic: string): boolean =>
  declared.find(({ name }) => name === topic)?.config['cleanup.policy']?.includes('compact') ?? false;

const creationMs = 5_000;

/**
 * Makes sure that topics are there, with all partitions led; creates the missing ones as declared. Any number of processes may do so at once. Throws when one
 * is neither there nor declared, or has another number of partitions: subjects would be looked for where they are not.
 */
export const ensureTopics = async (admin: Admin, wanted: readonly string[], declared: readonly TopicDeclaration[]): Promise<void> => {
  const end = performance.now() + creationMs;
  for (;;) {
    const { missing, waiting } = await look(admin, wanted);
    if (missing.length === 0 && waiting.length === 0) return;
    if (performance.now() > end) throw new Error(`topics without a leader: ${[...missing, ...waiting].join(', ')}`);
    // That another process was first is no error: what counts is what the next look finds.
    if (missing.length > 0) await admin.createTopics({ topics: missing.map((topic) => creation(declared, topic)), waitForLeaders: false, timeout: creationMs });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const look = async (admin: Admin, wanted: readonly string[]): Promise<{ missing: string[]; waiting: string[] }> => {
  // All of them: asked for one that doesn't exist, kafkajs fails instead of saying so.
  const { topics } = await admin.fetchTopicMetadata();
  const there = new Map(topics.map(({ name, partitions }) => [name, partitions]));
  const missing = wanted.filter((topic) => !there.has(topic));
  const waiting = wanted.filter((topic) => there.get(topic)?.some(({ leader }) => leader < 0));
  for (const topic of wanted) {
    const { length } = there.get(topic) ?? { length: partitionsPerTopic };
    if (length !== partitionsPerTopic) throw new Error(`${topic} has ${length} partitions instead of ${partitionsPerTopic}`);
  }
  return { missing, waiting };
};

const creation = (declared: readonly TopicDeclaration[], topic: string): { topic: string; numPartitions: number; configEntries: { name: string; value: string }[] } => {
  const declaration = declared.find(({ name }) => name === topic);
  if (!declaration) throw new Error(`${topic} is neither there nor declared`);
  return { topic, numPartitions: declaration.partitions, configEntries: Object.entries(declaration.config).map(([name, value]) => ({ name, value })) };
};

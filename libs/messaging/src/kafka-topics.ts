import { boundsOf, type Admin } from './kafka-client.ts';
import { partitionsPerTopic } from './kafka-partition.ts';
import type { TopicDeclaration } from './topics.ts';

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
    const missing = await findMissing(admin, wanted);
    // That another process was first is no error: what counts is what the next look finds.
    if (missing.length > 0)
      await admin.createTopics({ topics: missing.map((topic) => creation(declared, topic)), waitForLeaders: false, timeout: creationMs });
    else {
      try {
        // Metadata names leaders that don't know it yet: a first send then fails for some partitions and comes twice in the others. Leaders answer for offsets.
        for (const topic of wanted) await boundsOf(admin, topic);
        return;
      } catch (error) {
        if (performance.now() > end) throw error;
      }
    }
    if (performance.now() > end) throw new Error(`topics that were created don't appear: ${missing.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const findMissing = async (admin: Admin, wanted: readonly string[]): Promise<string[]> => {
  // All of them: asked for one that doesn't exist, kafkajs fails instead of saying so.
  const { topics } = await admin.fetchTopicMetadata();
  const there = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
  for (const topic of wanted) {
    const partitions = there.get(topic) ?? partitionsPerTopic;
    if (partitions !== partitionsPerTopic) throw new Error(`${topic} has ${partitions} partitions instead of ${partitionsPerTopic}`);
  }
  return wanted.filter((topic) => !there.has(topic));
};

const creation = (
  declared: readonly TopicDeclaration[],
  topic: string,
): { topic: string; numPartitions: number; configEntries: { name: string; value: string }[] } => {
  const declaration = declared.find(({ name }) => name === topic);
  if (!declaration) throw new Error(`${topic} is neither there nor declared`);
  return {
    topic,
    numPartitions: declaration.partitions,
    configEntries: Object.entries(declaration.config).map(([name, value]) => ({ name, value })),
  };
};

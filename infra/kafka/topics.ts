export type TopicDeclaration = {
  name: string;
  partitions: number;
  /** Topic settings by Kafka's names. */
  config: Readonly<Record<string, string>>;
};

// Never more of them for a topic that is in use: the partition is chosen by a hash of the subject modulo this number, so adding one moves subjects to other
// partitions, where their later events are read beside their earlier ones and no longer after them.
const partitions = 12;

const factsKeptForever = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };

/** Every topic there is. libs/messaging creates them at start; brokers don't create any by themselves. */
export const topics: readonly TopicDeclaration[] = [
  ...['registry', 'enrollment', 'evaluation', 'quota', 'criteria'].map((service) => ({
    name: `khue.${service}.facts`,
    partitions,
    config: factsKeptForever,
  })),
  // Cards: the latest record of a person; erasure is a tombstone.
  { name: 'khue.registry.people', partitions, config: { 'cleanup.policy': 'compact' } },
];

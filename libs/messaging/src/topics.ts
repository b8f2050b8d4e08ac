import type { Topic } from '@khue/contracts/envelope';
import { serviceNames, topicsOf } from '@khue/contracts/services';
import { partitionsPerTopic } from './kafka-partition.ts';

export interface TopicDeclaration {
  readonly name: string;
  readonly partitions: number;
  /** Topic settings by Kafka's names. */
  readonly config: Readonly<Record<string, string>>;
}

type Kind = Topic extends `khue.${string}.${infer Last}` ? Last : never;

const settings: Readonly<Record<Kind, TopicDeclaration['config']>> = {
  facts: { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' },
  // Cards: the latest record of a person; erasure is a tombstone.
  people: { 'cleanup.policy': 'compact' },
};

/** Every topic there is. They are created at start; brokers don't create any by themselves. */
export const topics: readonly TopicDeclaration[] = serviceNames.flatMap((service) =>
  topicsOf(service).map((name) => ({ name, partitions: partitionsPerTopic, config: settings[name.split('.')[2] as Kind] })),
);

import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { partitionOf, partitionsPerTopic } from './kafka-partition.ts';

describe('the partition of a subject', () => {
  test('is the one that other Kafka clients choose for the key', () => {
    const theirs = kafkajs.Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: partitionsPerTopic }, (_, partitionId) => ({ partitionId, leader: 1, partitionErrorCode: 0, replicas: [1], isr: [1] }));
    const subjects = Array.from({ length: 2_000 }, (_, n) => `${'Đào tạo '.slice(0, n % 9)}${n * 7919}-${'x'.repeat(n % 5)}`);
    for (const key of subjects) expect([key, partitionOf(key)]).toEqual([key, theirs({ topic: 't', partitionMetadata, message: { key, value: '' } })]);
    expect(new Set(subjects.map(partitionOf)).size).toBe(partitionsPerTopic);
  });
});

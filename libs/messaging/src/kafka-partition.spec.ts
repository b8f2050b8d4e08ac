import { describe, expect, test } from 'vitest';
import { partitionOf, partitionsPerTopic } from './kafka-partition.ts';

describe('the partition of a subject', () => {
  // The hashes are those that Kafka's own tests expect of its partitioner; the last two, with bytes beyond ASCII and of an id, were asked of another client.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
    ['Đào tạo', 221511681],
    ['0199c0de-7000-7000-8000-000000000001', 195470832],
  ])('%s is where other Kafka clients look for it', (subject, hash) => {
    expect(partitionOf(subject)).toBe((hash & 0x7fffffff) % partitionsPerTopic);
  });
});

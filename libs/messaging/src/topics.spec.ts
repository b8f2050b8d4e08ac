import { allEvents } from '@khue/contracts/services';
import { expect, test } from 'vitest';
import { topics } from './topics.ts';

test('facts are kept for ever, cards are compacted, and every topic has the twelve partitions of its first day', () => {
  const facts = topics.filter(({ name }) => name.endsWith('.facts'));
  expect(facts.map(({ name }) => name)).toEqual(expect.arrayContaining(['khue.registry.facts', 'khue.enrollment.facts', 'khue.quota.facts']));
  for (const topic of facts) expect(topic.config).toMatchObject({ 'cleanup.policy': 'delete', 'retention.ms': '-1' });
  expect(topics.filter(({ config }) => config['cleanup.policy'] === 'compact').map(({ name }) => name)).toEqual(['khue.registry.people']);
  expect(new Set(topics.map(({ partitions }) => partitions))).toEqual(new Set([12]));
});

test('every event has its topic, once', () => {
  expect(topics.map(({ name }) => name).sort()).toEqual([...new Set(allEvents.map(({ topic }) => topic))].sort());
});

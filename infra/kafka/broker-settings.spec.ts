import { expect, test } from 'vitest';
import { asEnvironment, asProperties } from './broker-settings.ts';
import { topics } from './topics.ts';

test('a folder name with diacritics and backslashes survives the properties file', () => {
  expect(asProperties({ 'log.dirs': 'C:\\Dữ liệu' })).toBe('log.dirs=C:\\\\D\\u1eef li\\u1ec7u\n');
});

test('the container image is told the same settings by its own names', () => {
  expect(asEnvironment({ 'auto.create.topics.enable': 'false', listeners: 'PLAINTEXT://:1' })).toEqual({
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_LISTENERS: 'PLAINTEXT://:1',
  });
});

test('facts are kept for ever, cards are compacted, and every topic has the twelve partitions of its first day', () => {
  const facts = topics.filter(({ name }) => name.endsWith('.facts'));
  expect(facts.map(({ name }) => name)).toEqual(
    ['registry', 'enrollment', 'evaluation', 'quota', 'criteria'].map((service) => `khue.${service}.facts`),
  );
  for (const topic of facts) expect(topic.config).toMatchObject({ 'cleanup.policy': 'delete', 'retention.ms': '-1' });
  expect(topics.filter(({ config }) => config['cleanup.policy'] === 'compact').map(({ name }) => name)).toEqual(['khue.registry.people']);
  expect(new Set(topics.map(({ partitions }) => partitions))).toEqual(new Set([12]));
});

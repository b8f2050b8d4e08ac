import { expect, test } from 'vitest';
import { asEnvironment, asProperties } from './broker-settings.ts';

test('a folder name with diacritics and backslashes survives the properties file', () => {
  expect(asProperties({ 'log.dirs': 'C:\\Dữ liệu' })).toBe('log.dirs=C:\\\\D\\u1eef li\\u1ec7u\n');
});

test('the container image is told the same settings by its own names', () => {
  expect(asEnvironment({ 'auto.create.topics.enable': 'false', listeners: 'PLAINTEXT://:1' })).toEqual({
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_LISTENERS: 'PLAINTEXT://:1',
  });
});

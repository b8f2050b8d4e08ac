import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@khue/host/config';
import { findKafka, startKafka } from '@khue/infra/kafka/local-broker';
import type { TestProject } from 'vitest/node';

/** One Kafka for the whole run: the given brokers, else one of our own, else the reason why there is none. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const found = await findKafka({
    brokers: readSettings()
      .KHUE_KAFKA_BROKERS?.split(',')
      .map((broker) => broker.trim()),
  });
  if (found.kind === 'none') {
    project.provide('kafka', { missing: found.missing });
    return async () => undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), 'khue-test-kafka-'));
  const broker = await startKafka({ folder, found, log: () => undefined });
  project.provide('kafka', { brokers: broker.brokers.join(',') });
  return async () => {
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  };
};

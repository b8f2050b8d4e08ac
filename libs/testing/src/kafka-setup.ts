import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@khue/host/config';
import { findKafka, startKafka } from '@khue/infra/kafka/local-broker';
import { StartProblem } from '@khue/infra/start-problem';
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
  const broker = await startKafka({ folder, found, log: () => undefined }).catch((error: unknown) => {
    // Java is here and Kafka can't be had all the same: Maven reaches nothing.
    if (!(error instanceof StartProblem)) throw error;
    project.provide('kafka', { missing: error.en });
    return undefined;
  });
  if (!broker) return () => rm(folder, { recursive: true, force: true });
  project.provide('kafka', { brokers: broker.brokers.join(',') });
  return async () => {
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  };
};

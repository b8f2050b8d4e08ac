import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@khue/host/config';
import { findKafka, startKafka, type LocalKafka } from '@khue/infra/kafka/local-broker';
import { describe, inject, test } from 'vitest';

/** Brokers of the run's Kafka, or why there is none; one broker for all spec files of a run. */
export const kafka = (): { readonly brokers: readonly string[] } | { readonly missing: string } => {
  const found = inject('kafka');
  return 'brokers' in found ? { brokers: found.brokers.split(',') } : found;
};

/** Tests that need a Kafka. Where there is none they are reported as not run, with what was missing; KHUE_REQUIRE_KAFKA=1 makes that a failure. */
export const describeOnKafka = (name: string, suite: (brokers: readonly string[]) => void): void => {
  const found = kafka();
  describe(name, () => {
    if ('brokers' in found) return suite(found.brokers);
    test(`not run: ${found.missing}`, (context) => {
      if (readSettings().KHUE_REQUIRE_KAFKA === '1') throw new Error(`not run: ${found.missing}`);
      context.skip(`not run: ${found.missing}`);
    });
  });
};

/** A broker of a spec's own, to be killed and frozen; also where the run's was given from outside. */
export const ownKafka = async (): Promise<LocalKafka> => {
  const found = await findKafka();
  if (found.kind === 'none') throw new Error(`not run: ${found.missing}`);
  const folder = await mkdtemp(join(tmpdir(), 'khue-test-kafka-'));
  const broker = await startKafka({ folder, found, log: () => undefined });
  return { ...broker, close: () => broker.close().finally(() => rm(folder, { recursive: true, force: true })) };
};

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
  describe(name, () => ('brokers' in found ? suite(found.brokers) : notRun(found.missing)));
};

/** Tests that kill and freeze a broker, so that one that was given from outside won't do: `start` starts one of their own. To be awaited. */
export const describeOnOwnKafka = async (name: string, suite: (start: () => Promise<LocalKafka>) => void): Promise<void> => {
  const found = await findKafka();
  describe(name, () => (found.kind === 'none' ? notRun(found.missing) : suite(ownKafka)));
};

const notRun = (missing: string): void => {
  test(`not run: ${missing}`, (context) => {
    if (readSettings().KHUE_REQUIRE_KAFKA === '1') throw new Error(`not run: ${missing}`);
    context.skip(`not run: ${missing}`);
  });
};

/** A broker of a spec's own, to be killed and frozen. */
export const ownKafka = async (): Promise<LocalKafka> => {
  const folder = await mkdtemp(join(tmpdir(), 'khue-test-kafka-'));
  const broker = await startKafka({ folder, log: () => undefined });
  return { ...broker, close: () => broker.close().finally(() => rm(folder, { recursive: true, force: true })) };
};

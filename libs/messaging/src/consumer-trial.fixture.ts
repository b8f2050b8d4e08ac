import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Delivery } from './bus.ts';
import { createConsumer, type Consumer, type Counted } from './consumer.ts';
import { openPool } from './database.ts';
import { listParked } from './parking.ts';
import { capturedLog, tallyGroup, tallySchema, topic, type Mood } from './tally.fixture.ts';

/** A database with a group that tallies, for one spec file; everything is empty before each test. */
export interface ConsumerTrial {
  database: TestDatabase;
  pool: pg.Pool;
  /** What the handler does with each event, before its effect. */
  mood: Mood;
  log: ReturnType<typeof capturedLog>;
  counts: Partial<Record<Counted, number>>;
  /** How often the consumer said that it had applied something. */
  commits: number;
  newConsumer(on?: pg.Pool): Consumer;
  consume(deliveries: readonly Delivery[], consumer?: Consumer): Promise<void>;
  parked(): Promise<readonly (readonly [number, string, number])[]>;
  reached(partition?: number): Promise<unknown>;
  /** A pool on its own connections, as a second process has it; ended after the test. */
  another(url: string): pg.Pool;
}

export const consumerTrial = (): ConsumerTrial => {
  const opened: pg.Pool[] = [];
  const trial = {} as ConsumerTrial;
  Object.assign(trial, {
    newConsumer: (on = trial.pool) =>
      createConsumer({
        ...tallyGroup((event, tx) => trial.mood(event, tx)),
        pool: on,
        log: trial.log,
        count: (what, events) => {
          trial.counts[what] = (trial.counts[what] ?? 0) + events;
        },
        onApplied: () => {
          trial.commits += 1;
        },
      }),
    consume: (deliveries, consumer = trial.newConsumer()) => consumer.subscription.consume(deliveries),
    parked: async () =>
      (await listParked(trial.pool, { group: 'tally' })).map(({ position, reason, attempts }) => [position, reason, attempts] as const),
    reached: (partition = 0) => trial.newConsumer().subscription.reached(topic, partition),
    another: (url) => {
      const other = openPool({ url, name: 'consumer trial, another', max: 3 });
      opened.push(other);
      return other;
    },
  } satisfies Partial<ConsumerTrial>);

  beforeAll(async () => {
    trial.database = await postgres();
    await tallySchema(trial.database.ownerUrl, `${trial.database.name}_app`);
    trial.pool = openPool({ url: trial.database.appUrl, name: 'consumer trial' });
  });
  afterAll(async () => {
    await trial.pool.end();
    await trial.database.close();
  });
  beforeEach(async () => {
    await trial.pool.query('delete from tally.entry; delete from tally.subject; delete from messaging.watermark; delete from messaging.parked');
    Object.assign(trial, { mood: () => undefined, log: capturedLog(), counts: {}, commits: 0 });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((other) => other.end()));
  });
  return trial;
};

export const mixed = ['a', 'b', 'a', 'c', 'b', 'a', 'c', 'a'];
export const mixedEffects = { a: [1, 3, 6, 8], b: [2, 5], c: [4, 7] };

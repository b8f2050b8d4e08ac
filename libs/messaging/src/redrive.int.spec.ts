import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createConsumer } from './consumer.ts';
import { openPool } from './database.ts';
import { countParked, listParked } from './parking.ts';
import { redrive, redriveChunk, type RedriveOptions, type RedriveReport } from './redrive.ts';
import { capturedLog, deliveriesOf, effects, tallyGroup, tallySchema, topic, withMessage, type Mood } from './tally.fixture.ts';

let database: TestDatabase;
let pool: pg.Pool;
let mood: Mood;
const group = tallyGroup((event, tx) => mood(event, tx));
const consumer = () => createConsumer({ ...group, pool, log: capturedLog() }).subscription;
const again = (options: RedriveOptions = {}): Promise<RedriveReport> => redrive(pool, group, options);
const parked = async (): Promise<unknown> => (await listParked(pool)).map(({ position, reason, attempts }) => [position, reason, attempts]);
const refuse =
  (...positions: readonly number[]): Mood =>
  (event) => {
    if (positions.includes(event.position)) throw new RangeError('refused');
  };
const mixed = ['a', 'b', 'a', 'c', 'b', 'a', 'c', 'a'];

beforeAll(async () => {
  database = await postgres();
  await tallySchema(database.ownerUrl, `${database.name}_app`);
  pool = openPool({ url: database.appUrl, name: 'redrive.int.spec' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query('delete from tally.entry; delete from tally.subject; delete from messaging.watermark; delete from messaging.parked');
  mood = () => undefined;
});
/** Parks from position 3 on all of `a`, and `c` from 4 on. */
const park = async (): Promise<void> => {
  const poisoned = withMessage(
    withMessage(deliveriesOf(mixed), 3, (message) => ({ ...message, dataversion: 9 })),
    4,
    (message) => ({ ...message, dataversion: 9 }),
  );
  await consumer().consume(poisoned);
  // The new version of the service can read them.
  await pool.query(`update messaging.parked set message = replace(message::text, '"dataversion":9', '"dataversion":1')::json`);
};

describe('redrive', () => {
  test('applies what is parked in order and leaves the watermark where it is', async () => {
    await park();
    const report = await again();
    expect(report.subjects).toEqual([
      { topic, subject: 'a', applied: 3, skipped: 0, kept: 0 },
      { topic, subject: 'c', applied: 2, skipped: 0, kept: 0 },
    ]);
    expect(await effects(pool)).toEqual({ a: [1, 3, 6, 8], b: [2, 5], c: [4, 7] });
    expect(await parked()).toEqual([]);
    expect(await consumer().reached(topic, 0)).toEqual({ position: 8, nextOffset: 9 });
    await consumer().consume(deliveriesOf([...mixed, 'a']));
    expect((await effects(pool))['a']).toEqual([1, 3, 6, 8, 9]);
  });

  test('of one subject leaves the others parked', async () => {
    await park();
    expect((await again({ topic, subject: 'c' })).subjects).toHaveLength(1);
    expect(await effects(pool)).toEqual({ a: [1], b: [2, 5], c: [4, 7] });
    expect(await countParked(pool)).toEqual([{ group: 'tally', messages: 3 }]);
  });

  test('stops a subject at the first that fails again, keeps those behind it and goes on with other subjects', async () => {
    await park();
    mood = refuse(6);
    expect((await again()).subjects).toEqual([
      { topic, subject: 'a', applied: 1, skipped: 0, kept: 2, failed: { position: 6, reason: 'handler: RangeError', attempts: 1 } },
      { topic, subject: 'c', applied: 2, skipped: 0, kept: 0 },
    ]);
    expect(await parked()).toEqual([
      [6, 'handler: RangeError', 1],
      [8, 'behind-parked', 0],
    ]);
    await again();
    expect(await parked()).toEqual([
      [6, 'handler: RangeError', 2],
      [8, 'behind-parked', 0],
    ]);
    mood = () => undefined;
    await again();
    expect((await effects(pool))['a']).toEqual([1, 3, 6, 8]);
  });

  test.each<[string, Mood, string]>([
    ['an error of the database', (event, tx) => event.position === 6 && tx.query('select 1/0'), 'handler: 22012'],
    [
      'a constraint that is checked at COMMIT',
      (event, tx) => event.position === 6 && tx.query(`insert into entry (subject, sequence, position, amount) values ('nobody', 1, 1, 1)`),
      'handler: 23503 entry_of_subject',
    ],
  ])('stops at %s and keeps what was applied before it', async (_, bad, reason) => {
    await park();
    mood = bad;
    expect((await again({ subject: 'a' })).subjects).toMatchObject([{ applied: 1, kept: 2, failed: { position: 6, reason } }]);
    expect((await effects(pool))['a']).toEqual([1, 3]);
  });

  test('of what still can not be read stops there, and drops types that nobody knows', async () => {
    await consumer().consume(withMessage(deliveriesOf(mixed), 3, (message) => ({ ...message, dataversion: 9 })));
    expect((await again()).subjects).toMatchObject([
      { subject: 'a', applied: 0, kept: 3, failed: { position: 3, reason: 'version 9 is newer than 1' } },
    ]);
    await pool.query(`update messaging.parked set message = replace(message::text, 'sample.counted', 'sample.dropped')::json where position = 3`);
    expect((await again()).subjects).toMatchObject([{ subject: 'a', applied: 2, skipped: 1, kept: 0 }]);
  });

  test('as a dry run says the same and changes nothing', async () => {
    await park();
    mood = refuse(6);
    const before = [await parked(), await effects(pool)];
    const dry = await again({ dryRun: true });
    expect([await parked(), await effects(pool)]).toEqual(before);
    expect({ ...(await again()), dryRun: true }).toEqual(dry);
  });

  test('goes on over more events than fit in one transaction', async () => {
    const many = Array.from({ length: 2 * redriveChunk + 3 }, () => 'a');
    await consumer().consume(withMessage(deliveriesOf(many), 1, () => 'unreadable'));
    await pool.query(
      `update messaging.parked set message = replace((select message::text from messaging.parked where position = 2), '"position":2', '"position":1')::json where position = 1`,
    );
    expect((await again({ dryRun: true })).subjects).toMatchObject([{ applied: redriveChunk, kept: many.length - redriveChunk }]);
    expect((await again()).subjects).toMatchObject([{ applied: many.length, kept: 0 }]);
    expect((await effects(pool))['a']).toEqual(many.map((_, place) => place + 1));
  });

  test('holds up later events of its subject, which follow when it has committed', async () => {
    await park();
    const entered = Promise.withResolvers<void>();
    const leave = Promise.withResolvers<void>();
    mood = ({ position }) => {
      if (position !== 8) return undefined;
      entered.resolve();
      return leave.promise;
    };
    const redriving = again({ subject: 'a' });
    await entered.promise;
    let consumed = false;
    const live = consumer()
      .consume(deliveriesOf([...mixed, 'a']))
      .then(() => (consumed = true));
    await expect
      .poll(
        async () =>
          consumed ||
          ((await pool.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).rowCount ?? 0) > 0,
      )
      .toBe(true);
    expect(consumed).toBe(false);
    leave.resolve();
    await Promise.all([redriving, live]);
    expect((await effects(pool))['a']).toEqual([1, 3, 6, 8, 9]);
    expect(await countParked(pool)).toEqual([{ group: 'tally', messages: 2 }]);
  });

  test('beside the live consumer keeps the order of each subject, whoever comes first', async () => {
    const subjects = Array.from({ length: 600 }, (_, n) => `s${n % 12}`);
    const all = withMessage(deliveriesOf(subjects), 1, (message) => ({ ...message, dataversion: 9 }));
    // s0 is parked from its first event on and redriven soon; two of its later events park it anew, and fail once more at redrive.
    const refusals = new Map([
      [121, 9],
      [361, 9],
    ]);
    mood = ({ position }) => {
      const left = refusals.get(position) ?? 0;
      refusals.set(position, left - 1);
      if (left > 0) throw new Error('refused');
    };
    await consumer().consume(all.slice(0, 30));
    await pool.query(`update messaging.parked set message = replace(message::text, '"dataversion":9', '"dataversion":1')::json`);
    let live = true;
    const redriving = (async () => {
      while (live) await again();
    })();
    const reader = consumer();
    for (let from = 20; from < all.length; from += 10) await reader.consume(all.slice(from, from + 10));
    live = false;
    await redriving;
    mood = () => undefined;
    await again();
    const expected = Object.groupBy(
      all.map(({ subject, position }) => ({ subject, position })),
      ({ subject }) => subject,
    );
    expect(await effects(pool)).toEqual(
      Object.fromEntries(Object.entries(expected).map(([subject, events]) => [subject, events?.map(({ position }) => position)])),
    );
  });
});

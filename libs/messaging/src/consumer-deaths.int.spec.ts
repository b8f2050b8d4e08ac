import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery } from './bus.ts';
import { createConsumer } from './consumer.ts';
import { openPool } from './database.ts';
import { listParked } from './parking.ts';
import { capturedLog, deliveriesOf, effects, tallyGroup, tallySchema } from './tally.fixture.ts';
import { countAlone, countStarts, deaths } from './watermark.ts';

let database: TestDatabase;
let pool: pg.Pool;
const program = fileURLToPath(new URL('killer.fixture.ts', import.meta.url));
const mixed = ['a', 'b', 'a', 'c', 'b', 'a', 'c', 'a'];

/** Starts the service's process and answers its exit code. */
const start = (killer: number): Promise<number> =>
  new Promise((ended) => {
    execFile(process.execPath, [program, database.appUrl, 'tally', String(killer), mixed.join(',')], (error) =>
      ended(typeof error?.code === 'number' ? error.code : 0),
    );
  });
const startUntilParked = async (killer: number): Promise<number> => {
  for (let killed = 0; killed < 20; killed += 1) if ((await start(killer)) === 0) return killed;
  throw new Error('never parked');
};
const parked = async (): Promise<unknown> => (await listParked(pool)).map(({ position, reason }) => [position, reason]);
const strikes = async (): Promise<number> =>
  (await pool.query<{ attempts: number }>('select attempts from messaging.watermark')).rows[0]?.attempts ?? -1;

beforeAll(async () => {
  database = await postgres();
  await tallySchema(database.ownerUrl, `${database.name}_app`);
  pool = openPool({ url: database.appUrl, name: 'consumer-deaths.int.spec' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query('delete from tally.entry; delete from tally.subject; delete from messaging.watermark; delete from messaging.parked');
});

describe('a handler that ends its process', () => {
  test('at the head has its event parked after some starts, and the others are applied', async () => {
    expect(await startUntilParked(1)).toBe(deaths.whole + deaths.alone);
    expect(await parked()).toEqual([
      [1, 'handler: ended its process'],
      [3, 'behind-parked'],
      [6, 'behind-parked'],
      [8, 'behind-parked'],
    ]);
    expect(await effects(pool)).toEqual({ b: [2, 5], c: [4, 7] });
  });

  test('within a batch is found out one by one, and what comes before it is applied once', async () => {
    expect(await startUntilParked(6)).toBe(deaths.whole + deaths.alone);
    expect(await parked()).toEqual([
      [6, 'handler: ended its process'],
      [8, 'behind-parked'],
    ]);
    expect(await effects(pool)).toEqual({ a: [1, 3], b: [2, 5], c: [4, 7] });
    expect(await strikes()).toBe(0);
  });
});

describe('an innocent event', () => {
  const batch = deliveriesOf(mixed);
  const consumer = (on = pool) => createConsumer({ ...tallyGroup(), pool: on, log: capturedLog() });

  test('is not parked when its process died of something else, as often as the whole batch was started', async () => {
    for (let died = 0; died < 10; died += 1) await countStarts(pool, 'tally', crypto.randomUUID(), batch);
    expect(await strikes()).toBe(deaths.whole);
    await consumer().subscription.consume(batch);
    expect(await parked()).toEqual([]);
    expect(await effects(pool)).toEqual({ a: [1, 3, 6, 8], b: [2, 5], c: [4, 7] });
  });
  test("of another partition in the killer's batch is not parked with it", async () => {
    const [first] = batch;
    const other = deliveriesOf(['x', 'y'], { partition: 1 });
    for (let died = 0; died < deaths.whole; died += 1) await countStarts(pool, 'tally', crypto.randomUUID(), [...batch, ...other]);
    for (let died = 0; died < deaths.alone && first; died += 1) await countAlone(pool, 'tally', crypto.randomUUID(), first);
    await consumer().subscription.consume([...other, ...batch]);
    expect(await parked()).toEqual([
      [1, 'handler: ended its process'],
      [3, 'behind-parked'],
      [6, 'behind-parked'],
      [8, 'behind-parked'],
    ]);
    expect(await effects(pool)).toEqual({ b: [2, 5], c: [4, 7], x: [1], y: [2] });
  });
  test('is not suspected for what its own consumer came back from', async () => {
    const me = crypto.randomUUID();
    for (let tries = 0; tries < 10; tries += 1) expect((await countStarts(pool, 'tally', me, batch)).size).toBe(0);
    expect(await strikes()).toBe(1);
  });
  test('is not suspected when only redelivery was started', async () => {
    await consumer().subscription.consume(batch);
    for (let again = 0; again < 10; again += 1) await consumer().subscription.consume(batch);
    expect(await strikes()).toBe(0);
  });
  test('keeps the count of the head when what was applied before is delivered again', async () => {
    await consumer().subscription.consume(batch.slice(0, 2));
    for (let died = 0; died < deaths.whole; died += 1) await countStarts(pool, 'tally', crypto.randomUUID(), batch);
    for (let died = 0; died < deaths.alone; died += 1) await countAlone(pool, 'tally', crypto.randomUUID(), batch[2] as Delivery);
    await consumer().subscription.consume(batch);
    expect(await parked()).toEqual([
      [3, 'handler: ended its process'],
      [6, 'behind-parked'],
      [8, 'behind-parked'],
    ]);
  });
});

test('a start is counted without waiting for the disk, and the effect is not', async () => {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  // Runs at COMMIT, in the transaction: sees the setting that the commit goes by.
  await owner.query(`
    create table public.commits (attempts int, setting text);
    create function public.note_commit() returns trigger language plpgsql security definer as $$
      begin insert into public.commits values (new.attempts, current_setting('synchronous_commit')); return null; end $$;
    create constraint trigger note_commit after insert or update on messaging.watermark deferrable initially deferred for each row execute function public.note_commit();`);
  const [first, second] = deliveriesOf(['a', 'a']) as [Delivery, Delivery];
  await createConsumer({ ...tallyGroup(), pool, log: capturedLog() }).subscription.consume([first]);
  await countAlone(pool, 'tally', crypto.randomUUID(), second);
  const { rows } = await owner.query('select * from public.commits');
  await owner.query('drop trigger note_commit on messaging.watermark; drop function public.note_commit; drop table public.commits');
  await owner.end();
  expect(rows).toEqual([
    { attempts: 1, setting: 'off' },
    { attempts: 0, setting: 'on' },
    { attempts: deaths.whole + 1, setting: 'off' },
  ]);
});

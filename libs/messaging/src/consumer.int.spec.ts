import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HoleFound, type Delivery } from './bus.ts';
import { createConsumer, type Consumer, type Counted } from './consumer.ts';
import { openPool } from './database.ts';
import { NothingCommitted } from './ladder.ts';
import { listParked } from './parking.ts';
import { severingProxy } from './severing-proxy.fixture.ts';
import { capturedLog, deliveriesOf, effects, tallyGroup, tallySchema, topic, withMessage, type Mood } from './tally.fixture.ts';

let database: TestDatabase;
let pool: pg.Pool;
let mood: Mood;
let log: ReturnType<typeof capturedLog>;
let counts: Partial<Record<Counted, number>>;
let commits: number;
const opened: pg.Pool[] = [];

const newConsumer = (on = pool): Consumer =>
  createConsumer({
    ...tallyGroup((event, tx) => mood(event, tx)),
    pool: on,
    log,
    count: (what, events) => {
      counts[what] = (counts[what] ?? 0) + events;
    },
    onApplied: () => {
      commits += 1;
    },
  });
const consume = (deliveries: readonly Delivery[], consumer = newConsumer()): Promise<void> => consumer.subscription.consume(deliveries);
const parked = async (): Promise<readonly (readonly [number, string, number])[]> => (await listParked(pool, { group: 'tally' })).map(({ position, reason, attempts }) => [position, reason, attempts] as const);
const reached = (partition = 0): Promise<unknown> => newConsumer().subscription.reached(topic, partition);
/** A pool on its own connections, as a second process has it. */
const another = (url: string): pg.Pool => {
  const other = openPool({ url, name: 'consumer.int.spec, another', max: 3 });
  opened.push(other);
  return other;
};
const throwAt = (position: number, error: () => unknown): Mood => (event) => {
  if (event.position === position) throw error();
};
const mixed = ['a', 'b', 'a', 'c', 'b', 'a', 'c', 'a'];
const mixedEffects = { a: [1, 3, 6, 8], b: [2, 5], c: [4, 7] };

beforeAll(async () => {
  database = await postgres();
  await tallySchema(database.ownerUrl, `${database.name}_app`);
  pool = openPool({ url: database.appUrl, name: 'consumer.int.spec' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query('delete from tally.entry; delete from tally.subject; delete from messaging.watermark; delete from messaging.parked');
  mood = () => undefined;
  log = capturedLog();
  counts = {};
  commits = 0;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((other) => other.end()));
});

describe('one effect', () => {
  test('each event is applied in order, and the watermark and the offset move with it', async () => {
    await consume(deliveriesOf(mixed));
    expect(await effects(pool)).toEqual(mixedEffects);
    expect(await reached()).toEqual({ position: 8, nextOffset: 9 });
    expect(counts).toMatchObject({ applied: 8, dropped: 0, skipped: 0, parked: 0 });
    expect(commits).toBe(1);
  });

  test('nothing is reached before the first event', async () => {
    expect(await reached()).toBeUndefined();
  });

  const doubled = async (between: () => Promise<unknown>): Promise<number> => {
    const subjects = Array.from({ length: 2_000 }, (_, n) => `s${n % 50}`);
    const all = deliveriesOf(subjects);
    for (let from = 0; from < all.length; from += 500) await consume(all.slice(from, from + 500));
    await between();
    for (let from = 0; from < all.length; from += 250) await consume(all.slice(from, from + 250));
    const { rows } = await pool.query<{ doubled: number }>('select count(*) - count(distinct position) as doubled from tally.entry');
    return rows[0]?.doubled ?? -1;
  };
  test('everything delivered again, in other batches and to another consumer, changes nothing', async () => {
    expect(await doubled(async () => undefined)).toBe(0);
  });
  test('with the watermark taken back everything is doubled: nothing else guards', async () => {
    expect(await doubled(() => pool.query('delete from messaging.watermark'))).toBe(2_000);
  });

  test('a zombie that goes on with what another consumer has taken over changes nothing', async () => {
    const all = deliveriesOf(Array.from({ length: 300 }, (_, n) => `s${n % 7}`));
    const consumers = [newConsumer(), newConsumer(another(database.appUrl)), newConsumer(another(database.appUrl))];
    await Promise.all(
      consumers.map(async (consumer, n) => {
        for (let from = 0; from < all.length; from += 20 + n) await consume(all.slice(from, from + 20 + n), consumer);
      }),
    );
    const { rows } = await pool.query('select count(*)::int as entries, count(distinct position)::int as positions, bool_and(ordered) as ordered from (select position, position >= lag(position, 1, 0::bigint) over (partition by subject order by id) as ordered from tally.entry) e');
    expect(rows[0]).toEqual({ entries: 300, positions: 300, ordered: true });
  });

  test('partitions of one batch each have their own watermark', async () => {
    await consume([...deliveriesOf(['a', 'a']), ...deliveriesOf(['b', 'b', 'b'], { partition: 3, from: 10 })]);
    expect([await reached(0), await reached(3)]).toEqual([{ position: 2, nextOffset: 3 }, { position: 12, nextOffset: 13 }]);
  });

  test.each(['after-server', 'before-server'] as const)('a connection lost at COMMIT, %s, leaves one effect', async (where) => {
    const proxy = await severingProxy(database.appUrl);
    const consumer = newConsumer(another(proxy.url));
    await consume(deliveriesOf(['a']), consumer);
    proxy.sever(where);
    await consume(deliveriesOf(mixed), consumer);
    expect(proxy.severed()).toBe(1);
    expect(await effects(pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
    expect(commits).toBe(2);
    await proxy.close();
  });

  test('a database restored to an older state is brought up from what it has reached', async () => {
    const all = deliveriesOf(Array.from({ length: 40 }, (_, n) => `s${n % 4}`));
    await consume(all.slice(0, 15));
    const backup = await Promise.all(['tally.subject', 'tally.entry', 'messaging.watermark'].map(async (table) => (await pool.query(`select * from ${table}`)).rows));
    await consume(all.slice(15));
    const expected = await effects(pool);
    await restore(backup);
    const from = (await reached()) as { position: number; nextOffset: number };
    expect(from).toEqual({ position: 15, nextOffset: 16 });
    await consume(all.filter(({ nextOffset }) => (nextOffset ?? 0) > from.nextOffset - 1));
    expect(await effects(pool)).toEqual(expected);
  });
  const restore = async ([subjects = [], entries = [], watermarks = []]: readonly unknown[][]): Promise<void> => {
    await pool.query('delete from tally.entry; delete from tally.subject; delete from messaging.watermark');
    await pool.query('insert into tally.subject select * from json_populate_recordset(null::tally.subject, $1)', [JSON.stringify(subjects)]);
    await pool.query('insert into tally.entry (id, subject, sequence, position, amount) overriding system value select id, subject, sequence, position, amount from json_populate_recordset(null::tally.entry, $1)', [JSON.stringify(entries)]);
    await pool.query('insert into messaging.watermark select * from json_populate_recordset(null::messaging.watermark, $1)', [JSON.stringify(watermarks)]);
  };
});

describe('the chain of positions', () => {
  test('a hole stops its partition loudly: what comes before it and other partitions go on', async () => {
    const all = deliveriesOf(mixed);
    const consumer = newConsumer();
    const gap = [...all.filter(({ position }) => position !== 4), ...deliveriesOf(['z'], { partition: 1 })];
    await expect(consume(gap, consumer)).rejects.toThrow(HoleFound);
    await expect(consume(gap, consumer)).rejects.toMatchObject({ topic, partition: 0, reached: 3, previous: 4 });
    expect(await effects(pool)).toEqual({ a: [1, 3], b: [2], z: [1] });
    expect(consumer.holes()).toMatchObject([{ partition: 0, reached: 3, previous: 4, position: 5 }]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);

    await consume(all, consumer);
    expect(await effects(pool)).toEqual({ ...mixedEffects, z: [1] });
    expect(consumer.holes()).toEqual([]);
  });
  test('a new group takes its first message as it comes', async () => {
    await consume(deliveriesOf(['a', 'b'], { from: 900 }));
    expect(await effects(pool)).toEqual({ a: [900], b: [901] });
  });
  test('a producer that came back from an older backup goes on, and it is said', async () => {
    await consume(deliveriesOf(['a', 'a', 'a', 'a']));
    const [jumped] = deliveriesOf(['a'], { from: 500_000 });
    await consume([{ ...(jumped as Delivery), previous: 2 }]);
    expect(await effects(pool)).toEqual({ a: [1, 2, 3, 4, 500_000] });
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { reached: 4, previous: 2, position: 500_000 } }]);
  });
});

describe('the ladder', () => {
  test('an unknown type is skipped and counted', async () => {
    await consume(withMessage(deliveriesOf(mixed), 2, (message) => ({ ...message, type: 'sample.renamed' })));
    expect(await effects(pool)).toEqual({ ...mixedEffects, b: [5] });
    expect(counts).toMatchObject({ applied: 7, skipped: 1, parked: 0 });
    expect(await reached()).toMatchObject({ position: 8 });
  });

  test('a poisoned subject parks behind itself, its neighbors go on', async () => {
    mood = throwAt(3, () => new Error('no'));
    await consume(deliveriesOf(mixed));
    expect(await effects(pool)).toEqual({ a: [1], b: [2, 5], c: [4, 7] });
    expect(await parked()).toEqual([[3, 'handler: Error', 4], [6, 'behind-parked', 0], [8, 'behind-parked', 0]]);
    expect(await reached()).toEqual({ position: 8, nextOffset: 9 });
    await consume(deliveriesOf(['a', 'b'], { from: 9 }));
    expect((await parked()).map(([position]) => position)).toEqual([3, 6, 8, 9]);
    expect((await effects(pool))['b']).toEqual([2, 5, 10]);
  });

  test('an event that passes at a later try is not parked', async () => {
    // Whole, the first half of it, its second half, that one's first half, and twice more alone.
    let left = 6;
    mood = (event) => {
      if (event.position === 3 && left-- > 0) throw new Error('not yet');
    };
    await consume(deliveriesOf(mixed));
    expect(await effects(pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
  });

  test.each<[string, Mood, string]>([
    ['throws a TypeError', throwAt(3, () => new TypeError('undefined is not a function')), 'handler: TypeError'],
    ['throws no Error at all', throwAt(3, () => 'Nguyễn Văn A'), 'handler: Error'],
    ['throws what looks like a lost connection', throwAt(3, () => new Error('connection timeout terminated')), 'handler: Error'],
    ['throws the code of a missing file', throwAt(3, () => Object.assign(new Error('no such file'), { code: 'ENOENT' })), 'handler: ENOENT'],
    ['breaks a constraint', (event, tx) => event.position === 3 && tx.query(`insert into subject values ('x', 2000000)`), 'handler: 23514 total_in_range'],
    ['sends text that is no number', (event, tx) => event.position === 3 && tx.query('select $1::int', ['Nguyễn Văn A']), 'handler: 22P02'],
    ['breaks a constraint that is checked at COMMIT', (event, tx) => event.position === 3 && tx.query(`insert into entry (subject, sequence, position, amount) values ('nobody', 1, 1, 1)`), 'handler: 23503 entry_of_subject'],
    ['swallows an error of the database', (event, tx) => event.position === 3 && tx.query('select 1/0').catch(() => undefined), 'handler: 25P02'],
    ['sends a statement that takes too long', (event, tx) => event.position === 3 && tx.query('set local statement_timeout = 20; select pg_sleep(20)'), 'handler: 57014'],
    [
      'leaves its transaction idle until the server ends it',
      async (event, tx) => {
        if (event.position !== 3) return;
        const ended = new Promise((resolve) => tx.once('error', resolve));
        await tx.query('set local idle_in_transaction_session_timeout = 20');
        await ended;
        await tx.query('select 1');
      },
      'handler: 25P03',
    ],
  ])('a handler that %s has its event parked, with a code and no value', async (_, bad, reason) => {
    mood = bad;
    await consume(deliveriesOf(mixed));
    expect(await parked()).toEqual([[3, reason, 4], [6, 'behind-parked', 0], [8, 'behind-parked', 0]]);
    expect(await effects(pool)).toEqual({ a: [1], b: [2, 5], c: [4, 7] });
    expect(JSON.stringify(log.lines.map(({ fields, message }) => [{ ...fields, err: undefined }, message]))).not.toMatch(/Nguyễn/);
  });

  test('a handler that leaves a promise behind can not write once its transaction is over', async () => {
    const late: Promise<void>[] = [];
    mood = (event, tx) => {
      if (event.position !== 3) return;
      late.push(new Promise((resume) => setImmediate(resume)).then(() => void tx.query(`insert into tally.subject values ('late', 1)`)));
      throw new Error('the first of several');
    };
    await consume(deliveriesOf(mixed));
    await Promise.all(late);
    expect(log.lines.filter(({ message }) => message.includes('leaves a promise behind'))).toHaveLength(late.length);
    expect((await pool.query(`select 1 from tally.subject where subject = 'late'`)).rowCount).toBe(0);
  });

  test('messages that no one can read are parked as they came', async () => {
    const all = deliveriesOf(['a', 'b\u0000', 'c']);
    await consume([{ ...(all[0] as Delivery), message: 'not JSON \ud800\u0000' }, { ...(all[1] as Delivery), message: undefined }, all[2] as Delivery]);
    expect(await parked()).toEqual([[1, 'envelope: :invalid_type', 0], [2, 'envelope: :invalid_type', 0]]);
    expect((await pool.query<{ message: string }>('select message::text from messaging.parked order by position')).rows.map(({ message }) => message)).toEqual(['"not JSON \\ud800\\u0000"', 'null']);
    await consume(deliveriesOf(['b\u0000'], { from: 4 }));
    expect((await parked()).at(-1)).toEqual([4, 'behind-parked', 0]);
  });
});

describe('what is not the fault of an event', () => {
  test('a row that a stranger holds delays the group and parks nothing', async () => {
    await consume(deliveriesOf(['a']));
    const stranger = await pool.connect();
    await stranger.query(`begin; select 1 from tally.subject where subject = 'a' for update`);
    await expect(consume(deliveriesOf(mixed))).rejects.toThrow(NothingCommitted);
    await stranger.query('rollback');
    stranger.release();
    await consume(deliveriesOf(mixed));
    expect(await effects(pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
  });

  test('an event whose handler says that it is too early waits and is not parked', async () => {
    let early = true;
    mood = (event) => {
      if (event.position === 3 && early) throw Object.assign(new Error('unit-not-known-yet'), { code: '40001' });
    };
    await expect(consume(deliveriesOf(mixed))).rejects.toThrow(NothingCommitted);
    expect(await parked()).toEqual([]);
    early = false;
    await consume(deliveriesOf(mixed));
    expect(await effects(pool)).toEqual(mixedEffects);
  });

  test('a deadlock is tried again', async () => {
    let victims = 2;
    mood = async (event, tx) => {
      if (event.position === 3 && victims-- > 0) await tx.query(`do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$`);
    };
    await consume(deliveriesOf(mixed));
    expect(await effects(pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
  });

  test.each(['the server ends the connection', 'the network breaks the connection'] as const)('when %s in the middle, often, nothing is parked', async (how) => {
    const proxy = await severingProxy(database.appUrl);
    const consumer = newConsumer(another(proxy.url));
    let breaks = 7;
    mood = async (event, tx) => {
      if (event.position !== 3 || breaks-- <= 0) return;
      if (how === 'the network breaks the connection') proxy.cut();
      await tx.query('select pg_terminate_backend(pg_backend_pid())');
    };
    while (breaks > 0) await consume(deliveriesOf(mixed), consumer).catch((error) => expect(error).toBeInstanceOf(NothingCommitted));
    await consume(deliveriesOf(mixed), consumer);
    expect(await effects(pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
    await proxy.close();
  });

  test('an event is parked only when the watermark has passed it', async () => {
    const proxy = await severingProxy(database.appUrl);
    const consumer = newConsumer(another(proxy.url));
    proxy.sever('before-server');
    const consuming = consume(withMessage(deliveriesOf(mixed), 2, () => 'unreadable'), consumer);
    await expect.poll(() => proxy.severed()).toBe(1);
    await proxy.close();
    await expect(consuming).rejects.toBeInstanceOf(NothingCommitted);
    expect([await parked(), await reached(), await effects(pool)]).toEqual([[], undefined, {}]);
  });

  test('a database that is away is said, and no TypeError of ours reaches the bus', async () => {
    const away = another('postgres://nobody:x@127.0.0.1:1/nowhere');
    await expect(consume(deliveriesOf(mixed), newConsumer(away))).rejects.toMatchObject({ name: 'NothingCommitted', message: 'not committed: ECONNREFUSED' });
    await expect(consume([null as unknown as Delivery])).rejects.toBeInstanceOf(NothingCommitted);
  });
});

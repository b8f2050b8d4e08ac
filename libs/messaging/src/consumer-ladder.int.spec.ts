import { describe, expect, test } from 'vitest';
import type { Delivery } from './bus.ts';
import { consumerTrial, mixed, mixedEffects } from './consumer-trial.fixture.ts';
import { EventsRefused } from './handler.ts';
import { NothingCommitted } from './ladder.ts';
import { severingProxy } from './severing-proxy.fixture.ts';
import { deliveriesOf, effects, withMessage, type Mood } from './tally.fixture.ts';

const trial = consumerTrial();
const { newConsumer, consume, parked, reached, another } = trial;
const throwAt =
  (position: number, error: () => unknown): Mood =>
  (event) => {
    if (event.position === position) throw error();
  };

describe('the ladder', () => {
  test('an unknown type is skipped and counted', async () => {
    await consume(withMessage(deliveriesOf(mixed), 2, (message) => ({ ...message, type: 'sample.renamed' })));
    expect(await effects(trial.pool)).toEqual({ ...mixedEffects, b: [5] });
    expect(trial.counts).toMatchObject({ applied: 7, skipped: 1, parked: 0 });
    expect(await reached()).toMatchObject({ position: 8 });
  });

  test('a poisoned subject parks behind itself, its neighbors go on', async () => {
    trial.mood = throwAt(3, () => new Error('no'));
    await consume(deliveriesOf(mixed));
    expect(await effects(trial.pool)).toEqual({ a: [1], b: [2, 5], c: [4, 7] });
    expect(await parked()).toEqual([
      [3, 'handler: Error', 4],
      [6, 'behind-parked', 0],
      [8, 'behind-parked', 0],
    ]);
    expect(await reached()).toEqual({ position: 8, nextOffset: 9 });
    await consume(deliveriesOf(['a', 'b'], { from: 9 }));
    expect((await parked()).map(([position]) => position)).toEqual([3, 6, 8, 9]);
    expect((await effects(trial.pool))['b']).toEqual([2, 5, 10]);
  });

  test('events that the domain refuses are parked at once, each under its code, and their neighbors are applied', async () => {
    let tries = 0;
    trial.mood = (event) => {
      if (event.position === 1) tries += 1;
      // The handler tells all that it refused at the end of the batch; here the first of them does.
      if (event.position === 3)
        throw new EventsRefused(
          new Map([
            [event.id, 'seat-unknown'],
            [idAt(7), 'class-full'],
            // Behind the third of its subject: it is not known what becomes of it once that one is mended.
            [idAt(6), 'seat-unknown'],
          ]),
        );
    };
    const deliveries = deliveriesOf(mixed);
    const idAt = (position: number): string => (deliveries.find((one) => one.position === position)?.message as { id: string }).id;
    await consume(deliveries);
    expect(await effects(trial.pool)).toEqual({ a: [1], b: [2, 5], c: [4] });
    expect(await parked()).toEqual([
      [3, 'handler: seat-unknown', 1],
      [6, 'behind-parked', 0],
      [7, 'handler: class-full', 1],
      [8, 'behind-parked', 0],
    ]);
    expect(tries).toBe(2);
  });

  test('an event that passes at a later try is not parked', async () => {
    // Whole, the first half of it, its second half, that one's first half, and twice more alone.
    let left = 6;
    trial.mood = (event) => {
      if (event.position === 3 && left-- > 0) throw new Error('not yet');
    };
    await consume(deliveriesOf(mixed));
    expect(await effects(trial.pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
  });

  test.each<[string, Mood, string]>([
    ['throws a TypeError', throwAt(3, () => new TypeError('undefined is not a function')), 'handler: TypeError'],
    ['throws no Error at all', throwAt(3, () => 'Nguyễn Văn A'), 'handler: Error'],
    ['throws what looks like a lost connection', throwAt(3, () => new Error('connection timeout terminated')), 'handler: Error'],
    ['throws the code of a missing file', throwAt(3, () => Object.assign(new Error('no such file'), { code: 'ENOENT' })), 'handler: ENOENT'],
    [
      'breaks a constraint',
      (event, tx) => event.position === 3 && tx.query(`insert into subject values ('x', 2000000)`),
      'handler: 23514 total_in_range',
    ],
    ['sends text that is no number', (event, tx) => event.position === 3 && tx.query('select $1::int', ['Nguyễn Văn A']), 'handler: 22P02'],
    [
      'breaks a constraint that is checked at COMMIT',
      (event, tx) => event.position === 3 && tx.query(`insert into entry (subject, sequence, position, amount) values ('nobody', 1, 1, 1)`),
      'handler: 23503 entry_of_subject',
    ],
    ['swallows an error of the database', (event, tx) => event.position === 3 && tx.query('select 1/0').catch(() => undefined), 'handler: 25P02'],
    [
      'sends a statement that takes too long',
      (event, tx) => event.position === 3 && tx.query('set local statement_timeout = 20; select pg_sleep(20)'),
      'handler: 57014',
    ],
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
    trial.mood = bad;
    await consume(deliveriesOf(mixed));
    expect(await parked()).toEqual([
      [3, reason, 4],
      [6, 'behind-parked', 0],
      [8, 'behind-parked', 0],
    ]);
    expect(await effects(trial.pool)).toEqual({ a: [1], b: [2, 5], c: [4, 7] });
    expect(JSON.stringify(trial.log.lines.map(({ fields, message }) => [{ ...fields, err: undefined }, message]))).not.toMatch(/Nguyễn/);
  });

  test('a handler that leaves a promise behind can not write once its transaction is over', async () => {
    const late: Promise<void>[] = [];
    trial.mood = (event, tx) => {
      if (event.position !== 3) return;
      late.push(new Promise((resume) => setImmediate(resume)).then(() => void tx.query(`insert into tally.subject values ('late', 1)`)));
      throw new Error('the first of several');
    };
    await consume(deliveriesOf(mixed));
    await Promise.all(late);
    expect(trial.log.lines.filter(({ message }) => message.includes('leaves a promise behind'))).toHaveLength(late.length);
    expect((await trial.pool.query(`select 1 from tally.subject where subject = 'late'`)).rowCount).toBe(0);
  });

  test('messages that no one can read are parked as they came', async () => {
    const all = deliveriesOf(['a', 'b\u0000', 'c']);
    await consume([
      { ...(all[0] as Delivery), message: 'not JSON \ud800\u0000' },
      { ...(all[1] as Delivery), message: undefined },
      all[2] as Delivery,
    ]);
    expect(await parked()).toEqual([
      [1, 'envelope: :invalid_type', 0],
      [2, 'envelope: :invalid_type', 0],
    ]);
    expect(
      (await trial.pool.query<{ message: string }>('select message::text from messaging.parked order by position')).rows.map(
        ({ message }) => message,
      ),
    ).toEqual(['"not JSON \\ud800\\u0000"', 'null']);
    await consume(deliveriesOf(['b\u0000'], { from: 4 }));
    expect((await parked()).at(-1)).toEqual([4, 'behind-parked', 0]);
  });
});

describe('what is not the fault of an event', () => {
  test('a row that a stranger holds delays the group and parks nothing', async () => {
    await consume(deliveriesOf(['a']));
    const stranger = await trial.pool.connect();
    await stranger.query(`begin; select 1 from tally.subject where subject = 'a' for update`);
    await expect(consume(deliveriesOf(mixed))).rejects.toThrow(NothingCommitted);
    await stranger.query('rollback');
    stranger.release();
    await consume(deliveriesOf(mixed));
    expect(await effects(trial.pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
  });

  test('an event whose handler says that it is too early waits and is not parked', async () => {
    let early = true;
    trial.mood = (event) => {
      if (event.position === 3 && early) throw Object.assign(new Error('unit-not-known-yet'), { code: '40001' });
    };
    await expect(consume(deliveriesOf(mixed))).rejects.toThrow(NothingCommitted);
    expect(await parked()).toEqual([]);
    early = false;
    await consume(deliveriesOf(mixed));
    expect(await effects(trial.pool)).toEqual(mixedEffects);
  });

  test('a deadlock is tried again', async () => {
    let victims = 2;
    trial.mood = async (event, tx) => {
      if (event.position === 3 && victims-- > 0) await tx.query(`do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$`);
    };
    await consume(deliveriesOf(mixed));
    expect(await effects(trial.pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
  });

  test.each(['the server ends the connection', 'the network breaks the connection'] as const)(
    'when %s in the middle, often, nothing is parked',
    async (how) => {
      const proxy = await severingProxy(trial.database.appUrl);
      const consumer = newConsumer(another(proxy.url));
      let breaks = 7;
      trial.mood = async (event, tx) => {
        if (event.position !== 3 || breaks-- <= 0) return;
        if (how === 'the network breaks the connection') proxy.cut();
        await tx.query('select pg_terminate_backend(pg_backend_pid())');
      };
      while (breaks > 0) await consume(deliveriesOf(mixed), consumer).catch((error) => expect(error).toBeInstanceOf(NothingCommitted));
      await consume(deliveriesOf(mixed), consumer);
      expect(await effects(trial.pool)).toEqual(mixedEffects);
      expect(await parked()).toEqual([]);
      await proxy.close();
    },
  );

  test('an event is parked only when the watermark has passed it', async () => {
    const proxy = await severingProxy(trial.database.appUrl);
    const consumer = newConsumer(another(proxy.url));
    proxy.severForGood('before-server');
    const consuming = consume(
      withMessage(deliveriesOf(mixed), 2, () => 'unreadable'),
      consumer,
    );
    await expect(consuming).rejects.toBeInstanceOf(NothingCommitted);
    expect(proxy.severed()).toBe(1);
    await proxy.close();
    expect([await parked(), await reached(), await effects(trial.pool)]).toEqual([[], undefined, {}]);
  });

  test('a database that is away is said, and no TypeError of ours reaches the bus', async () => {
    const away = another('postgres://nobody:x@127.0.0.1:1/nowhere');
    await expect(consume(deliveriesOf(mixed), newConsumer(away))).rejects.toMatchObject({
      name: 'NothingCommitted',
      message: 'not committed: ECONNREFUSED',
    });
    await expect(consume([null as unknown as Delivery])).rejects.toBeInstanceOf(NothingCommitted);
  });
});

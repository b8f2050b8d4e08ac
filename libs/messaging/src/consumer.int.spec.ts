import { describe, expect, test } from 'vitest';
import { HoleFound, type Delivery } from './bus.ts';
import { consumerTrial, mixed, mixedEffects } from './consumer-trial.fixture.ts';
import { severingProxy } from './severing-proxy.fixture.ts';
import { deliveriesOf, effects, topic } from './tally.fixture.ts';

const trial = consumerTrial();
const { newConsumer, consume, parked, reached, another } = trial;

describe('one effect', () => {
  test('each event is applied in order, and the watermark and the offset move with it', async () => {
    await consume(deliveriesOf(mixed));
    expect(await effects(trial.pool)).toEqual(mixedEffects);
    expect(await reached()).toEqual({ position: 8, nextOffset: 9 });
    expect(trial.counts).toMatchObject({ applied: 8, dropped: 0, skipped: 0, parked: 0 });
    expect(trial.commits).toBe(1);
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
    const { rows } = await trial.pool.query<{ doubled: number }>('select count(*) - count(distinct position) as doubled from tally.entry');
    return rows[0]?.doubled ?? -1;
  };
  test('everything delivered again, in other batches and to another consumer, changes nothing', async () => {
    expect(await doubled(async () => undefined)).toBe(0);
  });
  test('with the watermark taken back everything is doubled: nothing else guards', async () => {
    expect(await doubled(() => trial.pool.query('delete from messaging.watermark'))).toBe(2_000);
  });

  test('a zombie that goes on with what another consumer has taken over changes nothing', async () => {
    const all = deliveriesOf(Array.from({ length: 300 }, (_, n) => `s${n % 7}`));
    const consumers = [newConsumer(), newConsumer(another(trial.database.appUrl)), newConsumer(another(trial.database.appUrl))];
    await Promise.all(
      consumers.map(async (consumer, n) => {
        for (let from = 0; from < all.length; from += 20 + n) await consume(all.slice(from, from + 20 + n), consumer);
      }),
    );
    const { rows } = await trial.pool.query(
      'select count(*)::int as entries, count(distinct position)::int as positions, bool_and(ordered) as ordered from (select position, position >= lag(position, 1, 0::bigint) over (partition by subject order by id) as ordered from tally.entry) e',
    );
    expect(rows[0]).toEqual({ entries: 300, positions: 300, ordered: true });
  });

  test('partitions of one batch each have their own watermark', async () => {
    await consume([...deliveriesOf(['a', 'a']), ...deliveriesOf(['b', 'b', 'b'], { partition: 3, from: 10 })]);
    expect([await reached(0), await reached(3)]).toEqual([
      { position: 2, nextOffset: 3 },
      { position: 12, nextOffset: 13 },
    ]);
  });

  test.each(['after-server', 'before-server'] as const)('a connection lost at COMMIT, %s, leaves one effect', async (where) => {
    const proxy = await severingProxy(trial.database.appUrl);
    const consumer = newConsumer(another(proxy.url));
    await consume(deliveriesOf(['a']), consumer);
    proxy.sever(where);
    await consume(deliveriesOf(mixed), consumer);
    expect(proxy.severed()).toBe(1);
    expect(await effects(trial.pool)).toEqual(mixedEffects);
    expect(await parked()).toEqual([]);
    expect(trial.commits).toBe(2);
    await proxy.close();
  });

  test('a database restored to an older state is brought up from what it has reached', async () => {
    const all = deliveriesOf(Array.from({ length: 40 }, (_, n) => `s${n % 4}`));
    await consume(all.slice(0, 15));
    const backup = await Promise.all(
      ['tally.subject', 'tally.entry', 'messaging.watermark'].map(async (table) => (await trial.pool.query(`select * from ${table}`)).rows),
    );
    await consume(all.slice(15));
    const expected = await effects(trial.pool);
    await restore(backup);
    const from = (await reached()) as { position: number; nextOffset: number };
    expect(from).toEqual({ position: 15, nextOffset: 16 });
    await consume(all.filter(({ nextOffset }) => (nextOffset ?? 0) > from.nextOffset - 1));
    expect(await effects(trial.pool)).toEqual(expected);
  });
  const restore = async ([subjects = [], entries = [], watermarks = []]: readonly unknown[][]): Promise<void> => {
    await trial.pool.query('delete from tally.entry; delete from tally.subject; delete from messaging.watermark');
    await trial.pool.query('insert into tally.subject select * from json_populate_recordset(null::tally.subject, $1)', [JSON.stringify(subjects)]);
    await trial.pool.query(
      'insert into tally.entry (id, subject, sequence, position, amount) overriding system value select id, subject, sequence, position, amount from json_populate_recordset(null::tally.entry, $1)',
      [JSON.stringify(entries)],
    );
    await trial.pool.query('insert into messaging.watermark select * from json_populate_recordset(null::messaging.watermark, $1)', [
      JSON.stringify(watermarks),
    ]);
  };
});

describe('the chain of positions', () => {
  test('a hole stops its partition loudly: what comes before it and other partitions go on', async () => {
    const all = deliveriesOf(mixed);
    const consumer = newConsumer();
    const gap = [...all.filter(({ position }) => position !== 4), ...deliveriesOf(['z'], { partition: 1 })];
    await expect(consume(gap, consumer)).rejects.toThrow(HoleFound);
    await expect(consume(gap, consumer)).rejects.toMatchObject({ topic, partition: 0, reached: 3, previous: 4 });
    expect(await effects(trial.pool)).toEqual({ a: [1, 3], b: [2], z: [1] });
    expect(consumer.holes()).toMatchObject([{ partition: 0, reached: 3, previous: 4, position: 5 }]);
    expect(trial.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);

    await consume(all, consumer);
    expect(await effects(trial.pool)).toEqual({ ...mixedEffects, z: [1] });
    expect(consumer.holes()).toEqual([]);
  });
  test('a new group takes its first message as it comes', async () => {
    await consume(deliveriesOf(['a', 'b'], { from: 900 }));
    expect(await effects(trial.pool)).toEqual({ a: [900], b: [901] });
  });
  test('a producer that came back from an older backup goes on, and it is said', async () => {
    await consume(deliveriesOf(['a', 'a', 'a', 'a']));
    const [jumped] = deliveriesOf(['a'], { from: 500_000 });
    await consume([{ ...(jumped as Delivery), previous: 2 }]);
    expect(await effects(trial.pool)).toEqual({ a: [1, 2, 3, 4, 500_000] });
    expect(trial.log.lines).toMatchObject([{ level: 'warn', fields: { reached: 4, previous: 2, position: 500_000 } }]);
  });
});

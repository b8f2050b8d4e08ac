import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import { defineEvent } from '@khue/contracts/envelope';
import { testCommand } from '@khue/testing/messaging';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { RunningSubscription } from './bus.ts';
import { createConsumer } from './consumer.ts';
import { openPool } from './database.ts';
import { enqueue } from './outbox.ts';
import { listParked } from './parking.ts';
import { createPump, type Pump } from './pump.fixture.ts';
import { rebuild, type RebuildOptions } from './rebuild.ts';
import { capturedLog, deliveriesOf, effects, tallyGroup, tallySchema, topic, withMessage, type Mood } from './tally.fixture.ts';
import { readWatermarks } from './watermark.ts';

let database: TestDatabase;
let pool: pg.Pool;
let owner: pg.Client;
let bus: Pump;
let live: RunningSubscription | undefined;
let mood: Mood;
const group = tallyGroup((event, tx) => mood(event, tx));
const program = fileURLToPath(new URL('rebuilder.fixture.ts', import.meta.url));

const start = async (): Promise<void> => {
  live = await bus.subscribe(createConsumer({ ...group, pool, log: capturedLog() }).subscription);
};
const run = (more: Partial<RebuildOptions> = {}): Promise<void> =>
  rebuild({ pool, ownerUrl: database.ownerUrl, group, schema: 'tally', bus, log: capturedLog(), ...more });
const applied = async (name = 'tally', partition = 0): Promise<number> =>
  (await readWatermarks(pool, name)).find((watermark) => watermark.partition === partition)?.position ?? 0;
const reaches = (position: number, partition = 0): Promise<void> =>
  expect.poll(() => applied('tally', partition), { timeout: 20_000 }).toBe(position);
const schemas = async (): Promise<unknown> =>
  (await pool.query(`select nspname as name from pg_namespace where nspname like 'tally%' order by 1`)).rows.map(
    ({ name }: { name: string }) => name,
  );
/** All that the projections say, but not the numbers the server gave: those differ where a batch was rolled back. */
const contents = async (): Promise<unknown> => [
  (await pool.query('select * from tally.subject order by subject')).rows,
  (
    await pool.query('select row_number() over (order by id) as place, subject, sequence, position, amount, doubled from tally.entry order by id')
  ).rows
    .toSorted((a: { position: number }, b: { position: number }) => a.position - b.position)
    .map(({ place: _, ...row }: { place: number }) => row),
  (await pool.query('select * from tally.busy order by subject')).rows,
  await effects(pool),
];
const structure = async (schema: string): Promise<unknown> =>
  (
    await owner.query(
      `select 'index ' || indexname || replace(indexdef, $1 || '.', '') as what from pg_indexes where schemaname = $1
     union all select 'constraint ' || conname || contype::text || condeferrable || condeferred from pg_constraint where connamespace = $1::regnamespace
     union all select 'right ' || table_name || privilege_type || grantee from information_schema.table_privileges where table_schema = $1
     union all select 'column ' || table_name || column_name || data_type || is_nullable || is_identity || is_generated from information_schema.columns where table_schema = $1
     order by 1`,
      [schema],
    )
  ).rows;
/** Until there is such a lock on the watermarks, or what would have been seen without it. */
const waiting = (lock: string, without = 'select 1 limit 0'): Promise<void> =>
  expect
    .poll(
      async () =>
        (await pool.query(`select 1 from pg_locks where relation = 'messaging.watermark'::regclass and ${lock} union all (${without})`)).rowCount,
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0);
const toldOn = defineEvent({ type: 'tally.told', version: 1, topic: 'khue.tally.facts', data: z.object({}) });
const many = (length: number): string[] => Array.from({ length }, (_, n) => `s${n % 7}`);

beforeAll(async () => {
  database = await postgres();
  await tallySchema(database.ownerUrl, `${database.name}_app`);
  pool = openPool({ url: database.appUrl, name: 'rebuild.int.spec' });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await pool.end();
  await owner.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query('delete from tally.entry; delete from tally.subject; delete from messaging.watermark; delete from messaging.parked');
  mood = () => undefined;
  bus = createPump(20);
});
afterEach(async () => {
  await live?.stop();
  live = undefined;
});

describe('a rebuild', () => {
  test('gives what was there before, in a schema of the same structure', async () => {
    bus.write(deliveriesOf(many(300)));
    bus.write(deliveriesOf(['x', 'y', 'x'], { partition: 4 }));
    await start();
    await reaches(300);
    await reaches(3, 4);
    const before = [await contents(), await structure('tally'), await readWatermarks(pool, 'tally')];
    const [old] = (await pool.query(`select 'tally'::regnamespace::oid as oid`)).rows;
    await run();
    expect([await contents(), await structure('tally'), await readWatermarks(pool, 'tally')]).toEqual(before);
    expect((await pool.query(`select 'tally'::regnamespace::oid as oid`)).rows).not.toEqual([old]);
    expect(await schemas()).toEqual(['tally']);
    expect(await readWatermarks(pool, 'tally~next')).toEqual([]);
  });

  test('mends projections that were wrong', async () => {
    bus.write(deliveriesOf(many(100)));
    await start();
    await reaches(100);
    const right = await contents();
    await pool.query(`update tally.subject set total = 0; delete from tally.entry where position = 50`);
    await run();
    expect(await contents()).toEqual(right);
  });

  test('serves all the while: readers always find all, events go on, and nothing is lost or doubled at the swap', async () => {
    const all = deliveriesOf(many(1_500));
    bus.write(all.slice(0, 400));
    await start();
    await reaches(400);
    let rebuilding = true;
    let written = 400;
    const writing = (async () => {
      while (rebuilding || written < 600) {
        bus.write(all.slice(written, (written += 5)));
        await new Promise(setImmediate);
        if (written >= all.length) return;
        await pool.query('select 1');
      }
    })();
    const seen: number[] = [];
    const reading = (async () => {
      while (rebuilding) seen.push((await pool.query<{ n: number }>('select count(*) as n from tally.entry')).rows[0]?.n ?? -1);
    })();
    await run();
    rebuilding = false;
    await Promise.all([writing, reading]);
    await reaches(written);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(400);
    expect(seen.toSorted((a, b) => a - b)).toEqual(seen);
    const { rows } = await pool.query('select count(*)::int as entries, count(distinct position)::int as positions from tally.entry');
    expect(rows).toEqual([{ entries: written, positions: written }]);
    expect(await effects(pool)).toEqual(
      Object.fromEntries(
        Object.entries(Object.groupBy(all.slice(0, written), ({ subject }) => subject)).map(([subject, events]) => [
          subject,
          events?.map(({ position }) => position),
        ]),
      ),
    );
  });

  test('takes over the parking of its own run: what can be applied by now is applied', async () => {
    mood = ({ position }) => {
      if (position === 3) throw new Error('not yet');
    };
    bus.write(withMessage(deliveriesOf(['a', 'b', 'a', 'b', 'a', 'b']), 2, () => 'unreadable'));
    await start();
    await reaches(6);
    expect((await listParked(pool)).map(({ position }) => position)).toEqual([2, 3, 4, 5, 6]);
    mood = () => undefined;
    await run();
    expect((await listParked(pool)).map(({ group: name, position, reason }) => [name, position, reason])).toEqual([
      ['tally', 2, 'envelope: :invalid_type'],
      ['tally', 4, 'behind-parked'],
      ['tally', 6, 'behind-parked'],
    ]);
    expect(await effects(pool)).toEqual({ a: [1, 3, 5] });
  });

  test('waits for an event that is the first of its partition and under way at the swap', async () => {
    bus.write(deliveriesOf(['a']));
    await start();
    await reaches(1);
    const entered = { a: Promise.withResolvers<void>(), late: Promise.withResolvers<void>() };
    const leave = { a: Promise.withResolvers<void>(), late: Promise.withResolvers<void>() };
    mood = async ({ subject }) => {
      if (subject !== 'a' && subject !== 'late') return;
      entered[subject].resolve();
      await leave[subject].promise;
    };
    // The shadow is on its last event and the group is held for it when a partition without watermark gets its first.
    const running = run();
    await entered.a.promise;
    await waiting(`mode = 'RowShareLock' and granted and pid in (select pid from pg_stat_activity where application_name = 'rebuild tally')`);
    // What the first of the two has written when the second is still under way must not go with the old schema.
    bus.write(deliveriesOf(['first', 'late'], { partition: 9 }));
    await entered.late.promise;
    leave.a.resolve();
    await waiting(`mode = 'ExclusiveLock' and not granted`, `select 1 from pg_namespace where nspname = 'tally_old'`);
    leave.late.resolve();
    await running;
    await reaches(2, 9);
    expect(await effects(pool)).toEqual({ a: [1], first: [1], late: [2] });
  });

  test('and another at the same time come one after the other', async () => {
    bus.write(deliveriesOf(many(20)));
    await start();
    await reaches(20);
    const before = await contents();
    await Promise.all([run(), run()]);
    expect(await contents()).toEqual(before);
  });

  test('writes the rows that no event makes', async () => {
    bus.write(deliveriesOf(['a']));
    await start();
    await reaches(1);
    await run({ firstRows: async (client) => void (await client.query(`insert into subject (subject, total) values ('seed', 0)`)) });
    expect((await pool.query('select subject from tally.subject order by 1')).rows).toEqual([{ subject: 'a' }, { subject: 'seed' }]);
  });
});

describe('a rebuild is refused', () => {
  test('when the handler writes beside the schema, before anything of that is committed', async () => {
    await owner.query(`create table public.beside (n int); grant insert, select on public.beside to ${database.name}_app`);
    bus.write(deliveriesOf(['a', 'b']));
    await start();
    await reaches(2);
    mood = (_, tx) => tx.query('insert into public.beside values (1)');
    await expect(run()).rejects.toThrow(/tally writes to public.beside beside its schema/);
    expect((await pool.query('select 1 from public.beside')).rowCount).toBe(0);
    await owner.query('drop table public.beside');
    expect(await schemas()).toEqual(['tally']);
  });
  test('when the handler tells others, and nothing is told a second time', async () => {
    const told = async (): Promise<number> => (await pool.query('select 1 from messaging.log')).rowCount ?? 0;
    mood = (event, tx) =>
      enqueue(tx, [{ event: { definition: toldOn, subject: event.subject, sequence: event.sequence, data: {} }, command: testCommand() }]);
    bus.write(deliveriesOf(['a', 'b']));
    await start();
    await reaches(2);
    expect(await told()).toBe(2);
    await expect(run()).rejects.toThrow('tally tells others what follows from what it hears: rebuilding would tell all of it a second time');
    expect([await told(), await schemas()]).toEqual([2, ['tally']]);
    // The same group, read from the first event as a rebuild reads it and without its eyes: the test above can fail.
    const again = await bus.subscribe(createConsumer({ ...group, group: 'again', pool, log: capturedLog() }).subscription);
    await expect.poll(() => applied('again')).toBe(2);
    await again.stop();
    expect(await told()).toBe(4);
  });
  test('when the topic no longer begins at its first event', async () => {
    bus.write(deliveriesOf(['a', 'b'], { from: 70 }));
    await start();
    await reaches(71);
    await expect(run()).rejects.toThrow(/first events are no longer kept/);
    expect(await effects(pool)).toEqual({ a: [70], b: [71] });
  });
  test('when the schema is not reached by unqualified names', async () => {
    const { searchPath: _, ...bare } = group;
    await expect(run({ group: bare })).rejects.toThrow(/not in the search path/);
  });
  test.each([
    ['a function', 'create function tally.f() returns int language sql return 1', 'drop function tally.f', 'function f'],
    ['a view of others over it', 'create view public.over_it as select * from tally.subject', 'drop view public.over_it', 'view over_it'],
    [
      'a foreign key of others to it',
      'create table public.child (s text references tally.subject)',
      'drop table public.child',
      'foreign key child_s_fkey of child',
    ],
    ['a sequence of its own', 'create sequence tally.numbers', 'drop sequence tally.numbers', 'numbers of kind S'],
  ])('when the schema has %s', async (_, make, drop, said) => {
    await owner.query(make);
    await expect(run()).rejects.toThrow(said);
    await owner.query(drop);
  });
  test("when a schema of the name it needs is somebody else's", async () => {
    await owner.query('create schema tally_old');
    await expect(run()).rejects.toThrow(/tally_old is in the way/);
    await owner.query('drop schema tally_old');
  });
});

describe('a rebuild that is killed', () => {
  const subjects = many(500);
  const killWhen = async (reached: () => Promise<boolean>): Promise<void> => {
    const child = spawn(process.execPath, [program, database.appUrl, database.ownerUrl, subjects.join(','), '5'], { stdio: 'ignore' });
    const gone = once(child, 'exit');
    await expect.poll(reached, { interval: 5, timeout: 20_000 }).toBe(true);
    child.kill('SIGKILL');
    await gone;
  };
  beforeEach(async () => {
    bus = createPump(200);
    bus.write(deliveriesOf(subjects));
    await start();
    await reaches(subjects.length);
  });

  test('on its way leaves the old in place, and the next one starts over', async () => {
    const before = await contents();
    await killWhen(async () => (await applied('tally~next')) > 100);
    expect(await schemas()).toEqual(['tally', 'tally_next']);
    expect(await contents()).toEqual(before);
    bus.write(deliveriesOf([...subjects, 's0']).slice(-1));
    await reaches(subjects.length + 1);
    await run();
    expect(await schemas()).toEqual(['tally']);
    expect((await effects(pool))['s0']).toHaveLength(Math.ceil(subjects.length / 7) + 1);
  });

  test('between the swap and the end leaves the new in place, and the next one clears up', async () => {
    const before = await contents();
    // A reader that takes its time keeps the old from being dropped.
    await owner.query('begin; select 1 from tally.entry limit 1');
    await killWhen(async () => ((await schemas()) as string[]).includes('tally_old'));
    await owner.query('commit');
    expect(await schemas()).toEqual(['tally', 'tally_old']);
    expect(await contents()).toEqual(before);
    await run();
    expect(await schemas()).toEqual(['tally']);
    expect(await contents()).toEqual(before);
    expect(await readWatermarks(pool, 'tally')).toEqual([{ topic, partition: 0, position: subjects.length, nextOffset: subjects.length + 1 }]);
  });
});

import { eventually } from '@khue/testing/eventually';
import { counterTable, fillLog, keptLog, messagingDatabase, raise, type MessagingDatabase } from '@khue/testing/messaging';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Bus } from './bus.ts';
import { openPool } from './database.ts';
import { embeddedBus } from './embedded-bus.ts';
import { holdLease } from './lease.ts';
import { createLogReader } from './log-reader.ts';
import { relayUrl, startRelay, type Relay, type RelayOptions } from './relay.ts';
import { createFloor, jumpAhead, knowStamping, stamp, stampStatement } from './stamp.ts';

let database: MessagingDatabase;
let bus: Bus;
const relays: Relay[] = [];
const topic = 'khue.alpha.facts';
const quick = { ttlMs: 600, trustMs: 300, heartbeatMs: 100 };

const relay = async (more: Partial<RelayOptions> = {}): Promise<Relay> => {
  const started = await startRelay({
    url: database.url,
    service: 'alpha',
    city: 'ha-noi',
    topics: [topic],
    bus,
    holder: `relay-${relays.length}`,
    log: keptLog(),
    pollMs: 50,
    lease: quick,
    ...more,
  });
  relays.push(started);
  return started;
};
const unstamped = async (): Promise<number> =>
  (await database.pool.query<{ n: number }>('select count(*) as n from messaging.log where position is null')).rows[0]?.n ?? -1;
const allStamped = (): Promise<void> => eventually(async () => expect(await unstamped()).toBe(0), { withinMs: 40_000 });
const positions = async (): Promise<{ position: number; previous: number; subject: string; sequence: number }[]> =>
  (await database.pool.query('select position, previous, subject, sequence from messaging.log order by position')).rows;

beforeEach(async () => {
  database = await messagingDatabase({ tables: counterTable, max: 20 });
  bus = embeddedBus({ log: keptLog() });
});
afterEach(async () => {
  await Promise.all(relays.splice(0).map((each) => each.stop()));
  await bus.close();
  await database.close();
});

describe('the relay', () => {
  test('stamps gapless positions, each with the one before it on its topic, and keeps the order of each subject under many writers', async () => {
    await relay({ batch: 50 });
    const subjects = Array.from({ length: 40 }, (_, n) => `s-${n}`);
    const writer = async (seed: number): Promise<void> => {
      for (let n = 0; n < 25; n += 1)
        await raise(
          database.pool,
          'alpha',
          [0, 1, 2].map((k) => subjects[(seed * 7 + n * 3 + k * 11) % 40] as string),
        );
    };
    await Promise.all(Array.from({ length: 16 }, (_, seed) => writer(seed)));
    await allStamped();
    const rows = await positions();
    expect(rows.map((row) => row.position)).toEqual(rows.map((_, n) => n + 1));
    expect(rows.map((row) => row.previous)).toEqual(rows.map((_, n) => n));
    const next = new Map<string, number>();
    for (const { subject, sequence } of rows) {
      expect(sequence).toBe((next.get(subject) ?? 0) + 1);
      next.set(subject, sequence);
    }
  });

  test('counts positions over the service and previous ones over each topic', async () => {
    await database.asOwner(`insert into messaging.log (topic, subject, sequence, type, version, event_id, time, context, data)
      select case when n % 3 = 0 then 'khue.alpha.people' else 'khue.alpha.facts' end, 's', n, 't', 1, uuidv7(), now(), '{}', '{}' from generate_series(1, 9) n`);
    await relay({ batch: 4 });
    await allStamped();
    const { rows } = await database.pool.query('select topic, position, previous from messaging.log order by position');
    expect(rows.filter((row) => row.topic === 'khue.alpha.people').map((row) => [row.position, row.previous])).toEqual([
      [3, 0],
      [6, 3],
      [9, 6],
    ]);
    expect(rows.filter((row) => row.topic === topic).map((row) => [row.position, row.previous])).toEqual([
      [1, 0],
      [2, 1],
      [4, 2],
      [5, 4],
      [7, 5],
      [8, 7],
    ]);
    expect((await database.pool.query('select topic, position from messaging.head order by topic')).rows).toEqual([
      { topic: '*', position: 9 },
      { topic, position: 8 },
      { topic: 'khue.alpha.people', position: 9 },
    ]);
  });

  test('of two, one leads, and the other goes on when the first is gone without a word', async () => {
    // The frozen one: it never renews, and believes in itself for long.
    const first = await relay({ lease: { ...quick, heartbeatMs: 3_600_000, trustMs: 3_600_000 } });
    await raise(database.pool, 'alpha', ['a']);
    await allStamped();
    const second = await relay();
    await eventually(() => expect(second.state().leading).toBe(true));
    for (let n = 0; n < 20; n += 1) {
      await raise(database.pool, 'alpha', ['a', 'b']);
      first.wake();
      second.wake();
    }
    await allStamped();
    const rows = await positions();
    expect(rows.map((row) => row.position)).toEqual(rows.map((_, n) => n + 1));
    expect(first.state()).toMatchObject({ leading: false, stamped: 1 });
    expect(second.state().stamped).toBe(40);
  });

  test('goes on when its database was away', async () => {
    const log = keptLog();
    const one = await relay({ log });
    await raise(database.pool, 'alpha', ['a']);
    await allStamped();
    await database.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'alpha-relay'`);
    await raise(database.pool, 'alpha', ['a']);
    one.wake();
    await allStamped();
    expect((await positions()).map((row) => row.position)).toEqual([1, 2]);
  });

  test('tells how many events have not left the service, and since when', async () => {
    await database.pool.query(`insert into messaging.lease values ('relay', 7, 'another', now() + interval '1 hour')`);
    const waiting = await relay();
    await raise(database.pool, 'alpha', ['a', 'b', 'c']);
    await eventually(async () => expect((await waiting.unsent()).oldestSeconds).toBeGreaterThan(0.01));
    expect((await waiting.unsent()).rows).toBe(3);
    await database.pool.query('update messaging.lease set expires_at = now()');
    await eventually(async () => expect(await waiting.unsent()).toEqual({ rows: 0, oldestSeconds: 0 }));
    expect(waiting.state()).toMatchObject({ leading: true, term: 8, stamped: 3, failingSince: null });
  });

  test('after a restore from backup goes on far above every number it gave before', async () => {
    await relay();
    await raise(database.pool, 'alpha', ['a']);
    await allStamped();
    await jumpAhead(database.pool, 1_000_000);
    await raise(database.pool, 'alpha', ['a', 'b']);
    await allStamped();
    expect((await positions()).map((row) => [row.position, row.previous])).toEqual([
      [1, 0],
      [1_000_002, 1],
      [1_000_003, 1_000_002],
    ]);
  });
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}
const nodes = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];
const planOf = async (sql: string, values: readonly string[]): Promise<PlanNode[]> => {
  const pool = openPool({ url: relayUrl(database.url), name: 'plan', max: 1 });
  try {
    // As a prepared statement whose plan was kept from the time when the log was empty, as at a first start.
    await pool.query(`set plan_cache_mode = force_generic_plan; prepare kept as ${sql}`);
    await pool.query(`begin; explain execute kept(${values.join(', ')}); rollback`);
    await fillLog(database, 'alpha', 100_000);
    await pool.query('begin');
    const { rows } = await pool.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(`explain (analyze, format json) execute kept(${values.join(', ')})`);
    await pool.query('rollback');
    return nodes(rows[0]?.['QUERY PLAN'][0].Plan as PlanNode);
  } finally {
    await pool.end();
  }
};

describe('with 100,000 events waiting', () => {
  test('stamping reads a batch from the index of unstamped events, without sorting or reading the backlog', async () => {
    const plan = await planOf(stampStatement, ['0', '1000']);
    const log = plan.filter((node) => node['Relation Name'] === 'log' && node['Node Type'] !== 'ModifyTable');
    expect(log.map((node) => [node['Node Type'], node['Index Name']])).toEqual([
      ['Index Scan', 'log_unstamped'],
      ['Tid Scan', undefined],
    ]);
    for (const node of plan) expect(node['Actual Rows'] ?? 0).toBeLessThanOrEqual(1_000);
    const limit = plan.find((node) => node['Node Type'] === 'Limit') as PlanNode;
    expect(nodes(limit).map((node) => node['Node Type'])).toEqual(['Limit', 'Index Scan']);
  });

  test('they are stamped and read in batches, in order', async () => {
    await fillLog(database, 'alpha', 100_000);
    await relay();
    await allStamped();
    const reader = createLogReader(database.pool, 'khue/ha-noi/alpha');
    expect((await reader.backlog(topic, 0)).rows).toBe(100_000);
    const batch = await reader.read(topic, 99_000, 1_000);
    expect(batch.map((event) => event.position)).toEqual(Array.from({ length: 1_000 }, (_, n) => 99_001 + n));
    const deaf = await reader.hear(topic, 99_000, 1_000, new Set(['alpha.unheard']));
    expect(deaf).toEqual(batch.map(({ json: _, ...head }) => head));
    expect(await reader.hear(topic, 99_000, 1_000, new Set(['alpha.raised']))).toEqual(batch);
  });
});

describe('the floor', () => {
  test('rises above stamped events while someone holds an old snapshot, but never above an event that is still being written', async () => {
    const pool = openPool({ url: relayUrl(database.url), name: 'floor' });
    knowStamping(pool);
    const lease = holdLease(pool, { name: 'relay', holder: 'floor' });
    await eventually(() => expect(lease.held()).toBe(true));
    const floor = createFloor(pool);
    const once = async (): Promise<void> => floor.stamped(await stamp(lease, floor.id(), 100), 100);
    const reader = await database.pool.connect();
    await reader.query('begin isolation level repeatable read; select count(*) from messaging.log');
    await raise(database.pool, 'alpha', ['a', 'b']);
    await once();
    await floor.look();
    await floor.look();
    await once();
    expect(floor.id()).toBe(2);

    const slow = await database.pool.connect();
    await slow.query(`begin; insert into messaging.log (topic, subject, sequence, type, version, event_id, time, context, data)
      values ('${topic}', 'slow', 1, 'alpha.raised', 1, uuidv7(), now(), '{}', '{}')`);
    await raise(database.pool, 'alpha', ['a', 'b']);
    await once();
    for (let n = 0; n < 3; n += 1) {
      await floor.look();
      await once();
    }
    expect(floor.id()).toBe(2);
    await slow.query('commit');
    await floor.look();
    await floor.look();
    await once();
    expect(await unstamped()).toBe(0);
    expect(floor.id()).toBe(5);
    await reader.query('rollback');
    reader.release();
    slow.release();
    await lease.release();
    await pool.end();
  });
});

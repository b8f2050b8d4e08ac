import { eventually } from '@khue/testing/eventually';
import { messagingDatabase, type MessagingDatabase } from '@khue/testing/messaging';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { holdLease, LeaseLost, type Lease } from './lease.ts';

let database: MessagingDatabase;
const leases: Lease[] = [];
const quick = { ttlMs: 400, trustMs: 200, heartbeatMs: 50 };
const hold = (holder: string, more: Partial<Parameters<typeof holdLease>[1]> = {}): Lease => {
  const lease = holdLease(database.pool, { name: 'relay', holder, ...quick, ...more });
  leases.push(lease);
  return lease;
};
const heldBy = async (lease: Lease): Promise<Lease> => {
  await eventually(() => expect(lease.held()).toBe(true));
  return lease;
};
const write = (lease: Lease): Promise<unknown> =>
  lease.transact(`insert into messaging.head values ('${lease.term()}', 1) on conflict (topic) do update set position = head.position + 1`);
const written = async (): Promise<number> =>
  (await database.pool.query<{ n: number }>('select coalesce(sum(position), 0)::int as n from messaging.head')).rows[0]?.n ?? 0;

beforeAll(async () => {
  database = await messagingDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.pool.query('delete from messaging.lease; delete from messaging.head'));
afterEach(async () => {
  await Promise.all(leases.splice(0).map((lease) => lease.release()));
});

describe('a lease', () => {
  test('has one holder at a time', async () => {
    const first = await heldBy(hold('a'));
    const term = first.term();
    const gained: boolean[] = [];
    const second = hold('b', { onChange: (held) => gained.push(held) });
    const until = async (): Promise<number> =>
      Date.parse((await database.pool.query<{ expires_at: string }>('select expires_at from messaging.lease')).rows[0]?.expires_at ?? '');
    const start = await until();
    await eventually(async () => expect(await until()).toBeGreaterThan(start + quick.ttlMs));
    await write(first);
    await expect(write(second)).rejects.toThrow(LeaseLost);
    expect(await written()).toBe(1);
    // Taken from each other by turns, it would have passed through other terms meanwhile.
    expect(first.term()).toBe(term);
    expect(gained).toEqual([]);
  });

  test('passes on at once, in the next term, when its holder releases it', async () => {
    const first = await heldBy(hold('a'));
    const second = hold('b');
    await first.release();
    await heldBy(second);
    expect(second.term()).toBe(first.term() + 1);
    await expect(write(first)).rejects.toThrow(LeaseLost);
    expect(await written()).toBe(0);
  });

  test('of a frozen holder passes on after its time by the clock of the database, and the holder that wakes writes nothing', async () => {
    // A heartbeat that never comes again is what freezing looks like from outside.
    const frozen = await heldBy(hold('a', { heartbeatMs: 3_600_000 }));
    const changes: boolean[] = [];
    const next = await heldBy(hold('b', { onChange: (held) => changes.push(held) }));
    expect(frozen.held()).toBe(false);
    expect(next.term()).toBe(frozen.term() + 1);
    expect(changes).toEqual([true]);
    await expect(write(frozen)).rejects.toThrow(LeaseLost);
    await write(next);
    expect(await written()).toBe(1);
  });

  test('is distrusted by its holder before others may take it', async () => {
    const lost: boolean[] = [];
    const holder = await heldBy(hold('a', { heartbeatMs: 3_600_000, ttlMs: 60_000, onChange: (held) => lost.push(held) }));
    await eventually(() => expect(lost).toEqual([true, false]));
    expect(holder.held()).toBe(false);
    await write(holder);
  });

  test('that has expired lets its holder write nothing, even if nobody has taken it', async () => {
    const holder = await heldBy(hold('a', { heartbeatMs: 3_600_000, trustMs: 3_600_000 }));
    await write(holder);
    await eventually(() => expect(write(holder)).rejects.toThrow(LeaseLost));
    expect(holder.held()).toBe(false);
  });

  test('is not kept by a transaction that a frozen holder left open', async () => {
    const frozen = await heldBy(hold('a', { heartbeatMs: 3_600_000 }));
    const tx = await database.pool.connect();
    tx.on('error', () => undefined);
    await tx.query(`begin; select 1 from messaging.lease where term = ${frozen.term()} for update`);
    const next = await heldBy(hold('b'));
    expect(next.term()).toBe(frozen.term() + 1);
    await expect(tx.query('commit')).rejects.toThrow();
    tx.release(true);
  });

  test('is taken over at once by the same holder started again after a kill', async () => {
    const killed = await heldBy(hold('host:8104', { ttlMs: 3_600_000, heartbeatMs: 3_600_000 }));
    const again = await heldBy(hold('host:8104', { ttlMs: 3_600_000 }));
    expect(again.term()).toBeGreaterThan(killed.term());
  });
});

import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import type { Command } from './command.ts';
import { assertDurable, inTransaction, openPool, together } from './database.ts';
import { gatherSizes } from './gather.ts';
import { codes, keyed, potTrial, take, type Take } from './pots.fixture.ts';
import { relayUrl } from './relay.ts';
import { severingProxy } from './severing-proxy.fixture.ts';

const trial = potTrial();
const opened: pg.Pool[] = [];
const open = (url: string): pg.Pool => {
  const pool = openPool({ url, name: 'guards', max: 3 });
  opened.push(pool);
  return pool;
};
afterEach(() => Promise.all(opened.splice(0).map((pool) => pool.end())));

describe('an idempotency key', () => {
  test('belongs to one account and one address', async () => {
    const under = (claim: Partial<Command['idempotency']>): Command<Take> =>
      take('pot-1', 1, { idempotency: { sub: 'officer.a', route: 'POST /take', key: 'one', bodyHash: 'hash', ...claim } });
    const answers = await Promise.all([{}, { sub: 'officer.b' }, { route: 'POST /give' }].map((claim) => trial.gather.handle(under(claim))));
    expect(codes(answers)).toEqual(['ok', 'ok', 'ok']);
    expect(await trial.left('pot-1')).toBe(7);
  });

  test('of a command that met a bug is decided anew', async () => {
    expect(codes([await trial.gather.handle(take('pot-2', 1, keyed('bug'), { note: 'throw' }))])).toEqual(['internal-error']);
    expect(codes([await trial.gather.handle(take('pot-2', 1, keyed('bug')))])).toEqual(['ok']);
  });
});

test('of statements that travel together the one that failed tells why, not those that failed for it', async () => {
  const inTurns = async (tx: pg.ClientBase): Promise<void> => {
    await tx.query('select 1');
    await tx.query('select 2');
  };
  const both = inTransaction(trial.pool, (tx) => together(tx, () => [inTurns(tx), tx.query('select 1 / 0')]));
  await expect(both).rejects.toMatchObject({ code: '22012' });
});

describe('a COMMIT that got no answer', () => {
  test.each([
    ['after-server', 9],
    ['before-server', 10],
  ] as const)('%s, is told as unknown, and the same key tells the outcome: one effect', async (where, leftBehind) => {
    const proxy = await severingProxy(trial.database.appUrl);
    const gather = trial.newGather(open(proxy.url));
    await gather.handle(take('pot-3'));
    proxy.sever(where);
    expect(await gather.handle(take('pot-4', 1, keyed('lost')))).toMatchObject({ ok: false, code: 'outcome-unknown', retryAfterSeconds: 5 });
    expect(proxy.severed()).toBe(1);
    expect(await trial.left('pot-4')).toBe(leftBehind);
    expect(codes([await gather.handle(take('pot-4', 1, keyed('lost')))])).toEqual(['ok']);
    expect(await trial.left('pot-4')).toBe(9);
    expect(await trial.written('pot-4')).toEqual({ events: 1, audited: 1 });
    await gather.close();
    await proxy.close();
  });
});

test('a transaction that had failed before COMMIT is an error, though the server answers COMMIT', async () => {
  const swallowed = inTransaction(trial.pool, async (tx) => {
    await tx.query('select 1/0').catch(() => undefined);
    return 'done';
  });
  await expect(swallowed).rejects.toMatchObject({ code: '25P02' });
});

test('the victim of a deadlock is tried again, and its commands are not taken apart', async () => {
  const owner = new pg.Client({ connectionString: trial.database.ownerUrl });
  await owner.connect();
  // The first flush that touches pot-20 is chosen as a victim; what is written in its transaction goes, the sequence has counted it.
  await owner.query(`
    create sequence victims; grant usage on sequence victims to ${trial.database.name}_app;
    create function fall() returns trigger language plpgsql as $$
      begin if nextval('victims') = 1 then raise exception 'chosen' using errcode = '40P01'; end if; return new; end $$;
    create trigger fall before update on pot for each row when (new.id = 'pot-20') execute function fall();`);
  const answers = await Promise.all([take('pot-19'), take('pot-20'), take('pot-21')].map((command) => trial.gather.handle(command)));
  await owner.query('drop trigger fall on pot; drop function fall; drop sequence victims');
  await owner.end();
  expect(codes(answers)).toEqual(['ok', 'ok', 'ok']);
  expect(trial.commits).toBe(1);
  expect(trial.errors).toEqual([]);
});

test('more commands than may wait are refused at once, and those that wait are answered', async () => {
  const all = Array.from({ length: gatherSizes.waiting + 3 }, () => trial.gather.handle(take('pot-5', 0)));
  expect(codes(await Promise.all(all.slice(-3)))).toEqual(['overloaded', 'overloaded', 'overloaded']);
  expect([...new Set(codes(await Promise.all(all.slice(0, -3))))]).toEqual(['ok']);
});

describe('a database that may lose what it acknowledged', () => {
  test.each(['fsync', 'synchronous_commit', 'full_page_writes'])('is refused with %s off', async (setting) => {
    await expect(assertDurable(trial.pool)).resolves.toBeUndefined();
    const owner = new pg.Client({ connectionString: trial.database.ownerUrl });
    await owner.connect();
    // Two of them are the whole server's: for this connection a view stands before the settings and says what another server would.
    await owner.query(`
      drop schema if exists told cascade; create schema told; grant usage on schema told to ${trial.database.name}_app;
      create view told.pg_settings as select name, case when name = '${setting}' then 'off' else setting end as setting from pg_catalog.pg_settings;
      grant select on told.pg_settings to ${trial.database.name}_app`);
    await owner.end();
    const url = new URL(trial.database.appUrl);
    url.searchParams.set('options', '-c search_path=told,pg_catalog');
    await expect(assertDurable(open(url.href.replaceAll('+', '%20')))).rejects.toThrow(`${setting}=off`);
  });
});

test('the relay commits to the disk, whatever the role would do by itself', async () => {
  const owner = new pg.Client({ connectionString: trial.database.ownerUrl });
  await owner.connect();
  await owner.query(`alter database ${trial.database.name} set synchronous_commit = off`);
  const shown = async (url: string): Promise<unknown> => (await open(url).query('show synchronous_commit')).rows[0];
  const [plain, relay] = [await shown(trial.database.appUrl), await shown(relayUrl(trial.database.appUrl))];
  await owner.query(`alter database ${trial.database.name} reset synchronous_commit`);
  await owner.end();
  expect([plain, relay]).toEqual([{ synchronous_commit: 'off' }, { synchronous_commit: 'on' }]);
});

test('the runtime role changes and deletes nothing in the log and the audit, but for the position of an event', async () => {
  await trial.gather.handle(take('pot-6'));
  for (const statement of [
    'delete from messaging.log',
    'delete from messaging.audit',
    'truncate messaging.log',
    'truncate messaging.audit',
    `update messaging.log set data = '{}'`,
    `update messaging.audit set actor = 'nobody'`,
    'create table messaging.more (id int)',
    'create table public.more (id int)',
    'drop table messaging.audit',
  ]) {
    await expect(trial.pool.query(statement), statement).rejects.toMatchObject({ code: '42501' });
  }
});

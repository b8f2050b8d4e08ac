import { fileURLToPath } from 'node:url';
import { defineEvent } from '@khue/contracts/envelope';
import { accept, refuse, type Decision } from '@khue/decider/decision';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Aggregate, Answer, Command, Tx } from './command.ts';
import { openPool } from './database.ts';
import { createGather, type Gather } from './gather.ts';
import { migrate } from './migrate.ts';

interface Pot {
  readonly id: string;
  left: number;
  version: number;
  touched: boolean;
}
interface Take {
  readonly type: 'Take';
  readonly pot: string;
  readonly seats: number;
  readonly note?: string;
}
interface Taken {
  readonly pot: string;
  readonly seats: number;
}
const taken = defineEvent({ type: 'sample.taken', version: 1, topic: 'khue.sample.facts', data: z.object({ pot: z.string(), left: z.number() }) });

interface Trial {
  rowLock: boolean;
}

/** Seats out of pots: the smallest aggregate with something to oversell. */
const potsWith = (trial: Trial): Aggregate<Take, Map<string, Pot>, Taken> => ({
  noun: 'pot',
  load: async (tx: Tx, commands) => {
    const ids = [...new Set(commands.map(({ body }) => body.pot))].sort();
    const { rows } = await tx.query<Pot>(
      `select id, remaining as "left", version from pot where id = any($1) order by id ${trial.rowLock ? 'for update' : ''}`,
      [ids],
    );
    return new Map(rows.map((row) => [row.id, { ...row, touched: false }]));
  },
  decide: (command, state): Decision<Taken> => {
    const pot = state.get(command.body.pot);
    if (!pot) return refuse('pot-unknown');
    if (command.body.note === 'throw') throw new TypeError('a bug');
    return pot.left < command.body.seats ? refuse('no-seat-left') : accept({ pot: pot.id, seats: command.body.seats });
  },
  evolve: (state, event) => {
    const pot = state.get(event.pot);
    if (pot) Object.assign(pot, { left: pot.left - event.seats, version: pot.version + 1, touched: true });
  },
  save: async (tx, state) => {
    const changed = [...state.values()].filter((pot) => pot.touched);
    if (changed.length === 0) return;
    await tx.query(
      'update pot set remaining = n.left, version = n.version from unnest($1::text[], $2::int[], $3::int[]) n(id, "left", version) where pot.id = n.id',
      [changed.map((pot) => pot.id), changed.map((pot) => pot.left), changed.map((pot) => pot.version)],
    );
  },
  outbound: (event, state) => {
    const pot = state.get(event.pot);
    return [{ definition: taken, subject: event.pot, sequence: pot?.version ?? 0, data: { pot: event.pot, left: pot?.left ?? 0 } }];
  },
  answer: (command, state) => ({ ok: true, status: 201, body: { left: state.get(command.body.pot)?.left } }),
  subject: (command, state) => {
    const pot = state.get(command.body.pot);
    return { id: command.body.pot, ...(pot ? { version: pot.version } : {}), record: pot && { left: pot.left } };
  },
});

let database: TestDatabase;
let pool: pg.Pool;
let gather: Gather<Take>;
let trial: Trial;
const errors: unknown[] = [];

const take = (pot: string, seats = 1, more: Partial<Command<Take>> = {}, note?: string): Command<Take> => {
  const id = uuidv7();
  return {
    id,
    body: { type: 'Take', pot, seats, ...(note ? { note } : {}) },
    actor: 'officer.a',
    now: new Date().toISOString(),
    today: '2026-11-23',
    correlationId: id,
    causationId: id,
    ...more,
  };
};
const keyed = (key: string, bodyHash = 'hash'): Partial<Command<Take>> => ({ idempotency: { sub: 'officer.a', route: 'POST /take', key, bodyHash } });
const left = async (pot: string): Promise<number> =>
  (await pool.query<{ left: number }>('select remaining as "left" from pot where id = $1', [pot])).rows[0]?.left ?? -1;
const codes = (answers: readonly Answer[]): string[] => answers.map((answer) => (answer.ok ? 'ok' : answer.code));
const newGather = (): Gather<Take> =>
  createGather({
    pool,
    aggregate: potsWith(trial),
    replayable: (answer) => answer.ok || answer.code === 'no-seat-left',
    committed: () => undefined,
    onError: (error) => errors.push(error),
  });

beforeAll(async () => {
  database = await postgres();
  await migrate({
    ownerUrl: database.ownerUrl,
    appRole: `${database.name}_app`,
    folders: [fileURLToPath(new URL('../migrations', import.meta.url))],
  });
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query(
    `create table pot (id text primary key, remaining int not null, version int not null); grant select, insert, update, delete on pot to ${database.name}_app`,
  );
  await owner.end();
  pool = openPool({ url: database.appUrl, name: 'gather.int.spec' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  trial = { rowLock: true };
  errors.length = 0;
  await pool.query('delete from pot');
  await pool.query(`insert into pot select 'pot-' || n, 10, 0 from generate_series(1, 300) n`);
  gather = newGather();
});

describe('a flush', () => {
  test('keeps state, audit and event of each accepted command in one commit', async () => {
    const command = take('pot-1', 3);
    expect(await gather.handle(command)).toMatchObject({ ok: true, body: { left: 7 } });
    const log = await pool.query('select subject, sequence, data, context from messaging.log order by id desc limit 1');
    expect(log.rows[0]).toMatchObject({
      subject: 'pot-1',
      sequence: 1,
      data: { pot: 'pot-1', left: 7 },
      context: { actor: 'officer.a', causationid: command.id },
    });
    const audit = await pool.query('select actor, command, before, after from messaging.audit order by id desc limit 1');
    expect(audit.rows[0]).toEqual({ actor: 'officer.a', command: 'Take', before: { left: 10 }, after: { left: 7 } });
  });

  test('lets two commands of one batch see each other', async () => {
    const answers = await Promise.all([gather.handle(take('pot-2', 6)), gather.handle(take('pot-2', 6)), gather.handle(take('pot-2', 4))]);
    expect(codes(answers)).toEqual(['ok', 'no-seat-left', 'ok']);
    expect(await left('pot-2')).toBe(0);
  });

  test.each([
    ['a refused one', take('nowhere'), 'pot-unknown'],
    ['one that meets a bug', take('pot-3', 1, {}, 'throw'), 'internal-error'],
    ['one with a NUL', take('pot\u0000-3'), 'value-unacceptable'],
    ['one with a number out of range', take('pot-3', -3_000_000_000), 'value-unacceptable'],
  ])('changes nothing for the neighbors of %s', async (_, bad, code) => {
    const commands = Array.from({ length: 60 }, (_, n) => (n === 17 ? bad : take(`pot-${n + 1}`)));
    const answers = await Promise.all(commands.map((command) => gather.handle(command)));
    expect(codes(answers)).toEqual(commands.map((command) => (command === bad ? code : 'ok')));
    expect((await pool.query('select count(*)::int as n from pot where remaining = 9')).rows[0]).toEqual({ n: 59 });
  });

  test('holds If-Match against the version that the batch has reached', async () => {
    const answers = await Promise.all([
      gather.handle(take('pot-4', 1, { ifMatch: 0 })),
      gather.handle(take('pot-4', 1, { ifMatch: 0 })),
      gather.handle(take('pot-4', 1, { ifMatch: 1 })),
    ]);
    expect(codes(answers)).toEqual(['ok', 'version-stale', 'ok']);
  });

  test('delays only the commands whose row a stranger holds', async () => {
    const stranger = new pg.Client({ connectionString: database.appUrl });
    await stranger.connect();
    await stranger.query(`begin; select 1 from pot where id = 'pot-30' for update`);
    const answered: string[] = [];
    const commands = Array.from({ length: 60 }, (_, n) => take(`pot-${n + 1}`));
    const all = commands.map((command) => gather.handle(command).then((answer) => (answered.push(command.body.pot), answer)));
    await Promise.all(all.filter((_, n) => n !== 29));
    expect(answered).not.toContain('pot-30');
    await stranger.query('commit');
    expect(codes([await (all[29] as Promise<Answer>)])).toEqual(['ok']);
    await stranger.end();
  });

  test('loses no command in a storm over hot rows', async () => {
    await pool.query('update pot set remaining = 1000');
    const writers = Array.from({ length: 8 }, newGather);
    const answers = await Promise.all(
      writers.flatMap((writer, w) => Array.from({ length: 240 }, (_, n) => writer.handle(take(`pot-${1 + ((n * 7 + w * 13) % 200)}`)))),
    );
    expect(codes(answers).filter((code) => code !== 'ok')).toEqual([]);
    expect((await pool.query('select sum(1000 - remaining)::int as n from pot')).rows[0]).toEqual({ n: 8 * 240 });
  });
});

describe('the last seats of a pot', () => {
  const oversell = async (): Promise<{ held: number; left: number }> => {
    await pool.query(`update pot set remaining = 50 where id = 'pot-9'`);
    const writers = Array.from({ length: 4 }, newGather);
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => (writers[n % 4] as Gather<Take>).handle(take('pot-9'))));
    return { held: codes(answers).filter((code) => code === 'ok').length, left: await left('pot-9') };
  };
  test('are given once', async () => {
    expect(await oversell()).toEqual({ held: 50, left: 0 });
  });
  test('are oversold with the row lock taken out', async () => {
    trial.rowLock = false;
    expect((await oversell()).held).toBeGreaterThan(50);
  });
});

describe('an idempotency key', () => {
  test('gives the first answer again and writes once', async () => {
    const first = await gather.handle(take('pot-5', 2, keyed('k-1')));
    expect(await gather.handle(take('pot-5', 2, keyed('k-1')))).toEqual(first);
    expect(await left('pot-5')).toBe(8);
  });
  test('gives a business refusal again, also when it would pass now', async () => {
    expect(codes([await gather.handle(take('pot-6', 11, keyed('k-2')))])).toEqual(['no-seat-left']);
    await pool.query(`update pot set remaining = 20 where id = 'pot-6'`);
    expect(codes([await gather.handle(take('pot-6', 11, keyed('k-2')))])).toEqual(['no-seat-left']);
  });
  test('is refused with another body', async () => {
    await gather.handle(take('pot-7', 1, keyed('k-3')));
    expect(codes([await gather.handle(take('pot-7', 2, keyed('k-3', 'other')))])).toEqual(['idempotency-key-reused']);
  });
  test('of a twin in the same batch runs once, the other is told to ask again', async () => {
    const answers = await Promise.all([gather.handle(take('pot-8', 1, keyed('k-4'))), gather.handle(take('pot-8', 1, keyed('k-4')))]);
    expect(codes(answers)).toEqual(['ok', 'idempotency-key-in-flight']);
    expect(await left('pot-8')).toBe(9);
  });
  test('of a twin that runs elsewhere is answered at once', async () => {
    const stranger = new pg.Client({ connectionString: database.appUrl });
    await stranger.connect();
    await stranger.query(`begin; select 1 from pot where id = 'pot-10' for update`);
    const first = gather.handle(take('pot-10', 1, keyed('k-5')));
    await expect
      .poll(
        async () =>
          (
            await pool.query(
              `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and state_change < now() - interval '400 ms'`,
            )
          ).rowCount,
        { timeout: 5_000 },
      )
      .toBe(1);
    expect(codes([await newGather().handle(take('pot-11', 1, keyed('k-5')))])).toEqual(['idempotency-key-in-flight']);
    await stranger.query('commit');
    await first;
    await stranger.end();
  });
});

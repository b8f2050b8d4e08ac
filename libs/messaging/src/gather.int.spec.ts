import pg from 'pg';
import { describe, expect, test } from 'vitest';
import type { Gather } from './gather.ts';
import { codes, keyed, potTrial, take, type Take } from './pots.fixture.ts';

const trial = potTrial();
const { newGather, left } = trial;

describe('a flush', () => {
  test('keeps state, audit and event of each accepted command in one commit', async () => {
    const command = take('pot-1', 3);
    expect(await trial.gather.handle(command)).toMatchObject({ ok: true, body: { left: 7 } });
    const log = await trial.pool.query('select subject, sequence, data, context from messaging.log order by id desc limit 1');
    expect(log.rows[0]).toMatchObject({
      subject: 'pot-1',
      sequence: 1,
      data: { pot: 'pot-1', left: 7 },
      context: { actor: 'officer.a', causationid: command.id },
    });
    const audit = await trial.pool.query('select actor, command, before, after from messaging.audit order by id desc limit 1');
    expect(audit.rows[0]).toEqual({ actor: 'officer.a', command: 'Take', before: { left: 10, note: null }, after: { left: 7, note: null } });
  });

  test('holds If-Match against the version that the batch has reached', async () => {
    const answers = await Promise.all([
      trial.gather.handle(take('pot-4', 1, { ifMatch: 0 })),
      trial.gather.handle(take('pot-4', 1, { ifMatch: 0 })),
      trial.gather.handle(take('pot-4', 1, { ifMatch: 1 })),
    ]);
    expect(codes(answers)).toEqual(['ok', 'version-stale', 'ok']);
  });
});

describe('the last seats of a pot', () => {
  const oversell = async (): Promise<{ held: number; left: number }> => {
    await trial.pool.query(`update pot set remaining = 50 where id = 'pot-9'`);
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
    const first = await trial.gather.handle(take('pot-5', 2, keyed('k-1')));
    expect(await trial.gather.handle(take('pot-5', 2, keyed('k-1')))).toEqual(first);
    expect(await left('pot-5')).toBe(8);
  });
  test('gives a business refusal again, also when it would pass now', async () => {
    expect(codes([await trial.gather.handle(take('pot-6', 11, keyed('k-2')))])).toEqual(['no-seat-left']);
    await trial.pool.query(`update pot set remaining = 20 where id = 'pot-6'`);
    expect(codes([await trial.gather.handle(take('pot-6', 11, keyed('k-2')))])).toEqual(['no-seat-left']);
  });
  test('is refused with another body', async () => {
    await trial.gather.handle(take('pot-7', 1, keyed('k-3')));
    expect(codes([await trial.gather.handle(take('pot-7', 2, keyed('k-3', 'other')))])).toEqual(['idempotency-key-reused']);
  });
  test('of a twin in the same batch runs once, the other is told to ask again', async () => {
    const answers = await Promise.all([trial.gather.handle(take('pot-8', 1, keyed('k-4'))), trial.gather.handle(take('pot-8', 1, keyed('k-4')))]);
    expect(codes(answers)).toEqual(['ok', 'idempotency-key-in-flight']);
    expect(await left('pot-8')).toBe(9);
  });
  test('of a twin that runs elsewhere is answered at once', async () => {
    const stranger = new pg.Client({ connectionString: trial.database.appUrl });
    await stranger.connect();
    await stranger.query(`begin; select 1 from pot where id = 'pot-10' for update`);
    const first = trial.gather.handle(take('pot-10', 1, keyed('k-5')));
    await expect
      .poll(
        async () =>
          (
            await trial.pool.query(
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

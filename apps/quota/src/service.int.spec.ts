import { grantIssued } from '@khue/contracts/events/registry';
import { enrollmentWithdrawn, learnerAdmitted, seatRequested } from '@khue/contracts/events/enrollment';
import { createLogger } from '@khue/host/logger';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { toldCity } from '@khue/testing/city';
import { eventually } from '@khue/testing/eventually';
import { testService, type Published, type TestService } from '@khue/testing/service';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createQuota } from './service.ts';

let quota: TestService;
const { id, unit, grant, told } = toldCity();
const request = (name: string, unitName: string, programCode: string): Published =>
  told(seatRequested, id(name), { enrollmentId: id(name), unitId: id(unitName), programCode, year: 2026 });
const who = (name: string, unitName: string) => ({ enrollmentId: id(name), classId: id('class'), personId: id('person'), unitId: id(unitName) });
const withdrawal = (name: string, unitName: string): Published =>
  told(enrollmentWithdrawn, id(name), { ...who(name, unitName), on: '2026-11-01', wasAdmitted: true });
const admission = (name: string, unitName: string, programCode: string): Published =>
  told(learnerAdmitted, id(name), { ...who(name, unitName), programCode, line: programCode, year: 2026 });

const post = async (sub: string, path: string, body: unknown): Promise<{ status: number; body: any }> => {
  const response = await quota.call(sub, 'POST', `/api/quota/v1/${path}`, body);
  return { status: response.statusCode, body: response.json() };
};
const get = async (sub: string, path: string): Promise<any> => (await quota.call(sub, 'GET', `/api/quota/v1/${path}`)).json();
const openPot = async (programCode: string, size: number): Promise<string> => {
  const { status, body } = await post('board', 'pots', { year: 2026, programCode, size, documentNo: 'QD-12/2026', rootUnitId: id('city') });
  expect(status).toBe(201);
  return body.id;
};
const account = async (pot: string, unitName: string): Promise<any> =>
  (await get('board', `pots/${pot}`)).accounts.find((row: any) => row.unitId === id(unitName));
const states = async (...names: string[]): Promise<string[]> =>
  Promise.all(
    names.map(async (name) => {
      const seat = await get('board', `seats/${id(name)}`);
      return seat.position === null ? seat.state : `${seat.state} ${seat.position}`;
    }),
  );

beforeAll(async () => {
  quota = await testService('quota', createQuota);
  await quota.publish([
    unit('city', null),
    unit('a', 'city'),
    unit('a1', 'a'),
    unit('b', 'city'),
    grant('board', 'board', 'city'),
    grant('board.a', 'board', 'a'),
    grant('board.past', 'board', 'city', { validTo: '2021-01-01' }),
    grant('board.to-come', 'board', 'city', { validFrom: '2999-01-01' }),
    grant('approver.a', 'approver', 'a'),
    grant('officer.b', 'officer', 'b'),
  ]);
});
afterAll(() => quota.stop());

describe('a pot', () => {
  test('is opened once for a year and program, by the board, under a document', async () => {
    await openPot('once', 10);
    const again = await post('board', 'pots', { year: 2026, programCode: 'once', size: 10, documentNo: 'QD-13', rootUnitId: id('city') });
    expect([again.status, again.body.code]).toEqual([409, 'pot-exists']);
    const stranger = await post('approver.a', 'pots', { year: 2026, programCode: 'twice', size: 10, documentNo: 'QD-13', rootUnitId: id('a') });
    expect([stranger.status, stranger.body.code]).toEqual([403, 'role-missing']);
  });

  test('is opened by no board whose grant is over or has not begun', async () => {
    const pot = { year: 2026, programCode: 'no-board', size: 10, documentNo: 'QD-13', rootUnitId: id('city') };
    for (const sub of ['board.past', 'board.to-come'])
      expect(await post(sub, 'pots', pot)).toMatchObject({ status: 403, body: { code: 'role-missing' } });
  });

  test('is divided by largest remainder with its working, and a unit divides further, never more than it holds', async () => {
    const pot = await openPot('divided', 10);
    const first = await post('board', `pots/${pot}/divisions`, {
      unitId: id('city'),
      documentNo: 'QD-14',
      division: {
        by: 'formula',
        method: 'largest-remainder',
        total: 10,
        shares: [
          { unitId: id('a'), weight: 2 },
          { unitId: id('b'), weight: 1 },
        ],
      },
    });
    expect(first.status).toBe(201);
    expect(first.body.accounts.map((row: any) => row.allotted)).toEqual([7, 3]);
    expect(first.body.working.length).toBeGreaterThan(1);
    const second = await post('approver.a', `pots/${pot}/divisions`, {
      unitId: id('a'),
      documentNo: 'QD-15',
      division: { by: 'hand', shares: [{ unitId: id('a1'), change: 8 }] },
    });
    expect([second.status, second.body.code]).toEqual([409, 'not-enough-free']);
    const third = await post('approver.a', `pots/${pot}/divisions`, {
      unitId: id('a'),
      documentNo: 'QD-15',
      division: { by: 'hand', shares: [{ unitId: id('a1'), change: 5 }] },
    });
    expect([third.status, third.body.account.free]).toEqual([201, 2]);
    const foreign = await post('approver.a', `pots/${pot}/divisions`, {
      unitId: id('b'),
      documentNo: 'QD-16',
      division: { by: 'hand', shares: [{ unitId: id('b'), change: 1 }] },
    });
    expect([foreign.status, foreign.body.code]).toEqual([404, 'account-unknown']);
  });
});

describe('a seat', () => {
  test('is held, queued in order, promoted on a withdrawal and confirmed on admission', async () => {
    const pot = await openPot('queue', 2);
    await quota.publish([request('q1', 'a', 'queue'), request('q2', 'a1', 'queue'), request('q3', 'b', 'queue'), request('q4', 'a', 'queue')]);
    expect(await states('q1', 'q2', 'q3', 'q4')).toEqual(['held', 'held', 'queued 1', 'queued 2']);
    await quota.publish([admission('q1', 'a', 'queue'), withdrawal('q2', 'a1')]);
    expect(await states('q1', 'q2', 'q3', 'q4')).toEqual(['confirmed', 'released', 'held', 'queued 1']);
    expect(await account(pot, 'city')).toMatchObject({ held: 1, confirmed: 1, queued: 1, free: 0 });
    expect((await get('board', `seats/${id('q3')}`)).because.map((step: any) => step.event)).toEqual(['seat-queued', 'seat-promoted']);
  });

  test('goes to nobody after a withdrawal that came before its request', async () => {
    const pot = await openPot('early', 1);
    await quota.publish([withdrawal('e1', 'a'), request('e1', 'a', 'early')]);
    expect(await states('e1')).toEqual(['released']);
    expect(await account(pot, 'city')).toMatchObject({ held: 0, free: 1 });
  });

  test('is refused with the reason where there is no pot', async () => {
    await quota.publish([request('n1', 'a', 'no-such-program')]);
    expect(await get('board', `seats/${id('n1')}`)).toMatchObject({ state: 'refused', reason: 'no-pot' });
  });

  test('of a unit that is not known yet waits for the unit, and is not parked', async () => {
    await openPot('too-early', 1);
    const asked = quota.publish([request('t1', 'new', 'too-early')]);
    // Its group has tried for as long as it does before it tells the bus to offer the same again.
    await eventually(() => expect(quota.logged.filter((line) => /nothing committed|event parked/.test(line))).not.toEqual([]), { withinMs: 20_000 });
    await quota.publish([unit('new', 'city')]);
    await asked;
    expect(await states('t1')).toEqual(['held']);
    expect((await quota.service.pool.query('select 1 from messaging.parked')).rowCount).toBe(0);
  });

  test('is claimed at the door by the board over the unit, and by no other', async () => {
    await openPot('claimed', 2);
    const claim = (unitName: string) => ({ enrollmentId: uuidv7(), unitId: id(unitName), year: 2026, programCode: 'claimed' });
    expect(await post('board.a', 'seats', claim('b'))).toMatchObject({ status: 403, body: { code: 'out-of-scope' } });
    expect(await post('board.a', 'seats', claim('a1'))).toMatchObject({ status: 201, body: { state: 'held' } });
  });

  test('does not exist for who may not read its unit', async () => {
    const [hidden, unknown] = await Promise.all([id('q1'), uuidv7()].map((seat) => get('officer.b', `seats/${seat}`)));
    expect([hidden.code, hidden.status]).toEqual(['seat-unknown', 404]);
    expect({ ...hidden, correlationId: '' }).toEqual({ ...unknown, correlationId: '' });
  });
});

test('a grant in a role of a later release gives no right and is not parked', async () => {
  // A list is read in scope under a grant in any role.
  const data = { grantId: id('grant-to-come'), sub: 'inspector', role: 'inspector', unitId: id('city'), validFrom: '2020-01-01', validTo: null };
  const tomorrows = { ...grantIssued, told: z.any() };
  await quota.publish([told(tomorrows, id('grant-to-come'), { ...data, documentNo: 'QD-1' } as never)]);
  expect((await quota.service.pool.query(`select role from directory.granted where sub = 'inspector'`)).rows).toEqual([]);
  expect((await quota.call('inspector', 'GET', '/api/quota/v1/pots?year=2026')).statusCode).toBe(403);
  expect((await quota.service.pool.query('select 1 from messaging.parked')).rowCount).toBe(0);
});

test('a key belongs to one account and one address', async () => {
  const ask = async (sub: string, path: string, body: unknown): Promise<number> =>
    (await quota.call(sub, 'POST', `/api/quota/v1/${path}`, body, { 'idempotency-key': 'the-same' })).statusCode;
  const claim = () => ({ enrollmentId: uuidv7(), unitId: id('a'), year: 2026, programCode: 'keyed' });
  const pot = { year: 2026, programCode: 'keyed', size: 2, documentNo: 'QD-13', rootUnitId: id('city') };
  expect([await ask('board', 'pots', pot), await ask('board', 'seats', claim()), await ask('board.a', 'seats', claim())]).toEqual([201, 201, 201]);
  expect(await ask('board', 'seats', claim())).toBe(422);
});

test('the service does not start on a database that may lose what it acknowledged', async () => {
  const url = new URL(quota.config.databaseUrl);
  url.searchParams.set('options', '-c synchronous_commit=off');
  const { ownerDatabaseUrl: _, ...config } = quota.config;
  const log = createLogger('quota', { write: () => undefined });
  const second = await createQuota({ config: { ...config, databaseUrl: url.href.replaceAll('+', '%20') }, bus: embeddedBus({ log }), log });
  try {
    await expect(second.start()).rejects.toThrow('synchronous_commit=off');
  } finally {
    await second.stop();
  }
});

describe('500 seats under 2,000 claims at once', () => {
  const rush = async (programCode: string): Promise<{ held: number; queued: number; numbers: number; account: any }> => {
    const pot = await openPot(programCode, 500);
    const claims = Array.from({ length: 2_000 }, () => ({ enrollmentId: uuidv7(), unitId: id('a'), year: 2026, programCode }));
    const answers = await Promise.all(claims.map((claim) => post('board', 'seats', claim)));
    const { rows } = await quota.service.pool.query(
      `select queue_no from quota.seat where program_code = $1 and state = 'queued' order by queue_no`,
      [programCode],
    );
    const count = (state: string): number => answers.filter((answer) => answer.body.state === state).length;
    return {
      held: count('held'),
      queued: count('queued'),
      numbers: rows.filter((row, place) => row.queue_no === place + 1).length,
      account: await account(pot, 'city'),
    };
  };

  test('500 are held, none is oversold, the rest wait in order', async () => {
    expect(await rush('rush')).toMatchObject({
      held: 500,
      queued: 1_500,
      numbers: 1_500,
      account: { allotted: 500, held: 500, free: 0, queued: 1_500 },
    });
  });

  test('are oversold with the row lock taken out', async () => {
    const query = pg.Client.prototype.query;
    // Every statement of the service as it is, but for its row locks.
    pg.Client.prototype.query = function unlocked(this: pg.Client, config: any, ...rest: any[]): any {
      const locks = typeof config?.text === 'string' && config.text.includes(' for update');
      return (query as any).call(
        this,
        locks ? { ...config, name: config.name && `${config.name}-unlocked`, text: config.text.replaceAll(' for update', '') } : config,
        ...rest,
      );
    } as typeof query;
    try {
      expect((await rush('unlocked')).held).toBeGreaterThan(500);
    } finally {
      pg.Client.prototype.query = query;
    }
  });
});

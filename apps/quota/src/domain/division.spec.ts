import { unitTable } from '@khue/contracts/units';
import { describe, expect, it } from 'vitest';
import type { DividePot } from './division.ts';
import { grantFor } from './division.ts';
import { account, as, board, divide, openPot, play, playIn, played, release, request, told } from './ledger.fixture.ts';
import { decide, initial } from './ledger.ts';
import type { Ledger } from './records.ts';
import { free } from './records.ts';

const formula = (total: number, weights: Readonly<Record<string, number>>): DividePot['division'] => ({
  by: 'formula',
  method: 'largest-remainder',
  total,
  shares: Object.entries(weights).map(([unitId, weight]) => ({ unitId, accountId: `acc-${unitId}`, weight })),
});
const refusal = (command: Parameters<typeof decide>[0], ledger: Ledger, who = board): unknown => {
  const decision = decide(command, who, ledger);
  return decision.accepted ? decision : [decision.code, decision.field, decision.params];
};

describe('opening a pot', () => {
  it('puts the whole size on the root unit’s account', () => {
    const ledger = initial();
    expect(play(ledger, openPot(879)).map((event) => [event.type, event.version])).toEqual([
      ['PotOpened', 1],
      ['AccountAllotted', 1],
    ]);
    expect(account(ledger, 'city')).toMatchObject({ allotted: 879, parentAccountId: null, passedOn: 0, version: 1 });
  });

  it('is for the board over the root unit, with a document, once for a year and a program', () => {
    expect(refusal(openPot(1), initial(), as('approver', 'city'))).toEqual(['out-of-scope', 'rootUnitId', undefined]);
    expect(refusal(openPot(1), initial(), as('board', 'd1'))).toEqual(['out-of-scope', 'rootUnitId', undefined]);
    expect(refusal(openPot(1), initial(), { ...board, grants: [] })).toEqual(['out-of-scope', 'rootUnitId', undefined]);
    expect(refusal(openPot(1, { rootUnitId: 'new' }), initial())).toEqual(['unit-not-known-yet', 'rootUnitId', undefined]);
    expect(refusal(openPot(1, { documentNo: ' ' }), initial())).toEqual(['document-missing', 'documentNo', undefined]);
    for (const size of [0, -1, 1.5]) expect(refusal(openPot(size), initial())).toEqual(['size-invalid', 'size', undefined]);
    expect(refusal(openPot(1, { potId: 'second' }), played(openPot(1)))).toEqual(['pot-exists', undefined, { year: 2026, programCode: 'CC' }]);
    expect(refusal(openPot(1, { potId: 'second', year: 2027 }), played(openPot(1)))).toMatchObject({ accepted: true });
  });
});

describe('dividing an account', () => {
  it('passes seats on, and a unit divides further what it holds', () => {
    const ledger = played(openPot(10), divide('city', { d1: 6, d2: 3 }), divide('d1', { c11: 4 }));
    expect(['city', 'd1', 'd2', 'c11'].map((unitId) => free(account(ledger, unitId)))).toEqual([1, 2, 3, 4]);
    expect(account(ledger, 'c11')).toMatchObject({ parentAccountId: 'acc-d1', allotted: 4, version: 1 });
  });

  it('by formula says what the units hold afterwards: again up, down, or nothing', () => {
    const ledger = played(openPot(20));
    expect(told(play(ledger, divide('city', formula(10, { d1: 53, d2: 24, d3: 23 }))))).toEqual(['d1 +5 = 5', 'd2 +3 = 3', 'd3 +2 = 2']);
    expect(told(play(ledger, divide('city', formula(10, { d1: 20, d2: 40, d3: 40 }))))).toEqual(['d1 -3 = 2', 'd2 +1 = 4', 'd3 +2 = 4']);
    expect(play(ledger, divide('city', formula(10, { d1: 20, d2: 40, d3: 40 })))).toEqual([]);
    expect(account(ledger, 'd1')).toMatchObject({ version: 2 });
    expect(account(ledger, 'city')).toMatchObject({ passedOn: 10, version: 1 });
  });

  it('never passes on more than is free, where seats taken back in the same division count', () => {
    const ledger = played(openPot(10), divide('city', { d1: 9 }), request('e1', 'd2'));
    expect(refusal(divide('city', { d2: 1 }), ledger)).toEqual(['not-enough-free', 'division.shares', { free: 0, asked: 1 }]);
    expect(told(play(ledger, divide('city', { d2: 2, d1: -2 })))).toEqual(['d1 -2 = 7', 'd2 +2 = 2']);
  });

  it('never leaves a unit less than it passed on, holds and confirmed', () => {
    const ledger = played(openPot(10), divide('city', { d1: 5 }), divide('d1', { c11: 2 }), request('e1', 'd1'));
    expect(refusal(divide('city', { d1: -3 }), ledger)).toEqual(['below-used', 'division.shares.0.unitId', { used: 3, asked: 2 }]);
    expect(told(play(ledger, divide('city', { d1: -2 })))).toEqual(['d1 -2 = 3']);
    expect(refusal(divide('city', { d2: -1 }), ledger)).toEqual(['below-used', 'division.shares.0.unitId', { used: 0, asked: -1 }]);
    expect(refusal(divide('city', formula(2, { d1: 1 })), ledger)).toEqual(['below-used', 'division.shares.0.unitId', { used: 3, asked: 2 }]);
  });

  it('needs a document, at least one unit, each once, and whole numbers', () => {
    const ledger = played(openPot(10), divide('city', { d1: 5 }));
    expect(refusal({ ...divide('city', { d1: 1 }), documentNo: '' }, ledger)).toEqual(['document-missing', 'documentNo', undefined]);
    expect(refusal(divide('city', {}), ledger)).toEqual(['shares-empty', 'division.shares', undefined]);
    const share = { unitId: 'd1', accountId: 'acc-d1', change: 1 };
    expect(refusal(divide('city', { by: 'hand', shares: [share, share] }), ledger)).toEqual(['share-twice', 'division.shares.1.unitId', undefined]);
    expect(refusal(divide('city', { d1: 0.5 }), ledger)).toEqual(['change-invalid', 'division.shares.0.change', undefined]);
    expect(refusal(divide('city', formula(1, { d1: 0 })), ledger)).toEqual(['weights-all-zero', 'division.shares', undefined]);
    expect(refusal(divide('d3', { c11: 1 }), ledger)).toEqual(['account-unknown', 'accountId', undefined]);
    expect(refusal({ ...divide('city', { d1: 1 }), potId: 'other' }, ledger)).toEqual(['account-unknown', 'accountId', undefined]);
  });

  it('gives only to units below that exist, each under one account', () => {
    const ledger = played(openPot(10), divide('city', { d1: 5, c12: 1 }));
    expect(refusal(divide('d1', { d2: 1 }), ledger)).toEqual(['unit-not-below', 'division.shares.0.unitId', undefined]);
    expect(refusal(divide('d1', { d1: 1 }), ledger)).toEqual(['account-elsewhere', 'division.shares.0.unitId', undefined]);
    expect(refusal(divide('d1', { c11: 1, c12: 1 }), ledger)).toEqual(['account-elsewhere', 'division.shares.1.unitId', undefined]);
    expect(refusal(divide('city', { c11: 1 }), ledger)).toEqual(['account-between', 'division.shares.0.unitId', undefined]);
    expect(refusal(divide('city', { c12: 1 }), ledger)).toMatchObject({ accepted: true });
    expect(refusal(divide('city', { d9: 1 }), ledger)).toEqual(['unit-ended', 'division.shares.0.unitId', undefined]);
    expect(refusal(divide('city', { new: 1 }), ledger)).toEqual(['unit-not-known-yet', 'division.shares.0.unitId', undefined]);
  });

  it('takes back from a unit that has ended, through every level, but gives it nothing', () => {
    const ledger = initial();
    playIn({ ...board, today: '2025-06-30' }, ledger, openPot(10), divide('city', { d9: 4 }), divide('d9', { c91: 3 }));
    expect(refusal(divide('d9', { c91: 1 }), ledger)).toEqual(['unit-ended', 'division.shares.0.unitId', undefined]);
    expect(refusal(divide('d9', { c91: -3 }), ledger, as('board', 'd1'))).toEqual(['account-unknown', 'accountId', undefined]);
    expect(told(play(ledger, divide('d9', { c91: -3 }), divide('city', { d9: -4 })))).toEqual(['c91 -3 = 0', 'd9 -4 = 0']);
  });
});

describe('who may divide', () => {
  const ledger = played(openPot(10), divide('city', { d1: 5, d2: 2 }));

  it('is the board or an approver over the account’s unit', () => {
    const command = divide('d1', { c11: 1 });
    for (const who of [board, as('board', 'd1'), as('approver', 'd1'), as('approver', 'city')]) {
      expect(refusal(command, ledger, who)).toMatchObject({ accepted: true });
      expect(grantFor(command, who, ledger)).toBe(who.grants[0]);
    }
    for (const who of [as('officer', 'd1'), as('school', 'city')])
      expect(refusal(command, ledger, who)).toEqual(['out-of-scope', 'accountId', undefined]);
    // What they may not read does not exist for them.
    for (const who of [as('approver', 'd2'), as('approver', 'c11')])
      expect(refusal(command, ledger, who)).toEqual(['account-unknown', 'accountId', undefined]);
    expect(refusal(command, ledger, { ...board, today: '2019-12-31' })).toEqual(['account-unknown', 'accountId', undefined]);
    expect(refusal(command, ledger, { ...board, units: unitTable([]) })).toEqual(['unit-not-known-yet', 'accountId', undefined]);
  });

  it('is the unit itself when it gives back what it holds, and for nothing else', () => {
    const approver = as('approver', 'd1');
    expect(refusal(divide('city', { d1: -2 }), ledger, approver)).toMatchObject({ accepted: true, events: [{ change: -2, allotted: 3 }] });
    expect(grantFor(divide('city', { d1: -2 }), approver, ledger)).toBe(approver.grants[0]);
    for (const changes of [{ d1: 1 }, { d1: 0 }, { d2: -1 }, { d1: -1, d2: -1 }, { d1: -1, d3: 1 }]) {
      // What is above him he may not read.
      expect(refusal(divide('city', changes), ledger, approver)).toEqual(['account-unknown', 'accountId', undefined]);
    }
    expect(refusal(divide('city', formula(1, { d1: 1 })), ledger, approver)).toEqual(['account-unknown', 'accountId', undefined]);
  });
});

describe('queues after a division', () => {
  it('are served in order where seats are added', () => {
    const ledger = played(openPot(10), divide('city', { d1: 1 }), ...['e1', 'e2', 'e3', 'e4'].map((id) => request(id, 'd1')));
    expect(told(play(ledger, divide('city', { d1: 2 })))).toEqual(['d1 +2 = 3', 'e2 promoted at d1', 'e3 promoted at d1']);
    expect(account(ledger, 'd1')).toMatchObject({ held: 3, queueLength: 1 });
    expect(told(play(ledger, divide('city', { d1: 3 })))).toEqual(['d1 +3 = 6', 'e4 promoted at d1']);
  });

  it('are served above where seats are given back', () => {
    const ledger = played(openPot(3), divide('city', { d1: 3 }), request('e1', 'd2'), request('e2', 'd2'));
    expect(told(play(ledger, divide('city', { d1: -1 })))).toEqual(['d1 -1 = 2', 'e1 promoted at city']);
    expect(account(ledger, 'city')).toMatchObject({ held: 1, queueLength: 1, passedOn: 2 });
  });

  it('follow a unit that now holds seats itself: its own waiting first, the rest goes on waiting there in order', () => {
    const ledger = played(
      openPot(6),
      divide('city', { d1: 6 }),
      ...['a1', 'b1', 'a2', 'a3', 'b2', 'a4'].map((id) => request(id, id.startsWith('a') ? 'c21' : 'd3')),
    );
    expect(told(play(ledger, divide('city', { d1: -3, d2: 2 })))).toEqual([
      'd1 -3 = 3',
      'd2 +2 = 2',
      'a1 promoted at d2',
      'a2 promoted at d2',
      'b1 promoted at city',
      'a3 queued 1 at d2',
      'a4 queued 2 at d2',
    ]);
    expect(account(ledger, 'city')).toMatchObject({ held: 1, queueLength: 1 });
    expect(account(ledger, 'd2')).toMatchObject({ held: 2, queueLength: 2, nextQueueNo: 3 });
    expect(ledger.seats.get('a3')).toMatchObject({ state: 'queued', accountId: 'acc-d2', queueNo: 1, version: 2 });
    expect(told(play(ledger, request('a5', 'c21'), release('a1'), release('b1')))).toEqual([
      'a5 queued 3 at d2',
      'a1 released, was held',
      'a3 promoted at d2',
      'b1 released, was held',
      'b2 promoted at city',
    ]);
  });

  it('follow the nearest of two units that get accounts in one division', () => {
    const ledger = played(openPot(1), request('e1', 'd3'), request('e2', 'c11'), request('e3', 'c12'));
    expect(told(play(ledger, divide('city', { d1: 0, c11: 0 })))).toEqual(['d1 +0 = 0', 'c11 +0 = 0', 'e2 queued 1 at c11', 'e3 queued 1 at d1']);
  });

  it('that are loaded too short stop the batch instead of letting somebody overtake', () => {
    const full = played(openPot(1), request('e1', 'd1'), request('e2', 'd1'));
    const short = initial({ pots: full.pots.values(), accounts: full.accounts.values(), seats: full.seats.values() });
    expect(() => decide(release('e1'), board, short)).toThrow('0 seats of its queue are loaded, 1 are needed');
    play(short, request('e3', 'd1'));
    expect(() => decide(release('e1'), board, short)).toThrow('0 seats of its queue are loaded, 1 are needed');
  });
});

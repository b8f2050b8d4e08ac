import { describe, expect, it } from 'vitest';
import { account, board, confirm, divide, openPot, play, playIn, played, release, request, told } from './ledger.fixture.ts';
import { decide, initial } from './ledger.ts';

describe('a request for a seat', () => {
  it('is held while the unit has a free seat, then queued with its place in the line', () => {
    const ledger = played(openPot(10), divide('city', { d1: 1 }));
    expect(told(play(ledger, request('e1', 'd1'), request('e2', 'd1'), request('e3', 'd1')))).toEqual([
      'e1 held at d1',
      'e2 queued 1 at d1',
      'e3 queued 2 at d1',
    ]);
    expect(account(ledger, 'd1')).toMatchObject({ allotted: 1, held: 1, queueLength: 2, nextQueueNo: 3 });
    expect(ledger.seats.get('e2')).toEqual({
      enrollmentId: 'e2',
      state: 'queued',
      unitId: 'd1',
      year: 2026,
      programCode: 'CC',
      potId: 'pot',
      accountId: 'acc-d1',
      reason: null,
      queueNo: 1,
      version: 1,
      because: [{ event: 'seat-queued', at: board.now }],
    });
  });

  it('goes to the account of the nearest unit above when the unit has none', () => {
    const ledger = played(openPot(10), divide('city', { d1: 5 }), divide('d1', { c11: 2 }));
    expect(told(play(ledger, request('e1', 'c11'), request('e2', 'c12'), request('e3', 'c21')))).toEqual([
      'e1 held at c11',
      'e2 held at d1',
      'e3 held at city',
    ]);
  });

  it('waits in its own unit’s queue, though the unit above has free seats', () => {
    const ledger = played(openPot(10), divide('city', { d1: 0 }));
    expect(told(play(ledger, request('e1', 'd1')))).toEqual(['e1 queued 1 at d1']);
  });

  it('of a unit that has ended uses what that unit was given, else follows its successor', () => {
    const ledger = played(openPot(10), divide('city', { d2: 3 }));
    expect(told(play(ledger, request('e1', 'c91')))).toEqual(['e1 held at d2']);
    playIn({ ...board, today: '2025-06-30' }, ledger, divide('city', { c91: 1 }));
    expect(told(play(ledger, request('e2', 'c91'), request('e3', 'c91')))).toEqual(['e2 held at c91', 'e3 queued 1 at c91']);
  });

  it('is refused with the reason where there is nothing to wait for', () => {
    expect(told(play(initial(), request('e1', 'd1')))).toEqual(['e1 refused: no-pot']);
    expect(told(play(played(openPot(3, { rootUnitId: 'd2' })), request('e1', 'd1')))).toEqual(['e1 refused: no-account']);
    expect(told(play(played(openPot(3, { closesOn: '2026-03-02' })), request('e1', 'd1')))).toEqual(['e1 refused: pot-closed']);
    expect(told(play(played(openPot(3, { closesOn: '2026-03-03' })), request('e1', 'd1')))).toEqual(['e1 held at city']);
    const ledger = played(request('e1', 'd1'));
    expect(ledger.seats.get('e1')).toMatchObject({ state: 'refused', reason: 'no-pot', unitId: 'd1', potId: null, accountId: null, version: 1 });
  });

  it('of a unit that isn’t known yet is put off, never answered with no', () => {
    expect(decide(request('e1', 'new'), board, played(openPot(3)))).toMatchObject({ accepted: false, code: 'unit-not-known-yet', field: 'unitId' });
  });

  it('that comes again has no new effect, whatever became of the first', () => {
    const ledger = played(openPot(1), request('held', 'd1'), request('queued', 'd1'), request('gone', 'd1'), release('gone'));
    for (const id of ['held', 'queued', 'gone']) expect(decide(request(id, 'd1'), board, ledger)).toEqual({ accepted: true, events: [] });
  });
});

describe('a release', () => {
  it('of a held or a confirmed seat gives it to the first in the queue in the same decision', () => {
    const ledger = played(openPot(2), ...['e1', 'e2', 'e3', 'e4', 'e5'].map((id) => request(id, 'd1')), confirm('e2'));
    expect(told(play(ledger, release('e1')))).toEqual(['e1 released, was held', 'e3 promoted at city']);
    expect(told(play(ledger, release('e2')))).toEqual(['e2 released, was confirmed', 'e4 promoted at city']);
    expect(account(ledger, 'city')).toMatchObject({ held: 2, confirmed: 0, queueLength: 1 });
    expect(ledger.seats.get('e3')).toMatchObject({
      state: 'held',
      queueNo: null,
      version: 2,
      because: [{ event: 'seat-queued' }, { event: 'seat-promoted' }],
    });
  });

  it('of a queued seat leaves the queue, and those behind move up', () => {
    const ledger = played(openPot(1), ...['e1', 'e2', 'e3'].map((id) => request(id, 'd1')));
    expect(told(play(ledger, release('e2')))).toEqual(['e2 released, was queued']);
    expect(told(play(ledger, request('e4', 'd1'), release('e1')))).toEqual(['e4 queued 2 at city', 'e1 released, was held', 'e3 promoted at city']);
    expect(ledger.seats.get('e4')).toMatchObject({ queueNo: 3 });
  });

  it('that comes before its request is kept, so that the request leaves no hold behind', () => {
    const ledger = played(openPot(1));
    expect(told(play(ledger, release('e1')))).toEqual(['e1 released, was unknown']);
    expect(play(ledger, request('e1', 'd1'))).toEqual([]);
    expect(ledger.seats.get('e1')).toMatchObject({ state: 'released', reason: 'withdrawn', unitId: null, version: 1 });
    expect(account(ledger, 'city')).toMatchObject({ held: 0 });
  });

  it('of a refused seat is recorded once, and a second release has no effect', () => {
    const ledger = played(request('e1', 'd1'));
    expect(told(play(ledger, release('e1'), release('e1')))).toEqual(['e1 released, was refused']);
    expect(ledger.seats.get('e1')).toMatchObject({ version: 2 });
  });
});

describe('a confirmation', () => {
  it('turns a held seat into a used one, once', () => {
    const ledger = played(openPot(2), request('e1', 'd1'));
    expect(told(play(ledger, confirm('e1'), confirm('e1')))).toEqual(['e1 confirmed']);
    expect(account(ledger, 'city')).toMatchObject({ held: 0, confirmed: 1 });
    expect(ledger.seats.get('e1')).toMatchObject({ state: 'confirmed', accountId: 'acc-city', version: 2 });
  });

  it('needs a held seat', () => {
    const ledger = played(openPot(1), request('e1', 'd1'), request('e2', 'd1'), release('e1'), request('e3', 'd1'));
    expect(decide(confirm('nobody'), board, ledger)).toMatchObject({ code: 'seat-unknown' });
    for (const id of ['e1', 'e3']) expect(decide(confirm(id), board, ledger)).toMatchObject({ code: 'seat-not-held' });
  });
});

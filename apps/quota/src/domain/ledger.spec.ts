import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathUp } from './scope.ts';
import type { ByFormula } from './division.ts';
import type { LedgerEvent } from './events.ts';
import { board, byHand, confirm, divide, openPot, play, release, request } from './ledger.fixture.ts';
import type { LedgerCommand } from './ledger.ts';
import { decide, evolve, initial } from './ledger.ts';
import type { Account, Ledger, Seat } from './records.ts';
import { accountFor, free } from './records.ts';

/** To replay a failure, put the seed and path that it printed here. */
const replay: { readonly seed?: number; readonly path?: string } = {};

const below = { city: ['d1', 'd2', 'd3', 'c12'], d1: ['c11', 'c12'], d2: ['c21'] } as const;
const home = ['d1', 'c11', 'c12', 'd2', 'c21', 'd3', 'city'];
const unitOf = (n: number): string => home[n % home.length] ?? 'city';

const aSeat = fc.nat(19);
const aDivision = fc.constantFrom('city' as const, 'city' as const, 'd1' as const, 'd2' as const).chain((unitId) =>
  fc.oneof(
    fc
      .uniqueArray(fc.tuple(fc.constantFrom<string>(...below[unitId]), fc.constantFrom(-3, -1, 0, 1, 1, 2, 3)), {
        minLength: 1,
        selector: ([child]) => child,
      })
      .map((changes) => divide(unitId, byHand(Object.fromEntries(changes)))),
    fc
      .tuple(
        fc.nat(6),
        fc.uniqueArray(fc.tuple(fc.constantFrom<string>(...below[unitId]), fc.nat(3)), { minLength: 1, selector: ([child]) => child }),
      )
      .map(([total, weights]) =>
        divide(unitId, {
          by: 'formula',
          method: 'sainte-lague',
          total,
          shares: weights.map(([child, weight]) => ({ unitId: child, accountId: `acc-${child}`, weight })),
        } satisfies ByFormula),
      ),
  ),
);
const aCommand: fc.Arbitrary<LedgerCommand> = fc.oneof(
  { weight: 5, arbitrary: aSeat.map((n) => request(`e${n}`, unitOf(n))) },
  { weight: 3, arbitrary: aSeat.map((n) => release(`e${n}`)) },
  { weight: 1, arbitrary: aSeat.map((n) => confirm(`e${n}`)) },
  { weight: 5, arbitrary: aDivision },
);
const aSize = fc.integer({ min: 1, max: 8 });
// Without `size` a history would be of some five commands, whatever its greatest length.
const aHistory = fc.array(aCommand, { maxLength: 60, size: 'max' });
const batches = fc.array(fc.array(aCommand, { minLength: 1, maxLength: 8, size: 'max' }), { maxLength: 12, size: 'max' });

const opened = (size: number): Ledger => {
  const ledger = initial();
  play(ledger, openPot(size));
  return ledger;
};

/** Every enrollment with a seat, in the order of first asking or releasing. */
const order = (ledger: Ledger): string[] => [...ledger.seats.keys()];
const on = (ledger: Ledger, account: Account, state: Seat['state']): Seat[] =>
  [...ledger.seats.values()].filter((seat) => seat.accountId === account.id && seat.state === state);

/** The rules that a ledger breaks; each is recounted from seats and accounts, not read from the counts under test. */
const broken = (ledger: Ledger): string[] => {
  const found: string[] = [];
  const rule = (holds: boolean, name: string): void => void (holds || found.push(name));
  const accounts = [...ledger.accounts.values()];
  let inTree = 0;
  for (const account of accounts) {
    const [held, confirmed, queued] = (['held', 'confirmed', 'queued'] as const).map((state) => on(ledger, account, state));
    const passedOn = accounts.filter((child) => child.parentAccountId === account.id).reduce((sum, child) => sum + child.allotted, 0);
    const inUse = (held?.length ?? 0) + (confirmed?.length ?? 0);
    rule(passedOn + inUse <= account.allotted, `oversold: ${account.unitId}`);
    rule(account.held === held?.length && account.confirmed === confirmed?.length && account.passedOn === passedOn, `counts: ${account.unitId}`);
    rule(account.queueLength === queued?.length, `queue length: ${account.unitId}`);
    rule(account.queueLength === 0 || free(account) === 0, `queued beside a free seat: ${account.unitId}`);
    const inLine = queued?.toSorted((a, b) => (a.queueNo ?? 0) - (b.queueNo ?? 0)).map((seat) => seat.enrollmentId) ?? [];
    const askedFirst = order(ledger).filter((id) => inLine.includes(id));
    rule(
      inLine.join() === askedFirst.join() && inLine.join() === (ledger.queues.get(account.id) ?? []).join(),
      `order of the queue: ${account.unitId}`,
    );
    rule(queued?.every((seat) => (seat.queueNo ?? Infinity) < account.nextQueueNo) === true, `queue number to be given twice: ${account.unitId}`);
    for (const seat of queued ?? [])
      rule(accountFor(ledger, 'pot', pathUp(board, seat.unitId ?? ''))?.id === account.id, `not on the own account: ${seat.enrollmentId}`);
    inTree += free(account) + inUse;
  }
  rule(inTree === ledger.pots.get('pot')?.size, 'free, held and confirmed seats of the tree are the pot');
  return found;
};

const subject = (event: LedgerEvent): string => ('enrollmentId' in event ? event.enrollmentId : 'accountId' in event ? event.accountId : event.potId);
const versionIn = (ledger: Ledger, id: string): number => (ledger.seats.get(id) ?? ledger.accounts.get(id) ?? ledger.pots.get(id))?.version ?? 0;
const shown = (ledger: Ledger): string => JSON.stringify([ledger.pots, ledger.accounts, ledger.seats, ledger.queues].map((map) => [...map]));

const apply = (ledger: Ledger, command: LedgerCommand): readonly LedgerEvent[] => {
  const decision = decide(command, board, ledger);
  const events = decision.accepted ? decision.events : [];
  for (const event of events) {
    expect(event.version).toBe(versionIn(ledger, subject(event)) + 1);
    evolve(ledger, event);
  }
  return events;
};

/** Who was promoted asked before everybody who still waits on that account. */
const expectInTurn = (ledger: Ledger, events: readonly LedgerEvent[]): void => {
  for (const event of events) {
    if (event.type !== 'SeatHeld') continue;
    const account = ledger.accounts.get(event.accountId);
    const asked = order(ledger);
    for (const seat of account ? on(ledger, account, 'queued') : [])
      expect(asked.indexOf(event.enrollmentId)).toBeLessThan(asked.indexOf(seat.enrollmentId));
  }
};

describe('whatever the order of requests, withdrawals, confirmations and divisions', () => {
  it('no account is oversold, the pot adds up, queues keep their order, and nobody waits beside a free seat', () => {
    fc.assert(
      fc.property(aSize, aHistory, (size, history) => {
        const ledger = opened(size);
        for (const command of history) {
          expectInTurn(ledger, apply(ledger, command));
          expect(broken(ledger)).toEqual([]);
        }
      }),
      { numRuns: 200, ...replay },
    );
  });

  it('a request has exactly one answer, a repeated one none, and a withdrawn enrollment never holds a seat', () => {
    fc.assert(
      fc.property(aSize, aHistory, (size, history) => {
        const ledger = opened(size);
        const known = new Set<string>();
        const withdrawn = new Set<string>();
        for (const command of history) {
          const events = apply(ledger, command);
          if (command.type === 'AllocateSeat') expect(events).toHaveLength(known.has(command.enrollmentId) ? 0 : 1);
          if (command.type === 'ReleaseSeat')
            expect(events.filter((event) => event.type === 'SeatReleased')).toHaveLength(withdrawn.has(command.enrollmentId) ? 0 : 1);
          if (command.type === 'ReleaseSeat') withdrawn.add(command.enrollmentId);
          if ('enrollmentId' in command && events.length > 0) known.add(command.enrollmentId);
          for (const id of withdrawn) expect(ledger.seats.get(id)?.state).toBe('released');
        }
      }),
      { numRuns: 100, ...replay },
    );
  });

  it('deciding changes nothing, so a refused command leaves its neighbors alone', () => {
    fc.assert(
      fc.property(aSize, aHistory, aCommand, (size, history, command) => {
        const ledger = opened(size);
        for (const before of history) apply(ledger, before);
        const state = shown(ledger);
        decide(command, board, ledger);
        expect(shown(ledger)).toBe(state);
      }),
      replay,
    );
  });

  it('a batch that loads only the heads of queues decides as if it had loaded them whole', () => {
    fc.assert(
      fc.property(aSize, batches, (size, history) => {
        const whole = opened(size);
        for (const batch of history) {
          const heads = batch.some((command) => command.type === 'DividePot')
            ? Infinity
            : batch.filter((command) => command.type === 'ReleaseSeat').length;
          const named = new Set(batch.flatMap((command) => ('enrollmentId' in command ? [command.enrollmentId] : [])));
          const part = initial({
            pots: [...whole.pots.values()],
            accounts: [...whole.accounts.values()],
            seats: [...whole.seats.values()].filter((seat) => named.has(seat.enrollmentId)),
            waiting: [...whole.queues.values()].flatMap((queue) => queue.slice(0, heads).flatMap((id) => whole.seats.get(id) ?? [])),
          });
          const events = batch.flatMap((command) => apply(part, command));
          expect(events).toEqual(batch.flatMap((command) => apply(whole, command)));
          expect([...part.accounts.values()]).toEqual([...whole.accounts.values()]);
          for (const id of named) expect(part.seats.get(id)).toEqual(whole.seats.get(id));
        }
      }),
      { numRuns: 100, ...replay },
    );
  });
});

describe('the checks above', () => {
  it('meet holds, queues, confirmations, promotions by release and by division, and queues that move', () => {
    const met = new Set<string>();
    for (const [size, history] of fc.sample(fc.tuple(aSize, aHistory), { numRuns: 200, seed: 2026 })) {
      const ledger = opened(size);
      for (const command of history) for (const event of apply(ledger, command)) met.add(`${command.type}: ${event.type}`);
    }
    expect([...met].sort()).toEqual([
      'AllocateSeat: SeatHeld',
      'AllocateSeat: SeatQueued',
      'ConfirmSeat: SeatConfirmed',
      'DividePot: AccountAllotted',
      'DividePot: SeatHeld',
      'DividePot: SeatQueued',
      'ReleaseSeat: SeatHeld',
      'ReleaseSeat: SeatReleased',
    ]);
  });

  /** As it would be without the row lock: the commands of a batch don't see each other. */
  const unlocked = (size: number, history: readonly (readonly LedgerCommand[])[]): string[] => {
    const ledger = opened(size);
    for (const batch of history) {
      const decisions = batch.map((command) => decide(command, board, ledger));
      for (const decision of decisions) if (decision.accepted) for (const event of decision.events) evolve(ledger, event);
    }
    return broken(ledger);
  };

  it.each(['oversold', 'queued beside a free seat', 'order of the queue'])(
    'would find "%s" if commands on one account did not see each other',
    (fault) => {
      const neverFound = fc.property(aSize, batches, (size, history) => !unlocked(size, history).some((name) => name.startsWith(fault)));
      expect(fc.check(neverFound, { numRuns: 300, seed: 2026, endOnFailure: true }).failed).toBe(true);
    },
  );
});

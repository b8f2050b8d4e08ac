import type { By } from '@khue/contracts/grants';
import type { Placed, SeatHeld, SeatQueued } from './events.ts';
import type { Account, Ledger, PlacedSeat } from './records.ts';
import { free, waiting } from './records.ts';
import { pathUp } from './scope.ts';

/** One unit's part of a division. */
export interface Allotting {
  readonly unitId: string;
  readonly accountId: string;
  /** Undefined: the division makes it. */
  readonly account: Account | undefined;
  readonly change: number;
  readonly allotted: number;
}

/** The members that the next event about a placed seat begins with. */
export const placedNext = (seat: PlacedSeat, at: string): Placed => {
  const { enrollmentId, unitId, year, programCode, potId, accountId, version } = seat;
  return { enrollmentId, unitId, year, programCode, potId, accountId, version: version + 1, at };
};

const promoted = (seat: PlacedSeat, accountId: string, at: string): SeatHeld => ({
  ...placedNext(seat, at),
  type: 'SeatHeld',
  accountId,
  cause: 'promoted',
});

/** The first in the queue takes the one seat that became free. */
export const turnAfterRelease = (account: Account, ledger: Ledger, at: string): readonly SeatHeld[] =>
  waiting(ledger, account, 1).map((seat) => promoted(seat, account.id, at));

/**
 * Whose turn it is after a division: units that got more promote their own queue. Who waited on the divided account, and whose unit now
 * has an account of its own, is served from that one first, as far as it reaches; then the divided account serves its queue with what it
 * kept; and who still waits goes on waiting on the nearer account, in the same order, or later claims of that unit would overtake.
 */
export const turnsAfterDivision = (divided: Account, changes: readonly Allotting[], by: By, ledger: Ledger): readonly (SeatHeld | SeatQueued)[] => {
  const at = by.now;
  const events: (SeatHeld | SeatQueued)[] = [];
  for (const { account, change } of changes) {
    if (account && change > 0) events.push(...waiting(ledger, account, change).map((seat) => promoted(seat, account.id, at)));
  }
  const made = new Map(
    changes.filter((one) => !one.account).map((one) => [one.unitId, { accountId: one.accountId, spare: one.allotted, queued: 0 }]),
  );
  let spare = changes.reduce((left, one) => left - one.change, free(divided));
  const line = waiting(ledger, divided, made.size > 0 ? divided.queueLength : spare).map((seat) => ({
    seat,
    own: made.size > 0 ? made.get(pathUp(by, seat.unitId).find((unitId) => made.has(unitId)) ?? '') : undefined,
  }));
  const stillWaiting = line.filter(({ seat, own }) => {
    if (!own || own.spare === 0) return true;
    own.spare -= 1;
    events.push(promoted(seat, own.accountId, at));
    return false;
  });
  for (const { seat, own } of stillWaiting) {
    if (spare > 0) {
      spare -= 1;
      events.push(promoted(seat, divided.id, at));
    } else if (own) {
      own.queued += 1;
      events.push({ ...placedNext(seat, at), type: 'SeatQueued', accountId: own.accountId, queueNo: own.queued, position: own.queued });
    }
  }
  return events;
};

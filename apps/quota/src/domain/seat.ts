import type { Decision } from '@khue/decider/decision';
import { accept } from '@khue/decider/decision';
import type { By } from '@khue/contracts/grants';
import type { LedgerEvent } from './events.ts';
import type { Ledger, RefusalReason } from './records.ts';
import { accountFor, free, isPlaced, potFor } from './records.ts';
import { refuse } from './refusals.ts';
import { isKnown, pathUp } from './scope.ts';
import { placedNext, turnAfterRelease } from './turn.ts';

/** Pot and account are found in the ledger: the pot of the year and program, the unit's own account in it or that of the nearest unit above. */
export interface AllocateSeat {
  readonly type: 'AllocateSeat';
  readonly enrollmentId: string;
  readonly unitId: string;
  readonly year: number;
  readonly programCode: string;
}

export interface ReleaseSeat {
  readonly type: 'ReleaseSeat';
  readonly enrollmentId: string;
  /** A code such as `withdrawn`; never free text. */
  readonly reason: string;
}

export interface ConfirmSeat {
  readonly type: 'ConfirmSeat';
  readonly enrollmentId: string;
}

/**
 * Held, queued or refused: exactly one event for an enrollment that is new here, none for one that is known; the seat in the ledger is then
 * the answer to give again. Refuses with `unit-not-known-yet` alone, which is a reason to try again later.
 */
export const allocateSeat = (command: AllocateSeat, by: By, ledger: Ledger): Decision<LedgerEvent> => {
  const { enrollmentId, unitId, year, programCode } = command;
  if (ledger.seats.has(enrollmentId)) return accept();
  const asked = { enrollmentId, unitId, year, programCode, version: 1, at: by.now };
  const refused = (reason: RefusalReason): Decision<LedgerEvent> => accept({ ...asked, type: 'SeatRefused', reason });

  const pot = potFor(ledger, year, programCode);
  if (!pot) return refused('no-pot');
  if (pot.closesOn !== null && by.today >= pot.closesOn) return refused('pot-closed');
  if (!isKnown(by, unitId)) return refuse('unit-not-known-yet', { field: 'unitId' });
  const account = accountFor(ledger, pot.id, pathUp(by, unitId));
  if (!account) return refused('no-account');
  const placed = { ...asked, potId: pot.id, accountId: account.id };
  if (free(account) > 0) return accept({ ...placed, type: 'SeatHeld', cause: 'requested' });
  return accept({ ...placed, type: 'SeatQueued', queueNo: account.nextQueueNo, position: account.queueLength + 1 });
};

/**
 * Gives a seat back, or leaves the queue; a seat that becomes free goes to the first in the queue in the same decision. A release that comes
 * before its request is recorded, so that the request finds it. Never refuses; a second release has no effect.
 */
export const releaseSeat = (command: ReleaseSeat, { now: at }: By, ledger: Ledger): Decision<LedgerEvent> => {
  const { enrollmentId, reason } = command;
  const seat = ledger.seats.get(enrollmentId);
  if (seat?.state === 'released') return accept();
  const released: LedgerEvent = {
    type: 'SeatReleased',
    enrollmentId,
    potId: seat?.potId ?? null,
    accountId: seat?.accountId ?? null,
    was: seat?.state ?? 'unknown',
    reason,
    version: (seat?.version ?? 0) + 1,
    at,
  };
  const account = seat?.state === 'held' || seat?.state === 'confirmed' ? ledger.accounts.get(seat.accountId ?? '') : undefined;
  return accept<LedgerEvent>(released, ...(account ? turnAfterRelease(account, ledger, at) : []));
};

/** The learner was admitted on a held seat. Refuses with `seat-unknown`, `seat-not-held`; confirming twice has no effect. */
export const confirmSeat = (command: ConfirmSeat, by: By, ledger: Ledger): Decision<LedgerEvent> => {
  const seat = ledger.seats.get(command.enrollmentId);
  if (!seat) return refuse('seat-unknown', { field: 'enrollmentId' });
  if (seat.state === 'confirmed') return accept();
  if (seat.state !== 'held' || !isPlaced(seat)) return refuse('seat-not-held', { field: 'enrollmentId' });
  return accept({ ...placedNext(seat, by.now), type: 'SeatConfirmed' });
};

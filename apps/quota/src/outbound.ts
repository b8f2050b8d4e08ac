import { accountAllotted, potOpened, seatConfirmed, seatHeld, seatQueued, seatRefused, seatReleased } from '@khue/contracts/events/quota';
import { tell, type Outgoing } from '@khue/contracts/envelope';
import type { LedgerEvent, Placed } from './domain/events.ts';

const placed = ({ enrollmentId, unitId, year, programCode, potId, accountId }: Placed) => ({
  enrollmentId,
  unitId,
  year,
  programCode,
  potId,
  accountId,
});

/** What quota tells the world of each of its facts. */
export const outbound = (event: LedgerEvent): readonly Outgoing[] => {
  switch (event.type) {
    case 'PotOpened': {
      const { potId, year, programCode, size, documentNo, rootUnitId } = event;
      return tell(potOpened, potId, event.version, { potId, year, programCode, size, documentNo, rootUnitId });
    }
    case 'AccountAllotted': {
      const { accountId, potId, parentAccountId, unitId, allotted, documentNo } = event;
      return tell(accountAllotted, accountId, event.version, { accountId, potId, parentAccountId, unitId, allotted, documentNo });
    }
    case 'SeatHeld':
      return tell(seatHeld, event.enrollmentId, event.version, { ...placed(event), cause: event.cause });
    case 'SeatQueued':
      return tell(seatQueued, event.enrollmentId, event.version, { ...placed(event), queueNo: event.queueNo });
    case 'SeatRefused': {
      const { enrollmentId, unitId, year, programCode, reason } = event;
      return tell(seatRefused, enrollmentId, event.version, { enrollmentId, unitId, year, programCode, reason });
    }
    case 'SeatReleased':
      return tell(seatReleased, event.enrollmentId, event.version, {
        enrollmentId: event.enrollmentId,
        potId: event.potId,
        accountId: event.accountId,
        was: event.was,
      });
    case 'SeatConfirmed':
      return tell(seatConfirmed, event.enrollmentId, event.version, placed(event));
  }
};

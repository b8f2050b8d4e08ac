import { enrollmentWithdrawn, learnerAdmitted, seatRequested } from '@khue/contracts/events/enrollment';
import { on, type Hearing } from '@khue/host/hear';
import type { LedgerCommand } from './domain/ledger.ts';

/** What quota does when enrollment speaks. */
export const heard: readonly Hearing<LedgerCommand>[] = [
  on(seatRequested, ({ enrollmentId, unitId, year, programCode }) => ({ type: 'AllocateSeat', enrollmentId, unitId, year, programCode })),
  on(learnerAdmitted, ({ enrollmentId }) => ({ type: 'ConfirmSeat', enrollmentId })),
  on(enrollmentWithdrawn, ({ enrollmentId }) => ({ type: 'ReleaseSeat', enrollmentId, reason: 'withdrawn' })),
];

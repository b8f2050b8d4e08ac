import type { By } from '@khue/contracts/grants';
import { accept, type Decision } from '@khue/decider/decision';
import { permitted } from './permission.ts';
import { classOf, hasPlace, isActive, type Enrollment, type Enrollments, type SeatWord } from './records.ts';
import { refuse } from './refusals.ts';

export interface ApproveNomination {
  readonly type: 'ApproveNomination';
  readonly enrollmentId: string;
}
export interface WithdrawEnrollment {
  readonly type: 'WithdrawEnrollment';
  readonly enrollmentId: string;
}
/** Quota said something of the seat. */
export interface NoteSeat {
  readonly type: 'NoteSeat';
  readonly enrollmentId: string;
  readonly seat: SeatWord;
  readonly seatSequence: number;
  readonly reason: string | null;
}

export interface NominationApproved {
  readonly type: 'NominationApproved';
  readonly enrollmentId: string;
  readonly by: string;
  readonly at: string;
  readonly grantId: string;
}
/** Follows the approval in the same decision: place first, then the seat is asked for. */
export interface SeatRequested {
  readonly type: 'SeatRequested';
  readonly enrollmentId: string;
}
export interface SeatNoted {
  readonly type: 'SeatNoted';
  readonly enrollmentId: string;
  readonly seat: SeatWord;
  readonly seatSequence: number;
}
export interface EnrollmentQueued {
  readonly type: 'EnrollmentQueued';
  readonly enrollmentId: string;
}
export interface LearnerAdmitted {
  readonly type: 'LearnerAdmitted';
  readonly enrollmentId: string;
}
export interface NominationTurnedDown {
  readonly type: 'NominationTurnedDown';
  readonly enrollmentId: string;
  readonly reason: string;
}
export interface EnrollmentWithdrawn {
  readonly type: 'EnrollmentWithdrawn';
  readonly enrollmentId: string;
  readonly on: string;
  readonly wasAdmitted: boolean;
  readonly grantId: string;
}
export type ApprovalEvent =
  NominationApproved | SeatRequested | SeatNoted | EnrollmentQueued | LearnerAdmitted | NominationTurnedDown | EnrollmentWithdrawn;

/** A missing official text is shown beside the answer and keeps nobody back; missing data does, until it is there and was checked. */
export const approveNomination = ({ enrollmentId }: ApproveNomination, by: By, state: Enrollments): Decision<ApprovalEvent> => {
  const found = permitted(enrollmentId, by, state, ['approver', 'board']);
  if ('code' in found) return found;
  const { row, grantId } = found;
  if (row.state !== 'nominated') return refuse('nomination-decided', { params: { state: row.state } });
  if (row.enteredBy === by.actor) return refuse('same-person');
  if (row.eligibility.verdict === 'missing-data') return refuse('eligibility-missing-data');
  if (row.eligibility.verdict === 'not-eligible') return refuse('not-eligible');
  const into = classOf(state, row);
  if (into.taken >= into.size) return refuse('class-full', { params: { size: into.size } });
  // Quota answers once: where the board claimed the seat at quota's own door before, its answer is here already.
  const told = row.seat === null ? undefined : answered({ ...row, state: 'approved' }, row.seat, null);
  return accept<ApprovalEvent>(
    { type: 'NominationApproved', enrollmentId, by: by.actor, at: by.now, grantId },
    { type: 'SeatRequested', enrollmentId },
    ...(told ? [told] : []),
  );
};

/** Also before anybody approved, and while it waits for a seat. Quota hears of it on the same topic, behind the request, and lets the seat go. */
export const withdrawEnrollment = ({ enrollmentId }: WithdrawEnrollment, by: By, state: Enrollments): Decision<ApprovalEvent> => {
  const found = permitted(enrollmentId, by, state, ['officer', 'approver', 'board']);
  if ('code' in found) return found;
  const { row, grantId } = found;
  if (!isActive(row)) return refuse('enrollment-over', { params: { state: row.state } });
  return accept({ type: 'EnrollmentWithdrawn', enrollmentId, on: by.today, wasAdmitted: row.state === 'admitted', grantId });
};

/**
 * Takes what quota said, in whatever order and however often it comes: only news count, and only an enrollment that waits moves. A seat that is held for one
 * withdrawn meanwhile needs no answer: the withdrawal is behind the request in quota's own queue and lets it go.
 */
export const noteSeat = ({ enrollmentId, seat, seatSequence, reason }: NoteSeat, state: Enrollments): Decision<ApprovalEvent> => {
  const row = state.enrollments.get(enrollmentId);
  // The board may claim a seat at quota's own door for a list kept elsewhere: such an enrollment is nobody's here.
  if (!row) return accept();
  if (seatSequence <= row.seatSequence) return accept();
  const noted: SeatNoted = { type: 'SeatNoted', enrollmentId, seat, seatSequence };
  const moved = row.state === 'approved' || row.state === 'queued' ? answered(row, seat, reason) : undefined;
  return moved ? accept<ApprovalEvent>(noted, moved) : accept(noted);
};

const answered = ({ id: enrollmentId, state }: Enrollment, seat: SeatWord, reason: string | null): ApprovalEvent | undefined => {
  switch (seat) {
    // Confirmed says that it was held: news of the holding itself may have been lost with an older backup.
    case 'held':
    case 'confirmed':
      return { type: 'LearnerAdmitted', enrollmentId };
    case 'queued':
      return state === 'queued' ? undefined : { type: 'EnrollmentQueued', enrollmentId };
    case 'refused':
      return { type: 'NominationTurnedDown', enrollmentId, reason: reason ?? 'unknown' };
    // Quota let go what nobody here took back: without a seat there is nothing to wait for.
    case 'released':
      return { type: 'NominationTurnedDown', enrollmentId, reason: 'released' };
  }
};

export const givesPlaceBack = (row: Enrollment, event: ApprovalEvent): boolean =>
  (event.type === 'EnrollmentWithdrawn' || event.type === 'NominationTurnedDown') && hasPlace(row);

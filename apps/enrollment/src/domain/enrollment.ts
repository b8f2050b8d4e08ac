import type { By } from '@khue/contracts/grants';
import type { Decision } from '@khue/decider/decision';
import {
  approveNomination,
  givesPlaceBack,
  noteSeat,
  withdrawEnrollment,
  type ApprovalEvent,
  type ApproveNomination,
  type NoteSeat,
  type WithdrawEnrollment,
} from './approval.ts';
import {
  nominateLearner,
  recheckNomination,
  waiveRule,
  type LearnerNominated,
  type NominateLearner,
  type NominationEvent,
  type RecheckNomination,
  type WaiveRule,
} from './nomination.ts';
import { activeKey, classOf, isActive, type Enrollment, type Enrollments } from './records.ts';

export type EnrollmentCommand = NominateLearner | RecheckNomination | WaiveRule | ApproveNomination | WithdrawEnrollment | NoteSeat;
export type EnrollmentEvent = NominationEvent | ApprovalEvent;

export const decideEnrollment = (command: EnrollmentCommand, by: By, state: Enrollments): Decision<EnrollmentEvent> => {
  switch (command.type) {
    case 'NominateLearner':
      return nominateLearner(command, by, state);
    case 'RecheckNomination':
      return recheckNomination(command, by, state);
    case 'WaiveRule':
      return waiveRule(command, by, state);
    case 'ApproveNomination':
      return approveNomination(command, by, state);
    case 'WithdrawEnrollment':
      return withdrawEnrollment(command, by, state);
    case 'NoteSeat':
      return noteSeat(command, state);
  }
};

/** What stays in the service; everything else is told on the bus and counts in the sequence there. */
export const untold: ReadonlySet<EnrollmentEvent['type']> = new Set<EnrollmentEvent['type']>(['SeatNoted', 'EnrollmentQueued']);

export const evolveEnrollment = (state: Enrollments, event: EnrollmentEvent): void => {
  if (event.type === 'LearnerNominated') return nominated(state, event);
  const row = state.enrollments.get(event.enrollmentId);
  if (!row) throw new Error(`the enrollment ${event.enrollmentId} is not loaded`);
  if (event.type === 'NominationApproved') take(state, row, 1);
  else if (event.type !== 'EligibilityRechecked' && event.type !== 'RuleWaived' && givesPlaceBack(row, event)) take(state, row, -1);
  put(state, { ...row, ...changeOf(row, event), version: row.version + 1, sequence: row.sequence + (untold.has(event.type) ? 0 : 1) });
};

const nominated = (state: Enrollments, event: LearnerNominated): void => {
  const { enrollmentId: id, classId, personId, unitId, eligibility, by: enteredBy, at: enteredAt, grantId } = event;
  put(state, {
    id,
    classId,
    personId,
    unitId,
    state: 'nominated',
    eligibility,
    waivers: [],
    seat: null,
    seatSequence: 0,
    reason: null,
    enteredBy,
    enteredAt,
    approvedBy: null,
    approvedAt: null,
    grantId,
    version: 1,
    sequence: 1,
  });
};

const put = (state: Enrollments, row: Enrollment): void => {
  state.enrollments.set(row.id, row);
  if (isActive(row)) state.active.set(activeKey(row), row.id);
  else if (state.active.get(activeKey(row)) === row.id) state.active.delete(activeKey(row));
};

const take = (state: Enrollments, row: Enrollment, places: number): void => {
  const into = classOf(state, row);
  state.classes.set(into.id, { ...into, taken: into.taken + places });
};

const changeOf = (row: Enrollment, event: Exclude<EnrollmentEvent, LearnerNominated>): Partial<Enrollment> => {
  switch (event.type) {
    case 'EligibilityRechecked':
      return { eligibility: event.eligibility, grantId: event.grantId };
    case 'RuleWaived':
      return { waivers: [...row.waivers, event.waiver], grantId: event.grantId };
    case 'NominationApproved':
      return { state: 'approved', approvedBy: event.by, approvedAt: event.at, grantId: event.grantId };
    case 'SeatRequested':
      return {};
    case 'SeatNoted':
      return { seat: event.seat, seatSequence: event.seatSequence };
    case 'EnrollmentQueued':
      return { state: 'queued' };
    case 'LearnerAdmitted':
      return { state: 'admitted' };
    case 'NominationTurnedDown':
      return { state: 'turned-down', reason: event.reason };
    case 'EnrollmentWithdrawn':
      return { state: 'withdrawn', grantId: event.grantId };
  }
};

import type { z } from 'zod';
import type { EventDefinition, Outgoing } from '@khue/contracts/envelope';
import {
  classOpened,
  eligibilityRechecked,
  enrollmentWithdrawn,
  learnerAdmitted,
  learnerNominated,
  nominationApproved,
  nominationTurnedDown,
  pastClassRecorded,
  pastClassRevoked,
  programPublished,
  ruleWaived,
  seatRequested,
  turnRecorded,
  turnRevoked,
} from '@khue/contracts/events/enrollment';
import type { ClassOpened } from './domain/classes.ts';
import { untold, type EnrollmentEvent } from './domain/enrollment.ts';
import type { PastTurnEvent, PastTurns } from './domain/past-turns.ts';
import type { ProgramPublished } from './domain/programs.ts';
import { classOf, openRules, type Enrollment, type Enrollments } from './domain/records.ts';

const tell = <D extends EventDefinition>(definition: D, subject: string, sequence: number, data: z.input<D['data']>): Outgoing => ({
  definition,
  subject,
  sequence,
  data,
});

export const tellProgram = ({ program }: ProgramPublished): Outgoing[] => {
  const { id, code, version, name, line, level, form, validFrom, documentNo } = program;
  return [tell(programPublished, id, 1, { programId: id, code, programVersion: version, name, line, level, form, validFrom, documentNo })];
};

export const tellClass = ({ opened }: ClassOpened): Outgoing[] => {
  const { id, code, programId, programCode, programVersion, line, hostUnitId, organizers, size, from, to } = opened;
  const told = { classId: id, code, programId, programCode, programVersion, line, hostUnitId, organizers: [...organizers], size, from, to };
  return [tell(classOpened, id, 1, told)];
};

/** The year of the intake, whose pot the seat is asked of. */
const yearOf = (state: Enrollments, row: Enrollment): number => Number(classOf(state, row).from.slice(0, 4));

export const tellEnrollment = (event: EnrollmentEvent, state: Enrollments): Outgoing[] => {
  const row = state.enrollments.get(event.enrollmentId);
  if (!row || untold.has(event.type)) return [];
  const { id: enrollmentId, classId, personId, unitId, eligibility, sequence } = row;
  const who = { enrollmentId, classId, personId, unitId };
  const judged = {
    verdict: eligibility.verdict,
    ruleSetId: eligibility.ruleSet?.id ?? null,
    ruleSetHash: eligibility.ruleSet?.hash ?? null,
    openRules: openRules(eligibility),
  };
  switch (event.type) {
    case 'LearnerNominated':
      return [tell(learnerNominated, enrollmentId, sequence, { ...who, ...judged })];
    case 'EligibilityRechecked':
      return [tell(eligibilityRechecked, enrollmentId, sequence, { enrollmentId, ...judged })];
    case 'RuleWaived': {
      const { ruleId, documentNo, date } = event.waiver;
      return [tell(ruleWaived, enrollmentId, sequence, { enrollmentId, ruleId, documentNo, on: date })];
    }
    case 'NominationApproved':
      return [tell(nominationApproved, enrollmentId, sequence, who)];
    case 'SeatRequested':
      return [
        tell(seatRequested, enrollmentId, sequence, {
          enrollmentId,
          unitId,
          programCode: classOf(state, row).programCode,
          year: yearOf(state, row),
          personId,
        }),
      ];
    case 'LearnerAdmitted': {
      const { programCode, line } = classOf(state, row);
      return [tell(learnerAdmitted, enrollmentId, sequence, { ...who, programCode, line, year: yearOf(state, row) })];
    }
    case 'NominationTurnedDown':
      return [tell(nominationTurnedDown, enrollmentId, sequence, { enrollmentId, classId, reason: event.reason })];
    case 'EnrollmentWithdrawn':
      return [tell(enrollmentWithdrawn, enrollmentId, sequence, { ...who, on: event.on, wasAdmitted: event.wasAdmitted })];
    default:
      return [];
  }
};

/** A class is told of before its turns and taken back after them: so the events come. */
export const tellPastTurn = (event: PastTurnEvent, state: PastTurns): Outgoing[] => {
  const { importId } = event;
  if (event.type === 'PastClassRecorded' || event.type === 'PastClassRevoked') {
    const past = state.classes.get(event.classId);
    if (!past) return [];
    const { id: classId, code, programCode, line, hostUnitId, from, to, sequence } = past;
    return event.type === 'PastClassRevoked'
      ? [tell(pastClassRevoked, classId, sequence, { classId, importId })]
      : [tell(pastClassRecorded, classId, sequence, { classId, code, programCode, line, hostUnitId, from, to, importId })];
  }
  const turn = state.turns.get(event.turnId);
  if (!turn) return [];
  const { id: turnId, classId, personId, unitId, documentNo, sequence } = turn;
  return event.type === 'TurnRevoked'
    ? [tell(turnRevoked, turnId, sequence, { turnId, classId, personId, unitId, importId })]
    : [tell(turnRecorded, turnId, sequence, { turnId, classId, personId, unitId, importId, documentNo })];
};

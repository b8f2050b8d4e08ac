import { z } from 'zod';
import { FORMS, LEVELS } from '../eligibility-codes.ts';
import { defineEvent } from '../envelope.ts';
import { choice, code, count, day, flag, id, publicName } from '../fields.ts';

export const enrollmentFacts = 'khue.enrollment.facts';

export const provenances = ['live', 'imported'] as const;

/** A framework program may be taught from a date on, in one version. Subject: the program's version. */
export const programPublished = defineEvent({
  type: 'enrollment.program-published',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({
    programId: id(),
    code: code(),
    programVersion: count(),
    name: publicName(),
    /** The line of the five-year report that its turns count in. */
    line: code(),
    level: choice(LEVELS).nullable(),
    form: choice(FORMS).nullable(),
    validFrom: day(),
    documentNo: code(),
    /** What is taught and marked by itself, with its periods; empty: the program is one whole. */
    modules: z.array(z.object({ code: code(), name: publicName(), periods: count() })).default([]),
    /** Of its periods a learner must attend; null: nobody said. */
    attendancePercent: count().nullable().default(null),
    /** A person may have one seat of it a year; null: as its level says. */
    oncePerYear: flag().nullable().default(null),
  }),
});

/** Learners can be sent to a class. Subject: the class. */
export const classOpened = defineEvent({
  type: 'enrollment.class-opened',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({
    classId: id(),
    code: code(),
    programId: id(),
    programCode: code(),
    line: code(),
    hostUnitId: id(),
    size: count(),
    from: day(),
    to: day(),
    /** Units that organize it beside its host. */
    organizers: z.array(id()).default([]),
    programVersion: count().default(1),
  }),
});

/** A class of the past is on record, from an import. Subject: the class. */
export const pastClassRecorded = defineEvent({
  type: 'enrollment.past-class-recorded',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ classId: id(), code: code(), programCode: code(), line: code(), hostUnitId: id(), from: day(), to: day(), importId: id() }),
});

/** A class of the past is taken back with the import that brought it. Subject: the class. */
export const pastClassRevoked = defineEvent({
  type: 'enrollment.past-class-revoked',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ classId: id(), importId: id() }),
});

/** A unit proposes a person for a class; the answer of the eligibility check is part of the fact. Subject: the enrollment. */
export const learnerNominated = defineEvent({
  type: 'enrollment.learner-nominated',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({
    enrollmentId: id(),
    classId: id(),
    personId: id(),
    unitId: id(),
    verdict: code(),
    ruleSetId: code().nullable(),
    ruleSetHash: code().nullable(),
    /** Rules that were not met, lack data or were waived: ids, never the data. */
    openRules: z.array(code()),
  }),
});

/** The check was made again, after data was completed or an exception recorded. Subject: the enrollment. */
export const eligibilityRechecked = defineEvent({
  type: 'enrollment.eligibility-rechecked',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ enrollmentId: id(), verdict: code(), ruleSetId: code().nullable(), ruleSetHash: code().nullable(), openRules: z.array(code()) }),
});

/** The competent level decided an exception from one rule, by a document. Subject: the enrollment. */
export const ruleWaived = defineEvent({
  type: 'enrollment.rule-waived',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ enrollmentId: id(), ruleId: code(), documentNo: code(), on: day() }),
});

/** Another person than the one who entered it agrees; a class place is taken. Subject: the enrollment. */
export const nominationApproved = defineEvent({
  type: 'enrollment.nomination-approved',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ enrollmentId: id(), classId: id(), personId: id(), unitId: id() }),
});

/** A seat of the year's pot is asked of quota. Subject: the enrollment, which is the seat's id too. */
export const seatRequested = defineEvent({
  type: 'enrollment.seat-requested',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({
    enrollmentId: id(),
    unitId: id(),
    programCode: code(),
    year: count(),
    /** Who is to sit there; null in requests of before this was told. */
    personId: id().nullable().default(null),
    /** Codes of what the learner fulfils that seats may be set aside for. */
    earmarks: z.array(code()).default([]),
  }),
});

/** The learner has a class place and a seat: one turn. Subject: the enrollment. */
export const learnerAdmitted = defineEvent({
  type: 'enrollment.learner-admitted',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ enrollmentId: id(), classId: id(), personId: id(), unitId: id(), programCode: code(), line: code(), year: count() }),
});

/** No seat can be had: the class place is given back. Subject: the enrollment. */
export const nominationTurnedDown = defineEvent({
  type: 'enrollment.nomination-turned-down',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ enrollmentId: id(), classId: id(), reason: code() }),
});

/** The unit takes the learner back; place and seat are given back. Subject: the enrollment. */
export const enrollmentWithdrawn = defineEvent({
  type: 'enrollment.enrollment-withdrawn',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({
    enrollmentId: id(),
    classId: id(),
    personId: id(),
    unitId: id(),
    on: day(),
    wasAdmitted: z.boolean().meta({ fieldClass: 'public' }),
  }),
});

/** A person took a class in the past: one turn, from an import. Subject: the turn. */
export const turnRecorded = defineEvent({
  type: 'enrollment.turn-recorded',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ turnId: id(), classId: id(), personId: id(), unitId: id(), importId: id(), documentNo: code() }),
});

/** A recorded turn is taken back. Subject: the turn. */
export const turnRevoked = defineEvent({
  type: 'enrollment.turn-revoked',
  version: 1,
  topic: enrollmentFacts,
  data: z.object({ turnId: id(), classId: id(), personId: id(), unitId: id(), importId: id() }),
});

export const enrollmentEvents = [
  programPublished,
  classOpened,
  pastClassRecorded,
  pastClassRevoked,
  learnerNominated,
  eligibilityRechecked,
  ruleWaived,
  nominationApproved,
  seatRequested,
  learnerAdmitted,
  nominationTurnedDown,
  enrollmentWithdrawn,
  turnRecorded,
  turnRevoked,
] as const;

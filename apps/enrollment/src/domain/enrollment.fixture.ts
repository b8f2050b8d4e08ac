import { publishedRuleSet, type PublishedRuleSet } from '@khue/contracts/eligibility';
import { type LearnerFacts } from '@khue/contracts/learner-facts';
import type { By, Grant } from '@khue/contracts/grants';
import { unitTable } from '@khue/contracts/units';
import type { Decision } from '@khue/decider/decision';
import { by, grant, unit } from '@khue/testing/city';
import rules350 from '../../rules/350-qd-tw.json' with { type: 'json' };
import type { LiveClass } from './classes.ts';
import { decideEnrollment, evolveEnrollment, type EnrollmentCommand, type EnrollmentEvent } from './enrollment.ts';
import { atKey, initialEnrollments, type Enrollment, type Enrollments, type Learner } from './records.ts';

export const q350: PublishedRuleSet = publishedRuleSet.parse({ hash: '35'.repeat(32), ruleSet: rules350 });

/** The city with the school; districts d1 (c11, c12) and d2 (c21). c9 ended in 2025: it was split into c11 and c21. c8 became c12. */
export const units = unitTable(
  [
    unit('city', null),
    unit('school', 'city'),
    unit('d1', 'city'),
    unit('d2', 'city'),
    unit('c11', 'd1'),
    unit('c12', 'd1'),
    unit('c21', 'd2'),
    unit('c9', 'd1', '2025-07-01'),
    unit('c8', 'd1', '2025-07-01'),
  ],
  [
    { fromUnitId: 'c9', toUnitId: 'c11', on: '2025-07-01' },
    { fromUnitId: 'c9', toUnitId: 'c21', on: '2025-07-01' },
    { fromUnitId: 'c8', toUnitId: 'c12', on: '2025-07-01' },
  ],
);

export const grants: readonly Grant[] = [
  grant('officer', 'd1', { sub: 'officer.d1' }),
  grant('officer', 'c12', { sub: 'officer.c12' }),
  grant('officer', 'c21', { sub: 'officer.c21' }),
  grant('officer', 'c9', { sub: 'officer.c9' }),
  grant('approver', 'd1', { sub: 'approver.d1' }),
  grant('approver', 'c21', { sub: 'approver.c21' }),
  grant('reader', 'd1', { sub: 'reader.d1' }),
  grant('lecturer', 'd1', { sub: 'lecturer.d1' }),
  grant('board', 'city'),
  grant('school', 'school'),
  grant('officer', 'd1', { sub: 'both' }),
  grant('approver', 'd1', { sub: 'both' }),
];

/** Fulfills 350-QĐ/TW for the intermediate level, as far as it was read. */
export const fit: LearnerFacts = {
  birth: '1980-05-19',
  sex: 'male',
  ethnicMinority: false,
  party: { status: 'full' },
  degree: 'university',
  post: { code: 'division-head', level: 'province' },
  planned: { confirmed: false },
  lecturer: { willTeachIntermediate: false },
  sector: 'civil',
  ratings: [
    { year: 2025, rating: 'good' },
    { year: 2024, rating: 'good' },
  ],
};
/** Too young for part-time study: that rule can be waived. */
export const young: LearnerFacts = { ...fit, birth: '2000-05-19' };
export const noRatings: LearnerFacts = { ...fit, ratings: [] };
const { ratings: _, ...unrated } = fit;
export const lacksRatings: LearnerFacts = unrated;

export const intermediate: LiveClass = {
  id: 'tc',
  code: 'K26.TC.B01',
  programId: 'p-tc',
  programCode: 'TCLLCT',
  programVersion: 1,
  line: 'intermediate-theory',
  level: 'intermediate',
  form: 'non-concentrated',
  hostUnitId: 'school',
  organizers: [],
  size: 2,
  taken: 0,
  from: '2026-04-01',
  to: '2027-03-31',
  version: 1,
};
/** Nobody is judged for it. */
export const update: LiveClass = {
  ...intermediate,
  id: 'bd',
  code: 'K26.BD.B01',
  programCode: 'CN3',
  line: 'update-group-3',
  level: null,
  form: null,
};

export const learner = (personId: string, unitId: string, facts: LearnerFacts = fit, mergedInto: string | null = null): Learner => ({
  personId,
  unitId,
  facts,
  mergedInto,
});

export const workspace = (
  learners: readonly Learner[],
  more: { enrollments?: readonly Enrollment[]; assigned?: readonly [string, string, string][]; classes?: readonly LiveClass[] } = {},
): Enrollments =>
  initialEnrollments({
    learners: new Map(learners.map((it) => [it.personId, it])),
    assigned: new Map((more.assigned ?? []).map(([from, person, to]) => [atKey(from, person), to])),
    ruleSets: [q350],
    classes: more.classes ?? [intermediate, update],
    enrollments: more.enrollments ?? [],
  });

export const as = (actor: string): By => ({ ...by(units, ...grants.filter(({ sub }) => sub === actor)), actor });
export const { today } = as('board');

export const decide = (state: Enrollments, actor: string, command: EnrollmentCommand): Decision<EnrollmentEvent> =>
  decideEnrollment(command, as(actor), state);

/** Decides and applies; a refusal is an error of the test. */
export const act = (state: Enrollments, actor: string, command: EnrollmentCommand): EnrollmentEvent[] => {
  const decision = decide(state, actor, command);
  if (!decision.accepted) throw new Error(`${command.type} refused: ${decision.code}`);
  for (const event of decision.events) evolveEnrollment(state, event);
  return [...decision.events];
};
export const codeOf = (decision: Decision<unknown>): string => (decision.accepted ? 'accepted' : decision.code);

export const nominate = (id: string, personId: string, classId = 'tc', unitId?: string): EnrollmentCommand => ({
  type: 'NominateLearner',
  enrollmentId: id,
  classId,
  personId,
  unitId,
});
export const approve = (id: string): EnrollmentCommand => ({ type: 'ApproveNomination', enrollmentId: id });
export const withdraw = (id: string): EnrollmentCommand => ({ type: 'WithdrawEnrollment', enrollmentId: id });
export const seat = (id: string, word: 'held' | 'queued' | 'refused' | 'released' | 'confirmed', seatSequence: number): EnrollmentCommand => ({
  type: 'NoteSeat',
  enrollmentId: id,
  seat: word,
  seatSequence,
  reason: word === 'refused' ? 'no-pot' : null,
});
export const stateOf = (state: Enrollments, id: string): string => state.enrollments.get(id)?.state ?? 'none';
export const takenOf = (state: Enrollments, classId = 'tc'): number => state.classes.get(classId)?.taken ?? Number.NaN;

import type { Waiver } from '@khue/contracts/eligibility';
import { existsOn, isWithin, standing } from '@khue/contracts/units';
import { accept, refuse, type Decision } from '@khue/decider/decision';
import { mayWriteAt, mayWriteRow, type Actor } from './access.ts';
import type { LiveClass } from './classes.ts';
import { canBeWaived, checkEligibility, ruleSetFor } from './eligibility.ts';
import type { Findings } from './findings.ts';
import { activeKey, assignedOf, classOf, type Enrollment, type Enrollments, type Learner } from './records.ts';

export interface NominateLearner {
  readonly type: 'NominateLearner';
  readonly enrollmentId: string;
  readonly classId: string;
  readonly personId: string;
  /** Undefined: the unit the person stands at today. */
  readonly unitId: string | undefined;
}
export interface RecheckNomination {
  readonly type: 'RecheckNomination';
  readonly enrollmentId: string;
}
export interface WaiveRule {
  readonly type: 'WaiveRule';
  readonly enrollmentId: string;
  readonly waiver: Waiver;
}

interface ByHand {
  readonly enrollmentId: string;
  readonly by: string;
  readonly at: string;
  readonly grantId: string;
}
export interface LearnerNominated extends ByHand {
  readonly type: 'LearnerNominated';
  readonly classId: string;
  readonly personId: string;
  readonly unitId: string;
  readonly eligibility: Findings;
}
export interface EligibilityRechecked extends ByHand {
  readonly type: 'EligibilityRechecked';
  readonly eligibility: Findings;
}
export interface RuleWaived extends ByHand {
  readonly type: 'RuleWaived';
  readonly waiver: Waiver;
}
export type NominationEvent = LearnerNominated | EligibilityRechecked | RuleWaived;

const officers = ['officer'] as const;

/** Under the rules in force on the day of the check; the age is that of the year of the intake. */
const judge = (state: Enrollments, on: string, into: LiveClass, { facts }: Learner, waivers: readonly Waiver[]): Findings =>
  checkEligibility(ruleSetFor(state.ruleSets, on), into.level, into.form ?? 'concentrated', Number(into.from.slice(0, 4)), facts, waivers);

/** What is not yet known here is told apart from what is not allowed: the first passes by itself. */
export const nominateLearner = (command: NominateLearner, by: Actor, state: Enrollments): Decision<LearnerNominated> => {
  const { enrollmentId, classId, personId } = command;
  const { units } = state;
  const learner = state.learners.get(personId);
  if (!learner) return refuse('person-not-known-yet', { field: 'personId' });
  if (!units.units.has(learner.unitId)) return refuse('unit-not-known-yet', { field: 'personId' });
  const { at: home, settled } = standing(units, learner.unitId, by.today, assignedOf(state, learner.unitId, personId));
  if (!settled) return refuse('unit-ended', { field: 'personId' });
  const grant = mayWriteAt(state, by, home, officers);
  if (!grant) return refuse('out-of-scope', { field: 'personId' });
  const unitId = command.unitId ?? home;
  if (!units.units.has(unitId)) return refuse('unit-not-known-yet', { field: 'unitId' });
  if (!existsOn(units, unitId, by.today)) return refuse('unit-ended', { field: 'unitId' });
  if (!mayWriteAt(state, by, unitId, officers)) return refuse('out-of-scope', { field: 'unitId' });
  if (!isWithin(units, home, unitId, by.today)) return refuse('person-of-another-unit', { field: 'unitId' });
  if (learner.mergedInto !== null) return refuse('person-merged', { field: 'personId', params: { personId: learner.mergedInto } });
  const into = state.classes.get(classId);
  if (!into) return refuse('class-unknown', { field: 'classId' });
  const twin = state.active.get(activeKey({ classId, personId }));
  if (twin !== undefined) return refuse('already-nominated', { field: 'personId', params: { enrollmentId: twin } });
  const eligibility = judge(state, by.today, into, learner, []);
  return accept({ type: 'LearnerNominated', enrollmentId, classId, personId, unitId, eligibility, by: by.actor, at: by.now, grantId: grant.id });
};

/** The nomination while nothing was decided on it, its learner, and the grant. */
const stillOpen = (
  enrollmentId: string,
  by: Actor,
  state: Enrollments,
  roles: readonly ('officer' | 'board')[],
):
  | { readonly ok: true; readonly nomination: Enrollment; readonly learner: Learner; readonly grantId: string }
  | { readonly ok: false; readonly refusal: Decision<never> } => {
  const nomination = state.enrollments.get(enrollmentId);
  if (!nomination) return { ok: false, refusal: refuse('not-found') };
  if (!state.units.units.has(nomination.unitId)) return { ok: false, refusal: refuse('unit-not-known-yet') };
  const grant = mayWriteRow(state, by, nomination.unitId, assignedOf(state, nomination.unitId, nomination.personId), roles);
  if (!grant) return { ok: false, refusal: refuse('out-of-scope') };
  if (nomination.state !== 'nominated') return { ok: false, refusal: refuse('nomination-decided', { params: { state: nomination.state } }) };
  const learner = state.learners.get(nomination.personId);
  return learner ? { ok: true, nomination, learner, grantId: grant.id } : { ok: false, refusal: refuse('person-not-known-yet') };
};

export const recheckNomination = ({ enrollmentId }: RecheckNomination, by: Actor, state: Enrollments): Decision<EligibilityRechecked> => {
  const open = stillOpen(enrollmentId, by, state, ['officer', 'board']);
  if (!open.ok) return open.refusal;
  const { nomination, learner, grantId } = open;
  const eligibility = judge(state, by.today, classOf(state, nomination), learner, nomination.waivers);
  return accept({ type: 'EligibilityRechecked', enrollmentId, eligibility, by: by.actor, at: by.now, grantId });
};

/** An exception is a record with a document number, and only for a rule whose text knows who may decide one. */
export const waiveRule = ({ enrollmentId, waiver }: WaiveRule, by: Actor, state: Enrollments): Decision<RuleWaived | EligibilityRechecked> => {
  const open = stillOpen(enrollmentId, by, state, ['board']);
  if (!open.ok) return open.refusal;
  const { nomination, learner, grantId } = open;
  const published = ruleSetFor(state.ruleSets, by.today);
  const into = classOf(state, nomination);
  const concerns = published?.ruleSet.rules.some((rule) => rule.id === waiver.ruleId && rule.level === into.level) ?? false;
  if (!published || !concerns || !canBeWaived(published, waiver.ruleId))
    return refuse('rule-not-waivable', { field: 'ruleId', params: { ruleId: waiver.ruleId } });
  if (nomination.waivers.some(({ ruleId }) => ruleId === waiver.ruleId))
    return refuse('waiver-recorded', { field: 'ruleId', params: { ruleId: waiver.ruleId } });
  const eligibility = judge(state, by.today, into, learner, [...nomination.waivers, waiver]);
  const head = { enrollmentId, by: by.actor, at: by.now, grantId };
  return accept<RuleWaived | EligibilityRechecked>({ type: 'RuleWaived', ...head, waiver }, { type: 'EligibilityRechecked', ...head, eligibility });
};

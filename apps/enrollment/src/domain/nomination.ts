import type { Waiver } from '@khue/contracts/eligibility';
import type { By } from '@khue/contracts/grants';
import { existsOn, isWithin, standing } from '@khue/contracts/units';
import { accept, type Decision, type Refused } from '@khue/decider/decision';
import { mayReadPerson, mayWriteAt } from './access.ts';
import type { LiveClass } from './classes.ts';
import { canBeWaived, checkEligibility, ruleSetFor } from './eligibility.ts';
import type { Findings } from './findings.ts';
import { permitted, type Permitted } from './permission.ts';
import { activeKey, assignedOf, classOf, type Enrollments, type Learner } from './records.ts';
import { refuse } from './refusals.ts';

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

/** Of whom the caller may not read, too: they can't be told from whom there is not. */
const unknown = refuse('person-not-known-yet', { field: 'personId' });

/** What is not yet known here is told apart from what is not allowed: the first passes by itself. */
export const nominateLearner = (command: NominateLearner, by: By, state: Enrollments): Decision<LearnerNominated> => {
  const { enrollmentId, classId, personId } = command;
  const { units } = by;
  const learner = state.learners.get(personId);
  if (!learner) return unknown;
  if (!units.units.has(learner.unitId)) return refuse('unit-not-known-yet', { field: 'personId' });
  const assigned = assignedOf(state, learner.unitId, personId);
  const { at: home, settled } = standing(units, learner.unitId, by.today, assigned);
  const grant = settled ? mayWriteAt(by, home, officers) : undefined;
  if (!grant) {
    if (!mayReadPerson(by, learner.unitId, assigned)) return unknown;
    return refuse(settled ? 'out-of-scope' : 'unit-ended', { field: 'personId' });
  }
  const unitId = command.unitId ?? home;
  if (!units.units.has(unitId)) return refuse('unit-not-known-yet', { field: 'unitId' });
  if (!existsOn(units, unitId, by.today)) return refuse('unit-ended', { field: 'unitId' });
  if (!mayWriteAt(by, unitId, officers)) return refuse('out-of-scope', { field: 'unitId' });
  if (!isWithin(units, home, unitId, by.today)) return refuse('person-of-another-unit', { field: 'unitId' });
  if (learner.mergedInto !== null) return refuse('person-merged', { field: 'personId', params: { personId: learner.mergedInto } });
  const into = state.classes.get(classId);
  if (!into) return refuse('class-unknown', { field: 'classId' });
  const twin = state.active.get(activeKey({ classId, personId }));
  if (twin !== undefined) return refuse('already-nominated', { field: 'personId', params: { enrollmentId: twin } });
  const eligibility = judge(state, by.today, into, learner, []);
  return accept({ type: 'LearnerNominated', enrollmentId, classId, personId, unitId, eligibility, by: by.actor, at: by.now, grantId: grant.id });
};

interface Open extends Permitted {
  readonly learner: Learner;
}
/** The nomination while nothing was decided on it, its learner, and the grant. */
const stillOpen = (enrollmentId: string, by: By, state: Enrollments, roles: readonly ('officer' | 'board')[]): Open | Refused => {
  const found = permitted(enrollmentId, by, state, roles);
  if ('code' in found) return found;
  const { row } = found;
  if (row.state !== 'nominated') return refuse('nomination-decided', { params: { state: row.state } });
  const learner = state.learners.get(row.personId);
  return learner ? { ...found, learner } : refuse('person-not-known-yet');
};

export const recheckNomination = ({ enrollmentId }: RecheckNomination, by: By, state: Enrollments): Decision<EligibilityRechecked> => {
  const open = stillOpen(enrollmentId, by, state, ['officer', 'board']);
  if ('code' in open) return open;
  const { row: nomination, learner, grantId } = open;
  const eligibility = judge(state, by.today, classOf(state, nomination), learner, nomination.waivers);
  return accept({ type: 'EligibilityRechecked', enrollmentId, eligibility, by: by.actor, at: by.now, grantId });
};

/** An exception is a record with a document number, and only for a rule whose text knows who may decide one. */
export const waiveRule = ({ enrollmentId, waiver }: WaiveRule, by: By, state: Enrollments): Decision<RuleWaived | EligibilityRechecked> => {
  const open = stillOpen(enrollmentId, by, state, ['board']);
  if ('code' in open) return open;
  const { row: nomination, learner, grantId } = open;
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

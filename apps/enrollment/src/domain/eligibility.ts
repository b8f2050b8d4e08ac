import { ageIn } from '@khue/contracts/dates';
import { rankOf } from '@khue/contracts/eligibility';
import type { Alternative, CodeField, Condition, FactField, FlagField, Outcome, PublishedRuleSet, Rule, Waiver } from '@khue/contracts/eligibility';
import type { LearnerFacts } from '@khue/contracts/learner-facts';
import type { Form, Level } from '@khue/contracts/eligibility-codes';
import type { Findings, RuleFinding } from './findings.ts';

interface Finding {
  readonly outcome: Outcome;
  readonly missing: readonly FactField[];
}

const met: Finding = { outcome: 'met', missing: [] };
const notMet: Finding = { outcome: 'not-met', missing: [] };
const textMissing: Finding = { outcome: 'official-text-missing', missing: [] };
const missing = (...fields: FactField[]): Finding => ({ outcome: 'missing-data', missing: fields });
const settled = (holds: boolean): Finding => (holds ? met : notMet);

/* Missing data goes before missing text: the first can be mended by the officer, and may settle the matter. */
const ALL: readonly Outcome[] = ['not-met', 'missing-data', 'official-text-missing', 'met'];
const ANY: readonly Outcome[] = ['met', 'missing-data', 'official-text-missing', 'not-met'];

const join = (order: readonly Outcome[], findings: readonly Pick<RuleFinding, keyof Finding>[]): Finding => {
  const outcome = order.find((one) => findings.some((finding) => finding.outcome === one)) ?? order.at(-1) ?? 'missing-data';
  const lacking = outcome === 'missing-data' ? findings.flatMap((finding) => finding.missing ?? []) : [];
  return { outcome, missing: [...new Set(lacking)] };
};

interface Case {
  readonly facts: LearnerFacts;
  readonly form: Form;
  readonly intakeYear: number;
}

/* Two ratings for one year contradict each other: which one holds is not known. */
const ratingOf = ({ facts, intakeYear }: Case, yearsBefore: number): string | undefined => {
  const found = new Set(facts.ratings?.filter(({ year }) => year === intakeYear - yearsBefore).map(({ rating }) => rating));
  return found.size === 1 ? [...found][0] : undefined;
};

const codeOf = (one: Case, field: CodeField): string | null | undefined => {
  const { facts } = one;
  switch (field) {
    case 'degree':
      return facts.degree;
    case 'party.status':
      return facts.party?.status;
    case 'postRequires':
      return facts.postRequires;
    case 'ratings.year-1':
      return ratingOf(one, 1);
    case 'ratings.year-2':
      return ratingOf(one, 2);
    case 'post.code':
      return facts.post?.code;
    case 'post.level':
      return facts.post?.level;
    case 'grade.code':
      return facts.grade?.code;
    case 'sector':
      return facts.sector;
    case 'sex':
      return facts.sex;
  }
};

const flagOf = (facts: LearnerFacts, field: FlagField): boolean | null | undefined => {
  switch (field) {
    case 'ethnicMinority':
      return facts.ethnicMinority;
    case 'planned.confirmed':
      return facts.planned?.confirmed;
    case 'grade.inPool':
      return facts.grade?.inPool;
    case 'lecturer.politicalTheory':
      return facts.lecturer?.politicalTheory;
    case 'lecturer.willTeachIntermediate':
      return facts.lecturer?.willTeachIntermediate;
  }
};

/* By calendar year: intake year minus year of birth, so everybody born in one year comes of age together. */
const judgeAge = ({ facts, form, intakeYear }: Case, rule: Extract<Condition, { kind: 'age-at-least' }>): Finding => {
  if (form !== rule.form) return met;
  if (facts.birth == null) return facts.sex == null ? missing('birth', 'sex') : missing('birth');
  const age = ageIn(intakeYear, facts.birth);
  if (facts.sex != null) return settled(age >= rule[facts.sex]);
  if (age >= Math.max(rule.female, rule.male)) return met;
  return age < Math.min(rule.female, rule.male) ? notMet : missing('sex');
};

/* What was read says "full years" but not up to which day. A count that any day of the intake year would give is certain; the year in between is not. */
const judgeFullYears = (since: string | null | undefined, intakeYear: number, atLeast: number): Finding => {
  if (since == null) return missing('grade.since');
  const years = intakeYear - Number(since.slice(0, 4));
  if (years === atLeast && !since.endsWith('-01-01')) return textMissing;
  return settled(years >= atLeast);
};

const judge = (condition: Condition, one: Case): Finding => {
  switch (condition.kind) {
    case 'and':
      return join(
        ALL,
        condition.of.map((part) => judge(part, one)),
      );
    case 'or':
      return join(
        ANY,
        condition.of.map((part) => judge(part, one)),
      );
    case 'at-least': {
      const value = codeOf(one, condition.field);
      return value == null ? missing(condition.field) : settled(rankOf(condition.field, value) >= rankOf(condition.field, condition.value));
    }
    case 'in': {
      const value = codeOf(one, condition.field);
      return value == null ? missing(condition.field) : settled(condition.values.includes(value));
    }
    case 'is': {
      const value = flagOf(one.facts, condition.field);
      return value == null ? missing(condition.field) : settled(value === condition.value);
    }
    case 'compare': {
      const value = one.facts.lecturer?.fullYears;
      if (value == null) return missing(condition.field);
      return settled(condition.op === '=' ? value === condition.value : condition.op === '>=' ? value >= condition.value : value <= condition.value);
    }
    case 'full-years':
      return judgeFullYears(one.facts.grade?.since, one.intakeYear, condition.atLeast);
    case 'age-at-least':
      return judgeAge(one, condition);
    case 'text-missing':
      return textMissing;
  }
};

/* A row that was not read can't be met, and nobody is asked for data on its account; it only keeps "not met" from being said to those it may concern. */
const judgeUnread = (condition: Condition, one: Case): Finding => (judge(condition, one).outcome === 'not-met' ? notMet : textMissing);

const lacking = ({ missing }: Finding): Pick<RuleFinding, 'missing'> => (missing.length > 0 ? { missing } : {});
const ofRule = ({ id }: Rule, finding: Finding): RuleFinding => ({ ruleId: id, partOf: null, outcome: finding.outcome, ...lacking(finding) });
const ofRow = ({ id }: Alternative, finding: Finding): RuleFinding => ({ ruleId: id, outcome: finding.outcome, ...lacking(finding) });

const judgeRule = (rule: Rule, one: Case): readonly RuleFinding[] => {
  switch (rule.kind) {
    case 'must':
      return [ofRule(rule, judge(rule.condition, one))];
    case 'unread':
      return [ofRule(rule, textMissing)];
    case 'must-one-of': {
      const rows = rule.alternatives.map((row) => ({
        row,
        finding: row.confidence === 'unsure' ? judgeUnread(row.condition, one) : judge(row.condition, one),
      }));
      const findings = rows.map(({ finding }) => finding);
      return [ofRule(rule, join(ANY, findings)), ...rows.map(({ row, finding }) => ofRow(row, finding))];
    }
  }
};

const waive = (result: RuleFinding, rule: Rule, waivers: readonly Waiver[]): RuleFinding => {
  if (rule.kind === 'unread' || rule.waiver === null || result.partOf !== null || result.outcome === 'met') return result;
  const record = waivers.find(({ ruleId }) => ruleId === result.ruleId);
  return record ? { ...result, waivedBy: { documentNo: record.documentNo, date: record.date } } : result;
};

const without = (verdict: Findings['verdict'], reason: Findings['reason']): Findings => ({ verdict, reason, ruleSet: null, results: [] });

/**
 * Judges a learner for one level and form. `level` is null for programs that have none (knowledge updates, retraining): nothing is asked.
 * A level without rules in force is never taken for eligible. Waivers count only where the published rule knows who may decide them.
 */
export const checkEligibility = (
  published: PublishedRuleSet | null,
  level: Level | null,
  form: Form,
  intakeYear: number,
  facts: LearnerFacts,
  waivers: readonly Waiver[],
): Findings => {
  if (level === null) return without('eligible', 'no-eligibility-rule');
  const rules = published?.ruleSet.rules.filter((rule) => rule.level === level) ?? [];
  if (published === null || rules.length === 0) return without('official-text-missing', 'no-rule-set-in-force');
  const results = rules.flatMap((rule) => judgeRule(rule, { facts, form, intakeYear }).map((result) => waive(result, rule, waivers)));
  const deciding = results.filter(({ partOf, waivedBy }) => partOf === null && waivedBy === undefined);
  /* Where what was read of a text shows no such rule, an answer does not rest on it; it is named, and stops there. */
  const notSeen = new Set(rules.filter((rule) => rule.kind === 'unread' && rule.reading === 'not-seen').map(({ id }) => id));
  const { outcome } = join(
    ALL,
    deciding.filter(({ ruleId }) => !notSeen.has(ruleId)),
  );
  const { id, version } = published.ruleSet;
  return {
    verdict: outcome === 'met' ? 'eligible' : outcome === 'not-met' ? 'not-eligible' : outcome,
    reason: null,
    ruleSet: { id, version, hash: published.hash },
    results,
  };
};

/** Whether the rules let a competent level decide an exception for this rule; a waiver for any other is refused where it is recorded. */
export const canBeWaived = ({ ruleSet }: PublishedRuleSet, ruleId: string): boolean =>
  ruleSet.rules.some((rule) => rule.id === ruleId && rule.kind !== 'unread' && rule.waiver !== null);

/**
 * The rule set valid on a business date, or null. Of the versions of one rule set only the highest counts, for a correction replaces what
 * it corrects; where two rule sets overlap, the one that began last.
 */
export const ruleSetFor = (published: readonly PublishedRuleSet[], date: string): PublishedRuleSet | null => {
  const current = published.filter(
    ({ ruleSet }) => !published.some((other) => other.ruleSet.id === ruleSet.id && other.ruleSet.version > ruleSet.version),
  );
  const valid = current.filter(({ ruleSet: { validFrom, validTo } }) => validFrom.date <= date && (validTo === null || date < validTo.date));
  const newestFirst = valid.toSorted(({ ruleSet: a }, { ruleSet: b }) =>
    a.validFrom.date < b.validFrom.date ? 1 : a.validFrom.date > b.validFrom.date ? -1 : 0,
  );
  return newestFirst[0] ?? null;
};

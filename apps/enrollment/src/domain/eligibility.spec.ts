import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { canonicalJson } from '@khue/contracts/canonical-json';
import { eligibilityAnswer, OFFICIAL_TEXT_MISSING, publishedRuleSet, ruleSet } from '@khue/contracts/eligibility';
import { learnerFacts } from '@khue/contracts/learner-facts';
import { FORMS, LEVELS } from '@khue/contracts/eligibility-codes';
import type { EligibilityAnswer, PublishedRuleSet, RuleResult, Waiver } from '@khue/contracts/eligibility';
import type { LearnerFacts } from '@khue/contracts/learner-facts';
import type { Form, Level } from '@khue/contracts/eligibility-codes';
import rules350 from '../../rules/350-qd-tw.json' with { type: 'json' };
import rules57 from '../../rules/57-qd-tw.json' with { type: 'json' };
import { canBeWaived, checkEligibility, ruleSetFor } from './eligibility.ts';
import { worded, wordingOf } from './findings.ts';

const q57: PublishedRuleSet = publishedRuleSet.parse({ hash: '57'.repeat(32), ruleSet: rules57 });
const q350: PublishedRuleSet = publishedRuleSet.parse({ hash: '35'.repeat(32), ruleSet: rules350 });

const head: LearnerFacts = {
  birth: '1975-06-30',
  sex: 'male',
  ethnicMinority: false,
  party: { status: 'full', since: '2005-02-03' },
  degree: 'university',
  post: { code: 'division-head', level: 'province' },
  planned: { confirmed: false },
  grade: { code: 'other', since: '2010-01-01', inPool: false },
  postRequires: 'none',
  lecturer: { politicalTheory: false, fullYears: 0, willTeachIntermediate: false },
  ratings: [
    { year: 2025, rating: 'good' },
    { year: 2024, rating: 'excellent' },
    { year: 2023, rating: 'good' },
    { year: 2022, rating: 'good' },
  ],
  levelsHeld: [],
  sector: 'civil',
};
const deputy: LearnerFacts = { ...head, post: { code: 'division-deputy-head', level: 'province' } };
const nobody: LearnerFacts = { ...head, post: { code: 'other' } };

const check = (
  set: PublishedRuleSet,
  level: Level,
  year: number,
  facts: LearnerFacts,
  form: Form = 'non-concentrated',
  waivers: Waiver[] = [],
): EligibilityAnswer => eligibilityAnswer.parse(worded(checkEligibility(set, level, form, year, facts, waivers), wordingOf(set.ruleSet)));
const find = (answer: EligibilityAnswer, id: string): RuleResult => {
  const found = answer.results.find(({ ruleId }) => ruleId === id);
  if (!found) throw new Error(`no result of ${id}`);
  return found;
};

describe('57-QĐ/TW', () => {
  test.each<[string, Level, number, LearnerFacts, Form, string, RuleResult['outcome']]>([
    ['elementary: lower secondary suffices', 'elementary', 2024, { degree: 'lower-secondary' }, 'concentrated', 'SC.DEGREE', 'met'],
    ['elementary: less does not', 'elementary', 2024, { degree: 'none' }, 'concentrated', 'SC.DEGREE', 'not-met'],
    ['intermediate: a probationary Party member may', 'intermediate', 2024, { party: { status: 'probationary' } }, 'concentrated', 'TC.PARTY', 'met'],
    ['intermediate: outside the Party not', 'intermediate', 2024, { party: { status: 'none' } }, 'concentrated', 'TC.PARTY', 'not-met'],
    ['intermediate: college suffices', 'intermediate', 2024, { degree: 'college' }, 'concentrated', 'TC.DEGREE', 'met'],
    [
      'intermediate: upper secondary suffices for an ethnic minority',
      'intermediate',
      2024,
      { degree: 'upper-secondary', ethnicMinority: true },
      'concentrated',
      'TC.DEGREE',
      'met',
    ],
    [
      'intermediate: upper secondary does not for others',
      'intermediate',
      2024,
      { degree: 'upper-secondary', ethnicMinority: false },
      'concentrated',
      'TC.DEGREE',
      'not-met',
    ],
    [
      'intermediate: lower secondary does not for an ethnic minority',
      'intermediate',
      2024,
      { degree: 'lower-secondary', ethnicMinority: true },
      'concentrated',
      'TC.DEGREE',
      'not-met',
    ],
    ['intermediate: a man of 35', 'intermediate', 2024, { birth: '1989-12-31', sex: 'male' }, 'non-concentrated', 'TC.AGE.KTT', 'met'],
    ['intermediate: a man of 34', 'intermediate', 2024, { birth: '1990-01-01', sex: 'male' }, 'non-concentrated', 'TC.AGE.KTT', 'not-met'],
    ['intermediate: a woman of 33', 'intermediate', 2024, { birth: '1991', sex: 'female' }, 'non-concentrated', 'TC.AGE.KTT', 'met'],
    ['intermediate: a woman of 32', 'intermediate', 2024, { birth: '1992', sex: 'female' }, 'non-concentrated', 'TC.AGE.KTT', 'not-met'],
    ['intermediate: the younger study concentrated', 'intermediate', 2024, { birth: '2000', sex: 'male' }, 'concentrated', 'TC.AGE.KTT', 'met'],
    ['intermediate: a deputy head of division', 'intermediate', 2024, deputy, 'concentrated', 'TC.OBJECT', 'met'],
    [
      'intermediate: a commune Party committee member',
      'intermediate',
      2024,
      { post: { code: 'base-party-committee-member', level: 'commune' } },
      'concentrated',
      'TC.OBJECT',
      'met',
    ],
    [
      'intermediate: somebody planned for such a post',
      'intermediate',
      2024,
      { ...nobody, planned: { confirmed: true } },
      'concentrated',
      'TC.OBJECT',
      'met',
    ],
    [
      'intermediate: a lecturer of political theory',
      'intermediate',
      2024,
      { ...nobody, lecturer: { politicalTheory: true } },
      'concentrated',
      'TC.OBJECT',
      'met',
    ],
    ['intermediate: none of the groups', 'intermediate', 2024, nobody, 'concentrated', 'TC.OBJECT', 'not-met'],
    [
      'intermediate: the list for the army was not read',
      'intermediate',
      2024,
      { ...nobody, sector: 'army' },
      'concentrated',
      'TC.OBJECT',
      'official-text-missing',
    ],
    ['intermediate: whether higher posts may was not read', 'intermediate', 2024, head, 'concentrated', 'TC.OBJECT', 'official-text-missing'],
    ['advanced: a full Party member', 'advanced', 2024, { party: { status: 'full' } }, 'concentrated', 'CC.PARTY', 'met'],
    ['advanced: a probationary member not yet', 'advanced', 2024, { party: { status: 'probationary' } }, 'concentrated', 'CC.PARTY', 'not-met'],
    ['advanced: university', 'advanced', 2024, { degree: 'university' }, 'concentrated', 'CC.DEGREE', 'met'],
    ['advanced: college does not suffice', 'advanced', 2024, { degree: 'college' }, 'concentrated', 'CC.DEGREE', 'not-met'],
    [
      'advanced: "Nam từ 40 tuổi (sinh năm 1984)" in 2024, whatever the day',
      'advanced',
      2024,
      { birth: '1984-12-31', sex: 'male' },
      'non-concentrated',
      'CC.AGE.KTT',
      'met',
    ],
    [
      'advanced: a man born in 1985 is 39 all through 2024',
      'advanced',
      2024,
      { birth: '1985-01-01', sex: 'male' },
      'non-concentrated',
      'CC.AGE.KTT',
      'not-met',
    ],
    ['advanced: a woman born in 1986', 'advanced', 2024, { birth: '1986', sex: 'female' }, 'non-concentrated', 'CC.AGE.KTT', 'met'],
    ['advanced: a woman born in 1987', 'advanced', 2024, { birth: '1987', sex: 'female' }, 'non-concentrated', 'CC.AGE.KTT', 'not-met'],
    ['advanced: concentrated has no age limit', 'advanced', 2024, { birth: '2001', sex: 'female' }, 'concentrated', 'CC.AGE.KTT', 'met'],
    ['advanced: a head of division', 'advanced', 2024, head, 'concentrated', 'CC.OBJECT', 'met'],
    ['advanced: a deputy head who is not planned as head', 'advanced', 2024, deputy, 'concentrated', 'CC.OBJECT', 'not-met'],
    ['advanced: a deputy head planned as head', 'advanced', 2024, { ...deputy, planned: { confirmed: true } }, 'concentrated', 'CC.OBJECT', 'met'],
    [
      'advanced: five full years of lecturing',
      'advanced',
      2024,
      { ...nobody, lecturer: { politicalTheory: true, fullYears: 5 } },
      'concentrated',
      'CC.OBJECT',
      'met',
    ],
    [
      'advanced: four full years of lecturing',
      'advanced',
      2024,
      { ...nobody, lecturer: { politicalTheory: true, fullYears: 4 } },
      'concentrated',
      'CC.OBJECT',
      'not-met',
    ],
    [
      'advanced: the list for the police was not read',
      'advanced',
      2024,
      { ...nobody, sector: 'police' },
      'concentrated',
      'CC.OBJECT',
      'official-text-missing',
    ],
  ])('%s', (_, level, year, facts, form, id, outcome) => {
    expect(find(check(q57, level, year, facts, form), id).outcome).toBe(outcome);
  });

  const graded = (code: 'specialist' | 'principal-specialist', since: string, postRequires: Level): LearnerFacts => ({
    ...nobody,
    grade: { code, since, inPool: true },
    postRequires,
  });
  test.each<[string, Level, LearnerFacts, string, RuleResult['outcome']]>([
    ['six full years whatever the day of the intake', 'intermediate', graded('specialist', '2017-12-31', 'intermediate'), 'TC.GRADE', 'met'],
    ['six years complete on the first of January', 'intermediate', graded('specialist', '2018-01-01', 'intermediate'), 'TC.GRADE', 'met'],
    [
      'six years complete in the course of the year: up to which day is not known',
      'intermediate',
      graded('specialist', '2018-03-01', 'intermediate'),
      'TC.GRADE',
      'official-text-missing',
    ],
    ['less than six years', 'intermediate', graded('specialist', '2019-01-01', 'intermediate'), 'TC.GRADE', 'not-met'],
    ['a post that does not require the level', 'intermediate', graded('specialist', '2010-01-01', 'elementary'), 'TC.GRADE', 'not-met'],
    [
      'not in the pool',
      'intermediate',
      { ...graded('specialist', '2010-01-01', 'intermediate'), grade: { code: 'specialist', since: '2010-01-01', inPool: false } },
      'TC.GRADE',
      'not-met',
    ],
    ['four full years in the senior of the two grades', 'advanced', graded('principal-specialist', '2019-05-01', 'advanced'), 'CC.GRADE', 'met'],
    ['three years of it', 'advanced', graded('principal-specialist', '2021-05-01', 'advanced'), 'CC.GRADE', 'not-met'],
  ])('grade in 2024: %s', (_, level, facts, id, outcome) => {
    expect(find(check(q57, level, 2024, facts), id).outcome).toBe(outcome);
  });

  it('finds a head of division of 40 eligible for the advanced level, and names the ratings whose text was not seen', () => {
    expect(check(q57, 'advanced', 2024, { ...head, birth: '1984' })).toMatchObject({
      verdict: 'eligible',
      reason: null,
      awaitingOfficialText: ['CC.RATING'],
    });
  });
  it('asks no rating of anybody: none was seen in what was read', () => {
    expect(check(q57, 'advanced', 2024, { ...head, ratings: [{ year: 2023, rating: 'not-completed' }] }).verdict).toBe('eligible');
  });
});

describe('350-QĐ/TW', () => {
  test.each<[string, number, LearnerFacts, Form, string, RuleResult['outcome']]>([
    ['a probationary Party member may', 2026, { party: { status: 'probationary' } }, 'concentrated', 'TC.PARTY', 'met'],
    ['outside the Party not', 2026, { party: { status: 'none' } }, 'concentrated', 'TC.PARTY', 'not-met'],
    ['college suffices', 2026, { degree: 'college' }, 'concentrated', 'TC.DEGREE', 'met'],
    [
      'upper secondary suffices for an ethnic minority',
      2026,
      { degree: 'upper-secondary', ethnicMinority: true },
      'concentrated',
      'TC.DEGREE',
      'met',
    ],
    [
      'whether it does for others was cut from what was read',
      2026,
      { degree: 'upper-secondary', ethnicMinority: false },
      'concentrated',
      'TC.DEGREE',
      'official-text-missing',
    ],
    ['lower secondary suffices for nobody', 2026, { degree: 'lower-secondary', ethnicMinority: true }, 'concentrated', 'TC.DEGREE', 'not-met'],
    ['a woman of 28', 2026, { birth: '1998-12-31', sex: 'female' }, 'non-concentrated', 'TC.AGE.KTT', 'met'],
    ['a woman of 27', 2026, { birth: '1999-01-01', sex: 'female' }, 'non-concentrated', 'TC.AGE.KTT', 'not-met'],
    ['a man of 30', 2026, { birth: '1996', sex: 'male' }, 'non-concentrated', 'TC.AGE.KTT', 'met'],
    ['a man of 29', 2026, { birth: '1997', sex: 'male' }, 'non-concentrated', 'TC.AGE.KTT', 'not-met'],
    ['concentrated asks no age', 2026, { birth: '2003', sex: 'male' }, 'concentrated', 'TC.AGE.KTT', 'met'],
    ['two good years just before', 2026, head, 'concentrated', 'TC.RATING', 'met'],
    [
      'a merely completed year among the two',
      2026,
      {
        ratings: [
          { year: 2025, rating: 'completed' },
          { year: 2024, rating: 'good' },
        ],
      },
      'concentrated',
      'TC.RATING',
      'not-met',
    ],
    [
      'good years that are not the last two',
      2026,
      {
        ratings: [
          { year: 2023, rating: 'good' },
          { year: 2022, rating: 'good' },
        ],
      },
      'concentrated',
      'TC.RATING',
      'missing-data',
    ],
    [
      'two ratings for one year contradict each other',
      2026,
      {
        ratings: [
          { year: 2025, rating: 'good' },
          { year: 2025, rating: 'completed' },
          { year: 2024, rating: 'good' },
        ],
      },
      'concentrated',
      'TC.RATING',
      'missing-data',
    ],
    ['a committee member of a base cell', 2026, { post: { code: 'base-party-committee-member' } }, 'concentrated', 'TC.OBJECT', 'met'],
    [
      'a deputy head of division of a commune',
      2026,
      { post: { code: 'division-deputy-head', level: 'commune' } },
      'concentrated',
      'TC.OBJECT',
      'met',
    ],
    ['a lecturer who will teach the program', 2026, { ...nobody, lecturer: { willTeachIntermediate: true } }, 'concentrated', 'TC.OBJECT', 'met'],
    [
      'a lecturer who will not',
      2026,
      { ...nobody, lecturer: { politicalTheory: true, willTeachIntermediate: false } },
      'concentrated',
      'TC.OBJECT',
      'not-met',
    ],
    [
      'a deputy head of commune police',
      2026,
      { ...nobody, sector: 'police', post: { code: 'commune-police-deputy-head' } },
      'concentrated',
      'TC.OBJECT',
      'met',
    ],
    [
      'another post in the police: the list was read in part',
      2026,
      { ...nobody, sector: 'police' },
      'concentrated',
      'TC.OBJECT',
      'official-text-missing',
    ],
    [
      'a post that requires the level: years in grade were not seen',
      2026,
      { ...nobody, postRequires: 'intermediate' },
      'concentrated',
      'TC.OBJECT',
      'official-text-missing',
    ],
    ['none of the groups', 2026, nobody, 'concentrated', 'TC.OBJECT', 'not-met'],
  ])('intermediate: %s', (_, year, facts, form, id, outcome) => {
    expect(find(check(q350, 'intermediate', year, facts, form), id).outcome).toBe(outcome);
  });

  it('says in both languages what the rule asks', () => {
    const { vi, en } = find(check(q350, 'intermediate', 2026, {}), 'TC.PARTY');
    expect([vi, en]).toEqual([
      'Trung cấp: đảng viên chính thức hoặc dự bị (350-QĐ/TW).',
      'Intermediate level: full or probationary Party member (350-QĐ/TW).',
    ]);
  });
  it('finds a deputy head of division with two good years eligible for the intermediate level, with nothing left open', () => {
    expect(check(q350, 'intermediate', 2026, deputy)).toMatchObject({ verdict: 'eligible', awaitingOfficialText: [] });
  });
  it('rests every advanced answer on texts that were not read, so says that instead of eligible', () => {
    const answer = check(q350, 'advanced', 2026, head);
    expect(answer).toMatchObject({ verdict: 'official-text-missing', awaitingOfficialText: ['CC.PARTY', 'CC.DEGREE', 'CC.AGE.KTT', 'CC.RATING'] });
    expect(find(answer, 'CC.OBJECT').outcome).toBe('met');
  });
  it('never blocks on an unread rule: no age, degree or Party status makes an advanced nomination not eligible', () => {
    const young: LearnerFacts = {
      ...head,
      birth: '2004',
      degree: 'none',
      party: { status: 'none' },
      ratings: [{ year: 2025, rating: 'not-completed' }],
    };
    expect(check(q350, 'advanced', 2026, young).verdict).toBe('official-text-missing');
  });
  it('does refuse the advanced level to somebody outside the groups that were read', () => {
    expect(check(q350, 'advanced', 2026, nobody).verdict).toBe('not-eligible');
  });
});

describe('missing data', () => {
  it('is its own answer and names the fields', () => {
    const answer = check(q350, 'intermediate', 2026, { ...deputy, birth: null, ratings: [{ year: 2025, rating: 'good' }] });
    expect(answer.verdict).toBe('missing-data');
    expect(find(answer, 'TC.AGE.KTT').missing).toEqual(['birth']);
    expect(find(answer, 'TC.RATING').missing).toEqual(['ratings.year-2']);
  });
  it('does not hide a rule that is broken already', () => {
    expect(check(q350, 'intermediate', 2026, { party: { status: 'none' } }).verdict).toBe('not-eligible');
  });
  it('is not asked for where the rest decides: one bad year, an old enough learner of unknown sex, college without the ethnic group', () => {
    const answer = check(q350, 'intermediate', 2026, { birth: '1996', degree: 'college', ratings: [{ year: 2025, rating: 'completed' }] });
    expect(['TC.RATING', 'TC.AGE.KTT', 'TC.DEGREE'].map((id) => find(answer, id).outcome)).toEqual(['not-met', 'met', 'met']);
  });
  it('asks for the sex only between the two ages', () => {
    expect([1999, 1998, 1997, 1996].map((year) => find(check(q350, 'intermediate', 2026, { birth: `${year}` }), 'TC.AGE.KTT').outcome)).toEqual([
      'not-met',
      'missing-data',
      'missing-data',
      'met',
    ]);
  });
  it('among groups: met if any is met, missing if none is met and one may be', () => {
    expect(find(check(q57, 'intermediate', 2024, { planned: { confirmed: true } }), 'TC.OBJECT').outcome).toBe('met');
    const open = find(check(q57, 'intermediate', 2024, { ...nobody, planned: null }), 'TC.OBJECT');
    expect([open.outcome, open.missing]).toEqual(['missing-data', ['planned.confirmed']]);
  });
  it('is never asked for on account of a rule that was not read', () => {
    expect(find(check(q350, 'advanced', 2026, {}), 'CC.LECTURER')).toMatchObject({ outcome: 'official-text-missing', missing: [] });
  });
});

describe('waivers', () => {
  const waiver: Waiver = { ruleId: 'TC.AGE.KTT', documentNo: '12-QĐ/BTC', date: '2026-01-15', by: 'Ban Tổ chức Thành ủy' };
  const young: LearnerFacts = { ...deputy, birth: '2000' };
  it('carry a rule that the text lets the competent level except, and the outcome stays as judged', () => {
    const answer = check(q350, 'intermediate', 2026, young, 'non-concentrated', [waiver]);
    expect(answer.verdict).toBe('eligible');
    expect(find(answer, 'TC.AGE.KTT')).toMatchObject({ outcome: 'not-met', waivedBy: { documentNo: '12-QĐ/BTC', date: '2026-01-15' } });
    expect(check(q350, 'intermediate', 2026, young).verdict).toBe('not-eligible');
  });
  it('carry it also when the data is missing', () => {
    expect(check(q350, 'intermediate', 2026, { ...deputy, birth: null }, 'non-concentrated', [waiver]).verdict).toBe('eligible');
  });
  it('do nothing for the same rule of a text that knows no exception', () => {
    const answer = check(q57, 'intermediate', 2024, young, 'non-concentrated', [waiver]);
    expect([answer.verdict, find(answer, 'TC.AGE.KTT').waivedBy]).toEqual(['not-eligible', undefined]);
    expect([canBeWaived(q57, 'TC.AGE.KTT'), canBeWaived(q350, 'TC.AGE.KTT'), canBeWaived(q350, 'TC.PARTY'), canBeWaived(q350, 'CC.AGE.KTT')]).toEqual(
      [false, true, false, false],
    );
  });
  it('do nothing for another rule', () => {
    expect(
      check(q350, 'intermediate', 2026, { ...deputy, party: { status: 'none' } }, 'non-concentrated', [waiver, { ...waiver, ruleId: 'TC.PARTY' }])
        .verdict,
    ).toBe('not-eligible');
  });
  it('leave a level eligible whose only rule they carry', () => {
    const only = { ...q350, ruleSet: { ...q350.ruleSet, rules: q350.ruleSet.rules.filter(({ id }) => id === 'TC.AGE.KTT') } };
    expect(check(only, 'intermediate', 2026, young, 'non-concentrated', [waiver]).verdict).toBe('eligible');
  });
  it('are not mentioned where the rule is met anyway', () => {
    expect(find(check(q350, 'intermediate', 2026, deputy, 'non-concentrated', [waiver]), 'TC.AGE.KTT').waivedBy).toBeUndefined();
  });
});

describe('the rule set of a date', () => {
  it('changes on 29/08/2025', () => {
    expect(
      ['2022-02-07', '2022-02-08', '2025-08-28', '2025-08-29', '2026-11-22'].map((date) => ruleSetFor([q350, q57], date)?.ruleSet.id ?? null),
    ).toEqual([null, '57-qd-tw', '57-qd-tw', '350-qd-tw', '350-qd-tw']);
  });
  it('ends the day before validTo', () => {
    expect([ruleSetFor([q57], '2025-08-28'), ruleSetFor([q57], '2025-08-29')]).toEqual([q57, null]);
  });
  it('is the corrected version, also where the correction shortens the validity', () => {
    const shorter = { ...q57, ruleSet: { ...q57.ruleSet, version: 2, validTo: { date: '2025-07-01', confidence: 'confirmed' as const } } };
    expect(ruleSetFor([shorter, q57], '2024-01-01')?.ruleSet.version).toBe(2);
    expect(ruleSetFor([q57, shorter], '2025-08-01')).toBeNull();
  });
  it('is, where two overlap, the one that began last', () => {
    const longer = { ...q57, ruleSet: { ...q57.ruleSet, validTo: null } };
    expect(ruleSetFor([q350, longer], '2026-01-01')).toBe(q350);
    expect(ruleSetFor([longer, q350], '2026-01-01')).toBe(q350);
  });
  it('is named in the answer with its version and hash', () => {
    expect(check(q350, 'intermediate', 2026, deputy).ruleSet).toEqual({ id: '350-qd-tw', version: 1, hash: q350.hash });
  });
  it('is not needed for a program without a level, and never replaced by "eligible" for one that has a level', () => {
    expect(checkEligibility(q350, null, 'concentrated', 2026, {}, [])).toMatchObject({
      verdict: 'eligible',
      reason: 'no-eligibility-rule',
      results: [],
    });
    expect(checkEligibility(null, 'advanced', 'concentrated', 2026, head, [])).toMatchObject({
      verdict: 'official-text-missing',
      reason: 'no-rule-set-in-force',
    });
  });
});

describe('publishing', () => {
  type Draft = Record<string, unknown>;
  const withRule = (change: (rule: Draft) => Draft, index = 1): string[] => {
    const rules = q350.ruleSet.rules.map((rule, at) => (at === index ? change(structuredClone(rule) as Draft) : rule));
    return ruleSet.safeParse({ ...q350.ruleSet, rules }).error?.issues.map((issue) => issue.path.join('.')) ?? [];
  };
  test.each<[string, (rule: Draft) => Draft, number, string]>([
    [
      'a predicate of an unknown kind',
      (rule) => ({ ...rule, condition: { kind: 'and', of: [{ kind: 'text-missing' }, { kind: 'script', code: 'true' }] } }),
      1,
      'rules.1.condition.of.1.kind',
    ],
    ['a fact that nobody records', (rule) => ({ ...rule, condition: { kind: 'is', field: 'religious', value: true } }), 1, 'rules.1.condition.field'],
    [
      'a value off the scale',
      (rule) => ({ ...rule, condition: { kind: 'at-least', field: 'degree', value: 'wizard' } }),
      1,
      'rules.1.condition.value',
    ],
    [
      'a code that the field does not have',
      (rule) => ({ ...rule, condition: { kind: 'in', field: 'sex', values: ['male', 'x'] } }),
      1,
      'rules.1.condition.values.1',
    ],
    ['a predicate with a member too many', (rule) => ({ ...rule, condition: { kind: 'text-missing', unless: true } }), 1, 'rules.1.condition'],
    [
      'conditions nested without end',
      (rule) => ({ ...rule, condition: [1, 2, 3, 4].reduce<unknown>((of) => ({ kind: 'or', of: [of] }), { kind: 'text-missing' }) }),
      1,
      'rules.1.condition.of.0.of.0.of.0.kind',
    ],
    ['an unread part under the label confirmed', (rule) => ({ ...rule, condition: { kind: 'text-missing' } }), 1, 'rules.1.confidence'],
    [
      'a condition on a rule that nobody has read',
      (rule) => ({ ...rule, condition: { kind: 'at-least', field: 'degree', value: 'university' } }),
      7,
      'rules.7',
    ],
    [
      'an unread rule that does not say so',
      (rule) => ({ ...rule, text: { vi: 'Đại học (350-QĐ/TW): thiếu văn bản gốc.', en: 'University (350-QĐ/TW).' } }),
      7,
      'rules.7.text.en',
    ],
    [
      'a rule that does not name its document',
      (rule) => ({ ...rule, text: { vi: 'Đảng viên (350-QĐ/TW).', en: 'Party member.' } }),
      1,
      'rules.1.text.en',
    ],
    [
      'a confirmed rule that was read nowhere',
      (rule) => ({ ...rule, source: { document: '350-QĐ/TW', paragraph: null, readIn: [] } }),
      1,
      'rules.1.source.readIn',
    ],
    [
      'a source that is not listed',
      (rule) => ({ ...rule, source: { document: '350-QĐ/TW', paragraph: null, readIn: ['S99'] } }),
      1,
      'rules.1.source.readIn.0',
    ],
    ['an id used twice', (rule) => ({ ...rule, id: 'TC.PARTY' }), 2, 'rules.2.id'],
  ])('refuses %s, with the path', (_, change, index, path) => {
    expect(withRule(change, index)).toContain(path);
  });
  it('refuses a join with a member too many: a misspelled exception must not fall away in silence', () => {
    expect(
      withRule((rule) => ({ ...rule, condition: { kind: 'or', of: [{ kind: 'is', field: 'ethnicMinority', value: true }], unless: [] } })),
    ).toContain('rules.1.condition');
  });
  it('refuses a validity that ends before it begins', () => {
    expect(ruleSet.safeParse({ ...q57.ruleSet, validTo: { date: '2022-02-08', confidence: 'unsure' } }).error?.issues[0]?.path).toEqual([
      'validTo',
      'date',
    ]);
  });
  it('gives one canonical text to one rule set, whatever the order of its members', () => {
    const reversed = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(reversed)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .reverse()
                .map(([key, member]) => [key, reversed(member)]),
            )
          : value;
    expect(canonicalJson(reversed(rules57))).toBe(canonicalJson(rules57));
    expect(canonicalJson({ b: [1, null, 'ệ"'], a: undefined, A: true })).toBe('{"A":true,"b":[1,null,"ệ\\""]}');
    for (const odd of [Number.NaN, 1n, new Date(0), [undefined], new Map()]) expect(() => canonicalJson(odd)).toThrow(TypeError);
  });
  it('ships every rule as it was parsed: nothing is normalized away under the hash', () => {
    expect(canonicalJson(q57.ruleSet)).toBe(canonicalJson(rules57));
    expect(canonicalJson(q350.ruleSet)).toBe(canonicalJson(rules350));
  });
});

/* Facts with every leaf absent in some cases; years and dates lie around the thresholds. */
const SECRET = 'HO-SO-RIENG';
const shape = learnerFacts.shape;
const values = (schema: { unwrap: () => { unwrap: () => unknown } }): string[] => [...(schema.unwrap().unwrap() as { options: string[] }).options];
const day = fc.tuple(fc.integer({ min: 2015, max: 2024 }), fc.constantFrom('01-01', '06-15', '12-31')).map(([year, rest]) => `${year}-${rest}`);
const part = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] });
const factsOf: fc.Arbitrary<LearnerFacts> = fc
  .record(
    {
      birth: fc.integer({ min: 1980, max: 2000 }).map(String),
      sex: fc.constantFrom('male', 'female'),
      ethnicMinority: fc.boolean(),
      party: part({ status: fc.constantFrom('none', 'probationary', 'full') }),
      degree: fc.constantFrom(...values(shape.degree)),
      post: part({
        code: fc.constantFrom('other', 'division-head', 'division-deputy-head', 'base-party-committee-member', 'mass-body-head'),
        level: fc.constantFrom('commune', 'province'),
      }),
      planned: part({ confirmed: fc.boolean(), documentNo: fc.constant(SECRET), by: fc.constant(SECRET) }),
      grade: part({ code: fc.constantFrom('specialist', 'principal-specialist', 'senior-specialist', 'other'), since: day, inPool: fc.boolean() }),
      postRequires: fc.constantFrom(...values(shape.postRequires)),
      lecturer: part({ politicalTheory: fc.boolean(), fullYears: fc.integer({ min: 0, max: 9 }), willTeachIntermediate: fc.boolean() }),
      ratings: fc.uniqueArray(
        fc.record({ year: fc.integer({ min: 2022, max: 2025 }), rating: fc.constantFrom('not-completed', 'completed', 'good', 'excellent') }),
        { selector: ({ year }) => year },
      ),
      sector: fc.constantFrom('civil', 'army', 'police', 'enterprise'),
    },
    { requiredKeys: [] },
  )
  .map((facts) => learnerFacts.parse(facts));
const caseOf = fc.record({
  set: fc.constantFrom(q57, q350),
  level: fc.constantFrom(...LEVELS),
  form: fc.constantFrom(...FORMS),
  year: fc.constantFrom(2024, 2025, 2026),
  facts: fc.oneof(factsOf, fc.constantFrom(head, deputy)),
});

const mostlyKept = fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) });
/* Takes leaves away by a list of coin tosses; what is left is the same person, known less well. */
const lessKnown = (facts: LearnerFacts, tosses: readonly boolean[]): LearnerFacts => {
  let at = 0;
  const keep = (): boolean => tosses[at++ % tosses.length] ?? true;
  const thin = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter(keep);
    return typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .filter(keep)
            .map(([key, member]) => [key, thin(member)]),
        )
      : value;
  };
  return learnerFacts.parse(thin(facts));
};

describe('for every learner', () => {
  it('adding a missing fact keeps what was met or not met, and never turns eligible or not-eligible into missing data', () => {
    fc.assert(
      fc.property(caseOf, fc.array(mostlyKept, { minLength: 5, maxLength: 29 }), ({ set, level, form, year, facts }, tosses) => {
        const before = check(set, level, year, lessKnown(facts, tosses), form);
        const after = check(set, level, year, facts, form);
        if (before.verdict === 'eligible' || before.verdict === 'not-eligible') expect(after.verdict).toBe(before.verdict);
        for (const { ruleId, outcome } of before.results)
          if (outcome === 'met' || outcome === 'not-met') expect(find(after, ruleId).outcome).toBe(outcome);
      }),
      { numRuns: 400 },
    );
  });
  it('only what was read decides: an unsure rule is never met, and alone never makes a verdict of not eligible or missing data', () => {
    fc.assert(
      fc.property(caseOf, ({ set, level, form, year, facts }) => {
        const answer = check(set, level, year, facts, form);
        const unsure = answer.results.filter(({ confidence }) => confidence === 'unsure');
        expect(unsure.filter(({ outcome }) => outcome === 'met' || outcome === 'missing-data')).toEqual([]);
        const sure = answer.results.filter(({ partOf, confidence }) => partOf === null && confidence !== 'unsure').map(({ outcome }) => outcome);
        expect(answer.verdict === 'not-eligible').toBe(sure.includes('not-met'));
        if (answer.verdict === 'missing-data') expect(sure).toContain('missing-data');
        for (const { ruleId, partOf, outcome } of answer.results) {
          if (partOf === null) expect(answer.awaitingOfficialText.includes(ruleId)).toBe(outcome === 'official-text-missing');
        }
      }),
      { numRuns: 400 },
    );
  });
  it('the texts of an answer are the published ones, with nothing of the person in them', () => {
    const published = new Set(
      [q57, q350].flatMap(({ ruleSet: { rules } }) =>
        rules.flatMap((rule) => [rule, ...(rule.kind === 'must-one-of' ? rule.alternatives : [])]).flatMap(({ text }) => [text.vi, text.en]),
      ),
    );
    fc.assert(
      fc.property(caseOf, ({ set, level, form, year, facts }) => {
        const answer = check(set, level, year, facts, form);
        for (const { vi, en, source } of answer.results) {
          expect(published.has(vi) && published.has(en) && vi.includes(source.document) && en.includes(source.document)).toBe(true);
        }
        expect(JSON.stringify(answer)).not.toContain(SECRET);
      }),
      { numRuns: 200 },
    );
  });
  it('whoever reads about a rule that was not read in full is told so in both languages', () => {
    for (const {
      ruleSet: { rules },
    } of [q57, q350]) {
      for (const { confidence, text } of rules)
        if (confidence !== 'confirmed')
          expect([text.vi, text.en]).toEqual([expect.stringContaining(OFFICIAL_TEXT_MISSING.vi), expect.stringContaining(OFFICIAL_TEXT_MISSING.en)]);
    }
  });
  it('every fact has a class, and what shows political views or origin is sensitive', () => {
    const classes = Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, schema.meta()?.['fieldClass']]));
    expect(Object.values(classes).every((one) => one === 'basic' || one === 'sensitive')).toBe(true);
    expect(classes).toMatchObject({ party: 'sensitive', ethnicMinority: 'sensitive', levelsHeld: 'sensitive', planned: 'sensitive', birth: 'basic' });
  });
});

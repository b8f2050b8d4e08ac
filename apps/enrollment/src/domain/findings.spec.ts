import { eligibilityAnswer, type EligibilityAnswer, type Waiver } from '@khue/contracts/eligibility';
import type { Level } from '@khue/contracts/eligibility-codes';
import type { LearnerFacts } from '@khue/contracts/learner-facts';
import { describe, expect, it } from 'vitest';
import { checkEligibility } from './eligibility.ts';
import { fit, lacksRatings, q350, young } from './enrollment.fixture.ts';
import { hasWords, worded, wordingOf, type Findings } from './findings.ts';
import { openRules } from './records.ts';

const wording = wordingOf(q350.ruleSet);
const waiver: Waiver = { ruleId: 'TC.AGE.KTT', documentNo: '12-QĐ/TU', date: '2026-01-05', by: 'Ban Thường vụ' };
const found = (facts: LearnerFacts, waivers: readonly Waiver[] = [], level: Level | null = 'intermediate'): Findings =>
  checkEligibility(q350, level, 'non-concentrated', 2026, facts, waivers);
const cases: readonly Findings[] = [found(fit), found(young), found(young, [waiver]), found(lacksRatings), found({}), found({}, [], 'advanced')];
/** As jsonb gives it back: the members of each object by length, then by letters. */
const fromStore = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (_, it: unknown) =>
    typeof it === 'object' && it !== null && !Array.isArray(it)
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1)))
      : it,
  ) as T;

describe('findings', () => {
  it('hold no words, and with those of their rule set are the whole answer', () => {
    for (const one of cases) {
      expect(JSON.stringify(one)).not.toMatch(/[^\p{ASCII}Đ]/u);
      expect(JSON.stringify(one).length).toBeLessThan(1_500);
      const answer = eligibilityAnswer.parse(worded(one, wording));
      expect(answer.results.map(({ ruleId }) => ruleId)).toEqual(one.results.map(({ ruleId }) => ruleId));
    }
    const [rule] = worded(found(fit), wording).results;
    expect(rule).toEqual({
      ruleId: 'TC.PARTY',
      partOf: null,
      outcome: 'met',
      source: q350.ruleSet.rules.find(({ id }) => id === 'TC.PARTY')?.source,
      confidence: 'confirmed',
      vi: q350.ruleSet.rules.find(({ id }) => id === 'TC.PARTY')?.text.vi,
      en: q350.ruleSet.rules.find(({ id }) => id === 'TC.PARTY')?.text.en,
      missing: [],
    });
  });
  it('name the rule of which a row is part, and each rule that waits for its official text', () => {
    const { results, awaitingOfficialText } = worded(found({}, [], 'advanced'), wording);
    expect(results.filter(({ partOf }) => partOf === 'CC.OBJECT').map(({ ruleId }) => ruleId)).toEqual([
      'CC.OBJECT.CIVIL',
      'CC.OBJECT.FORCES',
      'CC.OBJECT.EQUAL',
      'CC.LECTURER',
      'CC.GRADE',
    ]);
    expect(awaitingOfficialText).toEqual(
      results.filter(({ partOf, outcome }) => partOf === null && outcome === 'official-text-missing').map(({ ruleId }) => ruleId),
    );
    expect(awaitingOfficialText).toContain('CC.RATING');
  });
  it('that come back from the store are worded the same to the byte', () => {
    for (const one of cases) expect(JSON.stringify(worded(fromStore(one), wording))).toBe(JSON.stringify(worded(one, wording)));
  });
  it('show the exception that carries a rule', () => {
    const shown = worded(fromStore(found(young, [waiver])), wording).results.find(({ ruleId }) => ruleId === waiver.ruleId);
    expect(shown).toMatchObject({ outcome: 'not-met', waivedBy: { documentNo: waiver.documentNo, date: waiver.date } });
  });
  it('of a rule without words are a bug, and said to be one', () => {
    const foreign = { ...found(fit), results: [{ ruleId: 'TC.NOWHERE', outcome: 'met' as const }] };
    expect(() => worded(foreign, wording)).toThrow('TC.NOWHERE has no words');
  });
  it('leave the same rules open as the whole answer, for a version that knows only that', () => {
    for (const one of cases) {
      const answer: EligibilityAnswer = worded(one, wording);
      expect(openRules(one)).toEqual(openRules(answer));
      expect([hasWords(one), hasWords(answer)]).toEqual([false, true]);
    }
  });
});

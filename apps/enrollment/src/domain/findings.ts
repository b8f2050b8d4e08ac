import type { EligibilityAnswer, FactField, Outcome, RuleResult, RuleSet } from '@khue/contracts/eligibility';

/** What was found of one rule. Its words, source and confidence are the rule set's, and are joined when somebody reads them. */
export interface RuleFinding {
  readonly ruleId: string;
  /** Null for a rule that counts by itself; absent for a row of one, which the rule set knows. Before, it was kept with each. */
  readonly partOf?: string | null;
  readonly outcome: Outcome;
  /** Absent where nothing is missing. */
  readonly missing?: readonly FactField[];
  readonly waivedBy?: RuleResult['waivedBy'];
}

/**
 * What a check found, as it is decided, stored, and kept for a repeated key: a fifth of the answer. It has the outer shape of the answer, and a null `partOf`
 * where that has one, so that a version that knows whole answers only counts the same open rules.
 */
export interface Findings extends Pick<EligibilityAnswer, 'verdict' | 'reason' | 'ruleSet'> {
  readonly results: readonly RuleFinding[];
}

/** Findings, or what was stored while whole answers were. */
export type StoredEligibility = Findings | EligibilityAnswer;

/** What a rule set says of each of its rules and of their rows, by rule id. */
export type Wording = ReadonlyMap<string, Pick<RuleResult, 'partOf' | 'source' | 'confidence' | 'vi' | 'en'>>;

export const wordingOf = ({ rules }: RuleSet): Wording =>
  new Map(
    rules
      .flatMap((rule) => [
        { partOf: null, row: rule },
        ...(rule.kind === 'must-one-of' ? rule.alternatives.map((row) => ({ partOf: rule.id, row })) : []),
      ])
      .map(({ partOf, row: { id, source, confidence, text } }) => [id, { partOf, source, confidence, vi: text.vi, en: text.en }]),
  );

/** Whether it was stored with its words, as all were once: then it is shown as it is. */
export const hasWords = (stored: StoredEligibility): stored is EligibilityAnswer => 'awaitingOfficialText' in stored;

/** One rule's result, with its words. Throws where it has none, for findings are never of another rule set than the one they name. */
export const resultOf = ({ ruleId, outcome, missing = [], waivedBy }: RuleFinding, wording: Wording): RuleResult => {
  const words = wording.get(ruleId);
  if (!words) throw new Error(`the rule ${ruleId} has no words in the rule set that it was judged by`);
  const { partOf, source, confidence, vi, en } = words;
  const waived = waivedBy ? { waivedBy: { documentNo: waivedBy.documentNo, date: waivedBy.date } } : {};
  return { ruleId, partOf, outcome, source, confidence, vi, en, missing: [...missing], ...waived };
};

/** Rules that no answer can rest on yet, though nobody decided an exception. */
const awaiting = (results: readonly RuleFinding[]): string[] =>
  results
    .filter(({ partOf, outcome, waivedBy }) => partOf === null && waivedBy === undefined && outcome === 'official-text-missing')
    .map(({ ruleId }) => ruleId);

/** What the answer says before and behind its results, which need no words; members in one order, whatever the store made of theirs. */
export const frameOf = ({ verdict, reason, ruleSet, results }: Findings) => ({
  before: { verdict, reason, ruleSet: ruleSet && { id: ruleSet.id, version: ruleSet.version, hash: ruleSet.hash } },
  behind: { awaitingOfficialText: awaiting(results) },
});

/** The answer to findings: said again, it is the same to the byte. */
export const worded = (findings: Findings, wording: Wording): EligibilityAnswer => {
  const { before, behind } = frameOf(findings);
  return { ...before, results: findings.results.map((finding) => resultOf(finding, wording)), ...behind };
};

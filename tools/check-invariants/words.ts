import type { EligibilityAnswer, RuleResult, RuleSet } from '@khue/contracts/eligibility';
import type { Snapshot } from './snapshot.ts';

/** What enrollment keeps of a check: no words, and of a result only what was found. */
interface Found extends Pick<EligibilityAnswer, 'verdict' | 'reason' | 'ruleSet'> {
  readonly results: readonly (Pick<RuleResult, 'ruleId' | 'outcome' | 'waivedBy'> & Partial<Pick<RuleResult, 'missing'>>)[];
}

type Words = Pick<RuleResult, 'partOf' | 'source' | 'confidence' | 'vi' | 'en'>;

const wordsIn = ({ rules }: RuleSet): [string, Words][] =>
  rules.flatMap((rule): [string, Words][] => {
    const own = (
      { id, source, confidence, text }: Pick<typeof rule, 'id' | 'source' | 'confidence' | 'text'>,
      partOf: string | null,
    ): [string, Words] => [id, { partOf, source, confidence, ...text }];
    return [own(rule, null), ...(rule.kind === 'must-one-of' ? rule.alternatives.map((row) => own(row, rule.id)) : [])];
  });

const isFound = (body: unknown): body is { readonly eligibility: Found } => {
  const eligibility = (body as { readonly eligibility?: object | null } | null | undefined)?.eligibility;
  return typeof eligibility === 'object' && eligibility !== null && !('awaitingOfficialText' in eligibility);
};

/**
 * What a caller must have been answered, of what is kept of the answer: enrollment keeps findings, and the words are those of the rule set they name. Put together here by hands of
 * our own, so that a word that was lost, or is another's, is an answer that differs.
 */
export const answersOf = async (enrollment: Snapshot): Promise<(kept: unknown) => unknown> => {
  const { rows } = await enrollment.query<{ hash: string; body: RuleSet }>('select hash, body from enrollment.rule_set');
  const sets = new Map(rows.map(({ hash, body }) => [hash, new Map(wordsIn(body))]));
  const inWords = ({ verdict, reason, ruleSet, results }: Found) => {
    const words = sets.get(ruleSet?.hash ?? '');
    const worded = results.map(({ ruleId, outcome, missing = [], waivedBy }) => ({
      ruleId,
      outcome,
      missing,
      ...words?.get(ruleId),
      ...(waivedBy ? { waivedBy } : {}),
    }));
    const awaiting = worded.filter(({ partOf, outcome, waivedBy }) => partOf === null && !waivedBy && outcome === 'official-text-missing');
    return { verdict, reason, ruleSet, results: worded, awaitingOfficialText: awaiting.map(({ ruleId }) => ruleId) };
  };
  return (kept) => (isFound(kept) ? { ...kept, eligibility: inWords(kept.eligibility) } : kept);
};

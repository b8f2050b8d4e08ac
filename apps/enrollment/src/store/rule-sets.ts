import { publishedRuleSet, type EligibilityAnswer, type PublishedRuleSet } from '@khue/contracts/eligibility';
import type { Tx } from '@khue/messaging/command';
import type { Pool } from 'pg';
import { frameOf, hasWords, resultOf, worded, wordingOf, type RuleFinding, type StoredEligibility, type Wording } from '../domain/findings.ts';

/** Published rule sets, parsed once each: a version never changes, so its hash is all that has to be asked for. */
export interface RuleBook {
  /** All of them, to decide by. */
  published(tx: Tx): Promise<readonly PublishedRuleSet[]>;
  /**
   * The answer to what was found, with the words of the rule set it was found under; what was stored with its words is shown as it is. Throws where that
   * rule set is not stored: they are never deleted, so something is broken, and an answer without words would hide it.
   */
  worded(stored: StoredEligibility): Promise<EligibilityAnswer>;
  /** The same answer as JSON, to the byte. Its words are encoded once for each thing that is ever found of a rule, not once for each caller. */
  encoded(stored: StoredEligibility): Promise<Buffer>;
}

interface Known {
  readonly published: PublishedRuleSet;
  readonly wording: Wording;
  /** Results as JSON, by rule, outcome and what is missing: a handful of each rule, whoever is judged. */
  readonly said: Map<string, Buffer>;
}

export const createRuleBook = (pool: Pool): RuleBook => {
  const known = new Map<string, Known>();
  const learn = async (db: Pool | Tx, hashes: readonly string[]): Promise<void> => {
    const { rows } = await db.query<{ hash: string; body: unknown }>({
      name: 'rule-set-by-hash',
      text: 'select hash, body from enrollment.rule_set where hash = any($1)',
      values: [hashes],
    });
    for (const { hash, body } of rows) {
      const published = publishedRuleSet.parse({ hash, ruleSet: body });
      known.set(hash, { published, wording: wordingOf(published.ruleSet), said: new Map() });
    }
  };
  const find = (hash: string): Known => {
    const found = known.get(hash);
    if (!found) throw new Error(`the rule set ${hash} is not stored`);
    return found;
  };
  const findOrLearn = async (hash: string): Promise<Known> => {
    if (!known.has(hash)) await learn(pool, [hash]);
    return find(hash);
  };
  const inWords = async (stored: StoredEligibility): Promise<EligibilityAnswer> => {
    if (hasWords(stored)) return stored;
    // Nothing was asked, so there is nothing to word.
    return worded(stored, stored.ruleSet ? (await findOrLearn(stored.ruleSet.hash)).wording : new Map());
  };
  return {
    published: async (tx) => {
      const { rows } = await tx.query<{ hash: string }>({ name: 'rule-set-hashes', text: 'select hash from enrollment.rule_set' });
      const unknown = rows.map(({ hash }) => hash).filter((hash) => !known.has(hash));
      if (unknown.length > 0) await learn(tx, unknown);
      return rows.map(({ hash }) => find(hash).published);
    },
    worded: inWords,
    encoded: async (stored) => {
      if (hasWords(stored) || stored.ruleSet === null) return Buffer.from(JSON.stringify(await inWords(stored)));
      const set = await findOrLearn(stored.ruleSet.hash);
      const { before, behind } = frameOf(stored);
      const [first, ...others] = stored.results.map((finding) => say(finding, set));
      const results = first ? [first.subarray(1), ...others] : [];
      const begin = `${JSON.stringify(before).slice(0, -1)},"results":[`;
      return Buffer.concat([Buffer.from(begin), ...results, Buffer.from(`],${JSON.stringify(behind).slice(1)}`)]);
    },
  };
};

/** A result as JSON behind a comma. One with an exception is somebody's own, and is not remembered. */
const say = (finding: RuleFinding, { wording, said }: Known): Buffer => {
  const encode = (): Buffer => Buffer.from(`,${JSON.stringify(resultOf(finding, wording))}`);
  if (finding.waivedBy) return encode();
  const key = `${finding.ruleId} ${finding.outcome} ${finding.missing?.join(' ') ?? ''}`;
  const known = said.get(key) ?? encode();
  said.set(key, known);
  return known;
};

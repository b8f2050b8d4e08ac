import { publishedRuleSet, type EligibilityAnswer, type PublishedRuleSet } from '@khue/contracts/eligibility';
import type { Tx } from '@khue/messaging/command';
import type { Pool } from 'pg';
import { hasWords, worded, wordingOf, type StoredEligibility, type Wording } from '../domain/findings.ts';

/** Published rule sets, parsed once each: a version never changes, so its hash is all that has to be asked for. */
export interface RuleBook {
  /** All of them, to decide by. */
  published(tx: Tx): Promise<readonly PublishedRuleSet[]>;
  /**
   * The answer to what was found, with the words of the rule set it was found under; what was stored with its words is shown as it is. Throws where that
   * rule set is not stored: they are never deleted, so something is broken, and an answer without words would hide it.
   */
  worded(stored: StoredEligibility): Promise<EligibilityAnswer>;
}

interface Known {
  readonly published: PublishedRuleSet;
  readonly wording: Wording;
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
      known.set(hash, { published, wording: wordingOf(published.ruleSet) });
    }
  };
  const of = (hash: string): Known => {
    const found = known.get(hash);
    if (!found) throw new Error(`the rule set ${hash} is not stored`);
    return found;
  };
  return {
    published: async (tx) => {
      const { rows } = await tx.query<{ hash: string }>({ name: 'rule-set-hashes', text: 'select hash from enrollment.rule_set' });
      const unknown = rows.map(({ hash }) => hash).filter((hash) => !known.has(hash));
      if (unknown.length > 0) await learn(tx, unknown);
      return rows.map(({ hash }) => of(hash).published);
    },
    worded: async (stored) => {
      if (hasWords(stored)) return stored;
      // Nothing was asked, so there is nothing to word.
      if (stored.ruleSet === null) return worded(stored, new Map());
      const { hash } = stored.ruleSet;
      if (!known.has(hash)) await learn(pool, [hash]);
      return worded(stored, of(hash).wording);
    },
  };
};

import type { PublishedRuleSet } from '@khue/contracts/eligibility';
import type { By } from '@khue/contracts/grants';
import { accept, type Decision } from '@khue/decider/decision';
import { holds, publishers } from './access.ts';
import { refuse } from './refusals.ts';

/** The hash is made at the door, over the canonical JSON of what was published. */
export interface PublishRuleSet extends PublishedRuleSet {
  readonly type: 'PublishRuleSet';
}
export interface RuleSetPublished {
  readonly type: 'RuleSetPublished';
  readonly published: PublishedRuleSet;
  readonly at: string;
}

/** The workspace of one batch. */
export interface RuleSets {
  /** The last version of each id named, and its hash; the counter row of the id is locked. */
  readonly last: Map<string, { readonly version: number; readonly hash: string }>;
  /** By hash. */
  readonly published: Map<string, RuleSetPublished>;
}

/** A version is published once: what was decided under it names its hash for ever. The same content again is no news. */
export const decideRuleSet = ({ hash, ruleSet }: PublishRuleSet, by: By, sets: RuleSets): Decision<RuleSetPublished> => {
  if (!holds(by, publishers)) return refuse('out-of-scope');
  const last = sets.last.get(ruleSet.id);
  if (last?.version === ruleSet.version && last.hash === hash) return accept();
  if (last && ruleSet.version <= last.version) return refuse('rule-set-version-old', { field: 'version', params: { last: last.version } });
  return accept({ type: 'RuleSetPublished', published: { hash, ruleSet }, at: by.now });
};

export const evolveRuleSet = (sets: RuleSets, event: RuleSetPublished): void => {
  const { hash, ruleSet } = event.published;
  sets.last.set(ruleSet.id, { version: ruleSet.version, hash });
  sets.published.set(hash, event);
};

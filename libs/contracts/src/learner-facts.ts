import { z } from 'zod';
import { birth, businessDate } from './dates.ts';
import { DEGREES, PARTY_STATUSES, POSTS, POST_LEVELS, GRADES, REQUIRED_LEVELS, RATINGS, LEVELS, SECTORS, SEXES } from './eligibility-codes.ts';
import { text } from './text.ts';

const keys = <K extends string>(table: Record<K, unknown>) => Object.keys(table) as [K, ...K[]];

export const documentNo = text({ max: 80 });
const basic = { fieldClass: 'basic' };
const sensitive = { fieldClass: 'sensitive' };

/**
 * What is known of a learner on the day of the check. Everything may be absent, and absent is missing data, never a no.
 * The plan of cadres may be a state secret: only the confirmation by the body that keeps it enters, for the level of this nomination.
 */
export const learnerFacts = z.strictObject({
  birth: birth.nullish().meta(basic),
  sex: z.enum(SEXES).nullish().meta(basic),
  ethnicMinority: z.boolean().nullish().meta(sensitive),
  party: z
    .strictObject({ status: z.enum(PARTY_STATUSES).nullish(), since: businessDate.nullish() })
    .nullish()
    .meta(sensitive),
  degree: z.enum(DEGREES).nullish().meta(basic),
  post: z
    .strictObject({ code: z.enum(keys(POSTS)).nullish(), level: z.enum(POST_LEVELS).nullish() })
    .nullish()
    .meta(basic),
  planned: z
    .strictObject({
      confirmed: z.boolean().nullish(),
      by: text({ max: 200 }).nullish(),
      documentNo: documentNo.nullish(),
      date: businessDate.nullish(),
    })
    .nullish()
    .meta(sensitive),
  /** `inPool`: in the pool (nguồn) for the next grade, as the competent body confirms. */
  grade: z
    .strictObject({ code: z.enum(GRADES).nullish(), since: businessDate.nullish(), inPool: z.boolean().nullish() })
    .nullish()
    .meta(basic),
  /** The level that the post or grade demands of its holder. */
  postRequires: z.enum(REQUIRED_LEVELS).nullish().meta(basic),
  /** `fullYears`: of teaching political theory directly, at an academy, school or center with that task. */
  lecturer: z
    .strictObject({
      politicalTheory: z.boolean().nullish(),
      fullYears: z.int().min(0).max(60).nullish(),
      willTeachIntermediate: z.boolean().nullish(),
    })
    .nullish()
    .meta(basic),
  ratings: z
    .array(z.strictObject({ year: z.int().min(1990).max(2100), rating: z.enum(RATINGS) }))
    .max(60)
    .nullish()
    .meta(basic),
  levelsHeld: z
    .array(z.strictObject({ level: z.enum(LEVELS), documentNo: documentNo.nullish(), date: businessDate.nullish() }))
    .max(20)
    .nullish()
    .meta(sensitive),
  sector: z.enum(SECTORS).nullish().meta(basic),
});
export type LearnerFacts = z.infer<typeof learnerFacts>;

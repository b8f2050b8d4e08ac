import type { EligibilityAnswer } from '@khue/contracts/eligibility';
import { enrollmentRecord } from '@khue/contracts/http/enrollment';
import type { z } from 'zod';
import type { StoredEligibility } from '../domain/findings.ts';

type Told = z.infer<typeof enrollmentRecord>;
/** An enrollment as a command answers with it, and as it is kept for a repeated key: what was found has no words yet. */
export type KeptEnrollment = Omit<Told, 'eligibility'> & { readonly eligibility: StoredEligibility };

/** Members in the contract's order: what was kept comes back from the store in another one. */
const inOrder = Object.fromEntries(Object.keys(enrollmentRecord.shape).map((member) => [member, null]));

/** The same with the answer's words, whether it was just made or kept: said again, it is the same to the byte. */
export const toldEnrollment = (kept: KeptEnrollment, eligibility: EligibilityAnswer): Told => ({
  ...inOrder,
  ...kept,
  eligibility,
  waivers: kept.waivers.map(({ ruleId, documentNo, date, by }) => ({ ruleId, documentNo, date, by })),
});

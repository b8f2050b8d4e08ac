import type { EligibilityAnswer } from '@khue/contracts/eligibility';
import { enrollmentRecord } from '@khue/contracts/http/enrollment';
import type { z } from 'zod';
import type { KeptEnrollment } from '../views.ts';

/** Members in the contract's order: what was kept comes back from the store in another one. The last two are `eligibility` and `waivers`. */
const inOrder = Object.fromEntries(Object.keys(enrollmentRecord.omit({ eligibility: true, waivers: true }).shape).map((member) => [member, null]));

const take = ({ eligibility: _, waivers, ...members }: KeptEnrollment) => ({
  members: { ...inOrder, ...members },
  waivers: waivers.map(({ ruleId, documentNo, date, by }) => ({ ruleId, documentNo, date, by })),
});

/** The same with the answer's words, whether it was just made or kept: said again, it is the same to the byte. */
export const toldEnrollment = (kept: KeptEnrollment, eligibility: EligibilityAnswer): z.input<typeof enrollmentRecord> => {
  const { members, waivers } = take(kept);
  return { ...members, eligibility, waivers };
};

/** The same as JSON, around an answer that is JSON already. */
export const encodedEnrollment = (kept: KeptEnrollment, eligibility: Buffer): Buffer => {
  const { members, waivers } = take(kept);
  const begin = `${JSON.stringify(members).slice(0, -1)},"eligibility":`;
  return Buffer.concat([Buffer.from(begin), eligibility, Buffer.from(`,"waivers":${JSON.stringify(waivers)}}`)]);
};

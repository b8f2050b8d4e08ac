import type { EligibilityAnswer, Waiver } from '@khue/contracts/eligibility';
import type { enrollmentRecord, readEnrollmentRecord } from '@khue/contracts/http/enrollment';
import type { classRecord } from '@khue/contracts/http/enrollment-catalog';
import type { z } from 'zod';
import type { Placed } from './domain/access.ts';
import type { LiveClass } from './domain/classes.ts';
import type { StoredEligibility } from './domain/findings.ts';
import { classOf, type Enrollment, type Enrollments } from './domain/records.ts';

export const classView = ({ programId: _, ...opened }: LiveClass): z.input<typeof classRecord> => ({
  ...opened,
  organizers: [...opened.organizers],
  provenance: 'live',
  state: 'open',
  importId: null,
});

/** An enrollment as a command answers with it, and as it is kept for a repeated key: what was found has no words yet, the door puts them in (`routes/told-enrollment.ts`). */
export interface KeptEnrollment extends Omit<z.input<typeof enrollmentRecord>, 'eligibility' | 'waivers'> {
  readonly eligibility: StoredEligibility;
  readonly waivers: readonly Waiver[];
}

export const keptEnrollment = (row: Enrollment, state: Enrollments): KeptEnrollment => {
  const { id, classId, personId, unitId, seat, reason, enteredBy, enteredAt, approvedBy, approvedAt, version, eligibility, waivers } = row;
  const { code: classCode, programCode, line, from, to } = classOf(state, row);
  return {
    id,
    provenance: 'live',
    state: row.state,
    classId,
    classCode,
    programCode,
    line,
    from,
    to,
    personId,
    unitId,
    seat,
    reason,
    documentNo: null,
    importId: null,
    enteredBy,
    enteredAt,
    approvedBy,
    approvedAt,
    version,
    eligibility,
    waivers,
  };
};

/** An enrollment as it is read, with the answer's words and without what only scope asks for. */
export const shownEnrollment = (
  { hostUnitId: _, assigned: __, ...shown }: Omit<z.input<typeof readEnrollmentRecord>, 'eligibility'> & Placed,
  eligibility: EligibilityAnswer | null,
): z.input<typeof readEnrollmentRecord> => ({ ...shown, eligibility });

import type { PublishedRuleSet, Waiver } from '@khue/contracts/eligibility';
import type { LearnerFacts } from '@khue/contracts/learner-facts';
import type { LiveClass } from './classes.ts';
import type { StoredEligibility } from './findings.ts';

/** A person as the card has them: what a nomination is judged by. */
export interface Learner {
  readonly personId: string;
  readonly unitId: string;
  readonly facts: LearnerFacts;
  readonly mergedInto: string | null;
}

/**
 * nominated → approved (a class place is taken, a seat is asked for) → queued | turned-down | admitted; withdrawn from each but turned-down. The state of
 * the process across services: quota owns the seat, and its answers move this.
 */
export type EnrollmentState = 'nominated' | 'approved' | 'queued' | 'turned-down' | 'admitted' | 'withdrawn';
export type SeatWord = 'held' | 'queued' | 'refused' | 'released' | 'confirmed';

export interface Enrollment {
  readonly id: string;
  readonly classId: string;
  readonly personId: string;
  /** The unit that sends, as it was when it did. */
  readonly unitId: string;
  readonly state: EnrollmentState;
  readonly eligibility: StoredEligibility;
  readonly waivers: readonly Waiver[];
  /** What quota last said of the seat, and the number of that event: an older one changes nothing. */
  readonly seat: SeatWord | null;
  readonly seatSequence: number;
  readonly reason: string | null;
  readonly enteredBy: string;
  readonly enteredAt: string;
  readonly approvedBy: string | null;
  readonly approvedAt: string | null;
  /** The grant under which it was last changed by a person: kept for the audit. */
  readonly grantId: string | null;
  /** The number of its changes; held against If-Match. */
  readonly version: number;
  /** The number of its facts on the bus. */
  readonly sequence: number;
}

/** The workspace of one batch: what its commands name. Records in it are replaced, never changed. */
export interface Enrollments {
  readonly learners: ReadonlyMap<string, Learner>;
  /** By unit and person (see `atKey`) the successor to which the person's rows of a split unit are assigned. */
  readonly assigned: ReadonlyMap<string, string>;
  readonly ruleSets: readonly PublishedRuleSet[];
  readonly classes: Map<string, LiveClass>;
  readonly enrollments: Map<string, Enrollment>;
  /** By class and person the enrollment that is not over: there is one at most. */
  readonly active: Map<string, string>;
}

export const initialEnrollments = (
  loaded: Pick<Enrollments, 'learners' | 'assigned' | 'ruleSets'> & {
    readonly classes: readonly LiveClass[];
    readonly enrollments: readonly Enrollment[];
    /** Active enrollments of the classes and persons that nominations name, whether or not they are loaded. */
    readonly twins?: readonly Pick<Enrollment, 'id' | 'classId' | 'personId'>[];
  },
): Enrollments => {
  const { classes, enrollments, twins = [], ...known } = loaded;
  return {
    ...known,
    classes: new Map(classes.map((it) => [it.id, it])),
    enrollments: new Map(enrollments.map((it) => [it.id, it])),
    active: new Map([...twins, ...enrollments.filter(isActive)].map((it) => [activeKey(it), it.id])),
  };
};

export const isActive = ({ state }: Pick<Enrollment, 'state'>): boolean => state !== 'turned-down' && state !== 'withdrawn';
/** Whether a class place is taken for it. */
export const hasPlace = ({ state }: Pick<Enrollment, 'state'>): boolean => state === 'approved' || state === 'queued' || state === 'admitted';
export const activeKey = ({ classId, personId }: Pick<Enrollment, 'classId' | 'personId'>): string => `${classId} ${personId}`;
export const atKey = (unitId: string, personId: string): string => `${unitId} ${personId}`;
export const assignedOf = ({ assigned }: Enrollments, unitId: string, personId: string): string | undefined => assigned.get(atKey(unitId, personId));

/** The class of an enrollment, which was loaded with it. */
export const classOf = (state: Enrollments, { classId }: Pick<Enrollment, 'classId'>): LiveClass => {
  const found = state.classes.get(classId);
  if (!found) throw new Error(`the class ${classId} is not loaded`);
  return found;
};

/** Rules that keep the answer from being a plain yes: not met, lacking data, or waived. Ids; the data itself is nobody's business. */
export const openRules = ({ results }: StoredEligibility): string[] =>
  results
    .filter(({ partOf, outcome, waivedBy }) => partOf === null && (outcome === 'not-met' || outcome === 'missing-data' || waivedBy !== undefined))
    .map(({ ruleId }) => ruleId);

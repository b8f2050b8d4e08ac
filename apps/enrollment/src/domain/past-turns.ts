/** A class of the past, made by the first row that names its code. */
export interface PastClass {
  readonly id: string;
  readonly code: string;
  readonly programCode: string;
  readonly line: string;
  readonly hostUnitId: string;
  readonly from: string;
  readonly to: string;
  /** Turns on record. */
  readonly turns: number;
  /** Also true of a class that was never told of: what is told next is its first fact, or its next. */
  readonly revoked: boolean;
  /** The number of its facts on the bus. */
  readonly sequence: number;
}

/** One person's turn in a class of the past. */
export interface PastTurn {
  readonly id: string;
  readonly classId: string;
  readonly personId: string;
  readonly unitId: string;
  readonly documentNo: string;
  readonly sequence: number;
}

export type PastEvent =
  | { readonly type: 'PastClassRecorded' | 'PastClassRevoked'; readonly past: PastClass; readonly importId: string }
  | { readonly type: 'TurnRecorded' | 'TurnRevoked'; readonly turn: PastTurn; readonly importId: string };

/** What a row says of its class. `hostUnitId` null: the file does not say who held it. */
export interface ClassClaim {
  readonly programCode: string;
  readonly hostUnitId: string | null;
  readonly from: string;
  readonly to: string;
}

/** The column in which a row contradicts what is on record of its class; undefined where it agrees. */
export const contradiction = (
  claim: ClassClaim, known: { readonly programCode: string; readonly hostUnitId: string | null; readonly from: string; readonly to: string },
): keyof ClassClaim | undefined => {
  if (claim.programCode !== known.programCode) return 'programCode';
  if (claim.from !== known.from) return 'from';
  if (claim.to !== known.to) return 'to';
  return claim.hostUnitId !== null && known.hostUnitId !== null && claim.hostUnitId !== known.hostUnitId ? 'hostUnitId' : undefined;
};

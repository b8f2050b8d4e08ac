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
  /** True also of a class that nothing was told of yet. */
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

/** A row with its person, units and program found: what the plan stands for. */
export interface PlannedTurn {
  readonly personId: string;
  readonly unitId: string;
  readonly classCode: string;
  readonly programCode: string;
  readonly line: string;
  /** Null: the file does not say who held the class; then it is the unit of the class's first row. */
  readonly hostUnitId: string | null;
  readonly from: string;
  readonly to: string;
  readonly documentNo: string;
}

/** What is on record, or planned, of a class. */
export type ClassClaim = Pick<PastClass, 'programCode' | 'hostUnitId' | 'from' | 'to'>;

export const claimOf = ({ programCode, hostUnitId, unitId, from, to }: PlannedTurn): ClassClaim => ({
  programCode,
  hostUnitId: hostUnitId ?? unitId,
  from,
  to,
});

/** Where a row contradicts what is known of its class; undefined where it agrees. */
export const contradiction = (row: PlannedTurn, known: ClassClaim): 'programCode' | 'from' | 'to' | 'hostUnitCode' | undefined => {
  if (row.programCode !== known.programCode) return 'programCode';
  if (row.from !== known.from) return 'from';
  if (row.to !== known.to) return 'to';
  return row.hostUnitId !== null && row.hostUnitId !== known.hostUnitId ? 'hostUnitCode' : undefined;
};

/** Where a row contradicts the turn of the same person in the same class; undefined where they say the same. */
export const turnContradiction = (
  row: Pick<PastTurn, 'unitId' | 'documentNo'>,
  known: Pick<PastTurn, 'unitId' | 'documentNo'>,
): 'unitCode' | 'documentNo' | undefined => {
  if (row.unitId !== known.unitId) return 'unitCode';
  return row.documentNo === known.documentNo ? undefined : 'documentNo';
};

/** The class after so many more turns: told of if it was not, as its first row says. */
export const withTurns = (past: PastClass, first: PlannedTurn, added: number): { readonly past: PastClass; readonly told: boolean } => {
  const turns = past.turns + added;
  if (!past.revoked) return { past: { ...past, turns }, told: false };
  return { past: { ...past, ...claimOf(first), line: first.line, turns, revoked: false, sequence: past.sequence + 1 }, told: true };
};

/** The class after so many turns less: taken back with its last turn. */
export const withoutTurns = (past: PastClass, removed: number): { readonly past: PastClass; readonly told: boolean } => {
  const turns = past.turns - removed;
  if (turns > 0 || past.revoked) return { past: { ...past, turns }, told: false };
  return { past: { ...past, turns, revoked: true, sequence: past.sequence + 1 }, told: true };
};

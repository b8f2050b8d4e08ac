import { mayRead, type Grant } from '@khue/contracts/grants';
import { fold } from '@khue/contracts/text';
import { existsOn, type Unit, type UnitTable } from '@khue/contracts/units';
import { accept, refuseBy, type Decision } from '@khue/decider/decision';
import { programInForce, type Program } from './programs.ts';

/** A class of the past, made by the first row that names its code. */
export interface PastClass {
  readonly id: string;
  readonly code: string;
  readonly programCode: string;
  readonly line: string;
  readonly hostUnitId: string;
  readonly from: string;
  readonly to: string;
  /** The import that told of it last. */
  readonly importId: string;
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
  readonly importId: string;
  readonly revoked: boolean;
  /** The number of its facts on the bus. */
  readonly sequence: number;
}

/** A line of a class list, with what was found of whom and what it names. */
export interface NamedTurn {
  /** As the file has it. */
  readonly name?: string | undefined;
  readonly person: { readonly personId: string; readonly nameFold: string } | undefined;
  readonly unit: Unit | undefined;
  /** Null where the line names none. */
  readonly host: Unit | undefined | null;
  /** All versions. */
  readonly program: readonly Pick<Program, 'line' | 'validFrom' | 'version'>[] | undefined;
  readonly classCode: string;
  readonly programCode: string;
  readonly from: string;
  readonly to: string;
  readonly documentNo: string;
}

/** A line with its person, units and program found: what the plan stands for. */
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

export type TurnColumn = 'identityNumber' | 'name' | 'unitCode' | 'hostUnitCode' | 'programCode' | 'from' | 'to' | 'documentNo';
export type TurnRefusal =
  | 'person-unknown'
  | 'person-name-differs'
  | 'unit-code-unknown'
  | 'unit-not-there'
  | 'program-unknown'
  | 'program-not-in-force'
  | 'out-of-scope'
  | 'class-contradicted'
  | 'turn-recorded-otherwise';

/** An import's cells are told in their own words, by these. */
const refuse = refuseBy<TurnRefusal>();

/** Why a line is not taken: by which rule, and in which column. */
export interface Wrong {
  readonly column: TurnColumn;
  readonly code: TurnRefusal;
}

/** The line with ids in place of names and codes, or all that is wrong with it at once. Everything is held against the first day of the class. */
export const planTurn = (row: NamedTurn, units: UnitTable): { readonly turn: PlannedTurn } | { readonly wrong: readonly Wrong[] } => {
  const { name, person, unit, host, classCode, programCode, from, to, documentNo } = row;
  const program = row.program && programInForce(row.program, from);
  const wrong: Wrong[] = [];
  if (!person) wrong.push({ column: 'identityNumber', code: 'person-unknown' });
  // A number that lost or swapped a digit may be somebody else's.
  else if (name !== undefined && fold(name) !== person.nameFold) wrong.push({ column: 'name', code: 'person-name-differs' });
  if (!unit) wrong.push({ column: 'unitCode', code: 'unit-code-unknown' });
  else if (!existsOn(units, unit.id, from)) wrong.push({ column: 'unitCode', code: 'unit-not-there' });
  if (host === undefined) wrong.push({ column: 'hostUnitCode', code: 'unit-code-unknown' });
  else if (host && !existsOn(units, host.id, from)) wrong.push({ column: 'hostUnitCode', code: 'unit-not-there' });
  if (!program) wrong.push({ column: 'programCode', code: row.program ? 'program-not-in-force' : 'program-unknown' });
  if (!person || !unit || !program || wrong.length > 0) return { wrong };
  const { line } = program;
  return { turn: { personId: person.personId, unitId: unit.id, classCode, programCode, line, hostUnitId: host?.id ?? null, from, to, documentNo } };
};

/**
 * Who may record a turn of the past is who may read the history it belongs to: the officers and the board over the unit as it stands today, for a split unit as the
 * person is assigned, and the school for the classes it held.
 */
export const mayRecordTurn = (
  { grants, units, today }: { readonly grants: readonly Grant[]; readonly units: UnitTable; readonly today: string },
  { unitId, hostUnitId }: Pick<PlannedTurn, 'unitId' | 'hostUnitId'>,
  assigned?: string,
): boolean =>
  mayRead(grants, units, unitId, today, ['officer', 'board'], assigned) !== undefined ||
  mayRead(grants, units, hostUnitId ?? unitId, today, ['school']) !== undefined;

/** What is on record, or planned, of a class. */
export type ClassClaim = Pick<PastClass, 'programCode' | 'hostUnitId' | 'from' | 'to'>;

export const claimOf = ({ programCode, hostUnitId, unitId, from, to }: PlannedTurn): ClassClaim => ({
  programCode,
  hostUnitId: hostUnitId ?? unitId,
  from,
  to,
});

/**
 * What a line adds to what is known of its class and of the person's turn there: a new turn, nothing, or a contradiction, which is told and never settled by the later
 * one.
 */
export const whatItAdds = (
  row: PlannedTurn,
  past: ClassClaim | undefined,
  twin: Pick<PastTurn, 'unitId' | 'documentNo'> | undefined,
): 'new' | 'unchanged' | Wrong => {
  if (past) {
    if (row.programCode !== past.programCode) return { column: 'programCode', code: 'class-contradicted' };
    if (row.from !== past.from) return { column: 'from', code: 'class-contradicted' };
    if (row.to !== past.to) return { column: 'to', code: 'class-contradicted' };
    if (row.hostUnitId !== null && row.hostUnitId !== past.hostUnitId) return { column: 'hostUnitCode', code: 'class-contradicted' };
  }
  if (!twin) return 'new';
  if (row.unitId !== twin.unitId) return { column: 'unitCode', code: 'turn-recorded-otherwise' };
  if (row.documentNo !== twin.documentNo) return { column: 'documentNo', code: 'turn-recorded-otherwise' };
  return 'unchanged';
};

/** No seat and no check of eligibility: it has happened. */
export interface RecordPastTurn {
  readonly type: 'RecordPastTurn';
  readonly turnId: string;
  readonly importId: string;
  readonly turn: PlannedTurn;
}
export interface TakeBackPastTurn {
  readonly type: 'TakeBackPastTurn';
  readonly turnId: string;
  readonly importId: string;
}
export type PastTurnCommand = RecordPastTurn | TakeBackPastTurn;

export type PastTurnEvent =
  | ({ readonly type: 'PastClassRecorded'; readonly classId: string; readonly line: string; readonly importId: string } & ClassClaim)
  | { readonly type: 'PastClassRevoked'; readonly classId: string; readonly importId: string }
  | ({ readonly type: 'TurnRecorded'; readonly turnId: string } & Pick<PastTurn, 'classId' | 'personId' | 'unitId' | 'documentNo' | 'importId'>)
  | { readonly type: 'TurnRevoked'; readonly turnId: string; readonly importId: string };

/** The workspace of one batch, under the locks of its classes. Records in it are replaced, never changed. */
export interface PastTurns {
  readonly classes: Map<string, PastClass>;
  readonly classIds: ReadonlyMap<string, string>;
  /** Persons on record, each with the one it counts as now. */
  readonly persons: ReadonlyMap<string, string>;
  /** Those that commands name, as far as they were ever recorded, and those that `held` leads to. */
  readonly turns: Map<string, PastTurn>;
  /** By class and person (see `turnKey`) the turn that stands. */
  readonly held: Map<string, string>;
}

export const turnKey = (classId: string, personId: string): string => `${classId} ${personId}`;

const need = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('a turn of the past has no class');
  return value;
};

export const decidePastTurn = (command: PastTurnCommand, state: PastTurns): Decision<PastTurnEvent> => {
  const { turnId, importId } = command;
  const known = state.turns.get(turnId);
  if (command.type === 'TakeBackPastTurn') {
    // What another import recorded again since is that one's.
    if (!known || known.revoked || known.importId !== importId) return accept();
    const past = need(state.classes.get(known.classId));
    const revoked = { type: 'TurnRevoked', turnId, importId } as const;
    return past.turns > 1 ? accept(revoked) : accept<PastTurnEvent>(revoked, { type: 'PastClassRevoked', classId: past.id, importId });
  }
  const { turn } = command;
  const past = need(state.classes.get(state.classIds.get(turn.classCode) ?? ''));
  const personId = state.persons.get(turn.personId);
  if (personId === undefined) return refuse('person-unknown', { field: 'identityNumber' });
  const twin = state.turns.get(state.held.get(turnKey(past.id, personId)) ?? '');
  // A class that nothing was told of, or that was taken back, is what the next row says.
  const adds = whatItAdds(turn, past.revoked ? undefined : past, twin);
  if (typeof adds !== 'string') return refuse(adds.code, { field: adds.column });
  if (adds === 'unchanged' || (known && !known.revoked)) return accept();
  const { unitId, documentNo, line } = turn;
  const recorded = { type: 'TurnRecorded', turnId, classId: past.id, personId, unitId, documentNo, importId } as const;
  if (!past.revoked) return accept(recorded);
  return accept<PastTurnEvent>({ type: 'PastClassRecorded', classId: past.id, importId, line, ...claimOf(turn) }, recorded);
};

export const evolvePastTurns = (state: PastTurns, event: PastTurnEvent): void => {
  const { classes, turns, held } = state;
  if (event.type === 'PastClassRecorded' || event.type === 'PastClassRevoked') {
    const { type, classId, ...told } = event;
    const past = need(classes.get(classId));
    classes.set(classId, { ...past, ...told, revoked: type === 'PastClassRevoked', sequence: past.sequence + 1 });
    return;
  }
  const known = turns.get(event.turnId);
  const sequence = (known?.sequence ?? 0) + 1;
  if (event.type === 'TurnRecorded') {
    const { turnId: id, classId, personId, unitId, documentNo, importId } = event;
    turns.set(id, { id, classId, personId, unitId, documentNo, importId, revoked: false, sequence });
    held.set(turnKey(classId, personId), id);
    const past = need(classes.get(classId));
    classes.set(classId, { ...past, turns: past.turns + 1 });
  } else if (known) {
    turns.set(known.id, { ...known, revoked: true, sequence });
    held.delete(turnKey(known.classId, known.personId));
    const past = need(classes.get(known.classId));
    classes.set(past.id, { ...past, turns: past.turns - 1 });
  }
};

/** Whether it is this import's doing: a turn that stood already is another's, and one that another recorded again is not taken back. */
export const isOwn = ({ type, turnId, importId }: PastTurnCommand, { turns }: PastTurns): boolean => {
  const turn = turns.get(turnId);
  return turn !== undefined && turn.importId === importId && turn.revoked === (type === 'TakeBackPastTurn');
};

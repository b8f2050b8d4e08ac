import { mayRead, type Grant, type Role } from '@khue/contracts/grants';
import { fold } from '@khue/contracts/text';
import { existsOn, standing, type Unit, type UnitTable } from '@khue/contracts/units';
import type { RowToJudge, Verdict } from '@khue/imports/import-kind';
import type { CellError } from '@khue/imports/layout';
import type { Tx } from '@khue/messaging/command';
import { claimOf, contradiction, turnContradiction, type ClassClaim, type PlannedTurn } from '../domain/past-turns.ts';
import { programInForce, type Program } from '../domain/programs.ts';
import { atKey } from '../domain/records.ts';
import { programsByCode } from '../store/catalog.ts';
import { readAssigned } from '../store/enrollments.ts';
import { findPersons, knownClasses, knownTurns, type FoundPerson } from '../store/past-turns.ts';
import { cellErrors, classContradicted, turnContradicted } from './cell-errors.ts';
import type { PastTurnRow } from './past-turns-layout.ts';

export interface Judging {
  readonly units: UnitTable;
  readonly byCode: ReadonlyMap<string, Unit>;
  readonly grants: readonly Grant[];
  readonly today: string;
  readonly identityRef: (number: string) => string;
  /** What rows before these, of the same file, said of their classes. */
  readonly planned: Map<string, ClassClaim>;
}

/** Classes of one file whose rows are held against each other while it is planned; those beyond are held against each other when it is committed. */
const rememberedClasses = 50_000;

/** A verdict for each row, in order: what it names is found by set, then each is looked at alone. */
export const judgeTurns = async (rows: readonly RowToJudge<PastTurnRow>[], tx: Tx, judging: Judging): Promise<Verdict<PlannedTurn>[]> => {
  const references = rows.map(({ value }) => judging.identityRef(value.identityNumber));
  const persons = await findPersons(tx, references);
  const programs = await programsByCode(
    tx,
    rows.map(({ value }) => value.programCode),
  );
  const classes = await knownClasses(tx, [...new Set(rows.map(({ value }) => value.classCode))]);
  const read = rows.map(({ value }, place) => resolve(value, persons.get(references[place] ?? ''), programs, judging));
  const found = read.map(({ turn }) => turn).filter((turn) => turn !== undefined);
  const permitted = await permission(tx, found, judging);
  const known = await knownTurns(
    tx,
    found.flatMap(({ classCode, personId }) => {
      const past = classes.get(classCode);
      return past ? [{ classId: past.id, personId }] : [];
    }),
  );
  return read.map(({ turn, errors }): Verdict<PlannedTurn> => {
    if (!turn) return { verdict: 'rejected', errors };
    if (!permitted(turn)) return rejected(cellErrors.outOfScope);
    const past = classes.get(turn.classCode);
    const claim = past ?? judging.planned.get(turn.classCode);
    const otherwise = claim && contradiction(turn, claim);
    if (otherwise) return rejected(classContradicted(otherwise));
    if (!claim && judging.planned.size < rememberedClasses) judging.planned.set(turn.classCode, claimOf(turn));
    const key = `${turn.classCode} ${turn.personId}`;
    const twin = past && known(past.id, turn.personId);
    if (!twin) return { verdict: 'accepted', value: turn, key };
    const differs = turnContradiction(turn, twin);
    return differs ? rejected(turnContradicted(differs)) : { verdict: 'unchanged', key };
  });
};

const rejected = (error: CellError): Verdict<never> => ({ verdict: 'rejected', errors: [error] });

/** The row with ids in place of names and codes, or all that is wrong with it at once. */
const resolve = (
  row: PastTurnRow,
  person: FoundPerson | undefined,
  programs: ReadonlyMap<string, readonly Program[]>,
  { units, byCode }: Judging,
): { turn?: PlannedTurn; errors: CellError[] } => {
  const { name, classCode, programCode, from, to, documentNo } = row;
  const errors: CellError[] = [];
  const unit = byCode.get(row.unitCode);
  const host = row.hostUnitCode === undefined ? undefined : byCode.get(row.hostUnitCode);
  const versions = programs.get(programCode);
  const program = versions && programInForce(versions, from);
  if (!person) errors.push(cellErrors.personUnknown);
  else if (name !== undefined && fold(name) !== person.nameFold) errors.push(cellErrors.nameDiffers);
  if (!unit) errors.push(cellErrors.unitUnknown);
  else if (!existsOn(units, unit.id, from)) errors.push(cellErrors.unitNotThere);
  if (row.hostUnitCode !== undefined && !host) errors.push(cellErrors.hostUnknown);
  else if (host && !existsOn(units, host.id, from)) errors.push(cellErrors.hostNotThere);
  if (!versions) errors.push(cellErrors.programUnknown);
  else if (!program) errors.push(cellErrors.programNotInForce);
  if (!person || !unit || !program || errors.length > 0) return { errors };
  return {
    turn: {
      personId: person.personId,
      unitId: unit.id,
      classCode,
      programCode,
      line: program.line,
      hostUnitId: host?.id ?? null,
      from,
      to,
      documentNo,
    },
    errors,
  };
};

/**
 * Who may record a turn of the past is who may read the history it belongs to: the officers and the board over the unit as it stands today, for a split
 * unit as the person is assigned, and the school for the classes it held. Asked once a unit, not once a row.
 */
const permission = async (tx: Tx, turns: readonly PlannedTurn[], { grants, units, today }: Judging): Promise<(turn: PlannedTurn) => boolean> => {
  const asked = new Map<string, boolean>();
  const over = (unitId: string, roles: readonly Role[], assigned?: string): boolean => {
    const key = `${unitId} ${roles[0]} ${assigned ?? ''}`;
    let answer = asked.get(key);
    if (answer === undefined) asked.set(key, (answer = mayRead(grants, units, unitId, today, roles, assigned) !== undefined));
    return answer;
  };
  const plainly = ({ unitId, hostUnitId }: PlannedTurn): boolean => over(unitId, ['officer', 'board']) || over(hostUnitId ?? unitId, ['school']);
  const split = turns.filter((turn) => !plainly(turn) && !standing(units, turn.unitId, today).settled);
  const assigned = await readAssigned(tx, split);
  return (turn) => plainly(turn) || over(turn.unitId, ['officer', 'board'], assigned.get(atKey(turn.unitId, turn.personId)));
};

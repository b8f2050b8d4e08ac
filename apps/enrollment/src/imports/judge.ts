import type { Grant } from '@khue/contracts/grants';
import { standing, type Unit, type UnitTable } from '@khue/contracts/units';
import type { RowToJudge, Verdict } from '@khue/imports/import-kind';
import type { Tx } from '@khue/messaging/command';
import {
  claimOf,
  mayRecordTurn,
  planTurn,
  turnKey,
  whatItAdds,
  type ClassClaim,
  type NamedTurn,
  type PlannedTurn,
  type Wrong,
} from '../domain/past-turns.ts';
import { atKey } from '../domain/records.ts';
import { programsByCode } from '../store/catalog.ts';
import { readAssigned } from '../store/enrollments.ts';
import { findPersons, knownClasses, knownTurns } from '../store/past-turns.ts';
import { cellError } from './cell-errors.ts';
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

/** A verdict for each row, in order: what it names is found by set, then the rules look at each alone. */
export const judgeTurns = async (rows: readonly RowToJudge<PastTurnRow>[], tx: Tx, judging: Judging): Promise<Verdict<PlannedTurn>[]> => {
  const { planned, units } = judging;
  const read = (await named(rows, tx, judging)).map((row) => planTurn(row, units));
  const found = read.flatMap((row) => ('turn' in row ? [row.turn] : []));
  const classes = await knownClasses(tx, [...new Set(found.map(({ classCode }) => classCode))]);
  const permitted = await permission(tx, found, judging);
  const pairs = found.flatMap(({ classCode, personId }) => {
    const past = classes.get(classCode);
    return past ? [{ classId: past.id, personId }] : [];
  });
  const known = new Map((await knownTurns(tx, pairs)).map((turn) => [turnKey(turn.classId, turn.personId), turn]));
  return read.map((row): Verdict<PlannedTurn> => {
    if ('wrong' in row) return rejected(row.wrong);
    const { turn } = row;
    if (!permitted(turn)) return rejected([{ column: 'unitCode', code: 'out-of-scope' }]);
    const past = classes.get(turn.classCode);
    const claim = past ?? planned.get(turn.classCode);
    const adds = whatItAdds(turn, claim, past && known.get(turnKey(past.id, turn.personId)));
    if (typeof adds !== 'string') return rejected([adds]);
    if (!claim && planned.size < rememberedClasses) planned.set(turn.classCode, claimOf(turn));
    const key = turnKey(turn.classCode, turn.personId);
    return adds === 'new' ? { verdict: 'accepted', value: turn, key } : { verdict: 'unchanged', key };
  });
};

const rejected = (wrong: readonly Wrong[]): Verdict<never> => ({ verdict: 'rejected', errors: wrong.map(cellError) });

/** The rows with what they name, as far as it is on record. */
const named = async (rows: readonly RowToJudge<PastTurnRow>[], tx: Tx, { byCode, identityRef }: Judging): Promise<NamedTurn[]> => {
  const references = rows.map(({ value }) => identityRef(value.identityNumber));
  const persons = await findPersons(tx, references);
  const programs = await programsByCode(
    tx,
    rows.map(({ value }) => value.programCode),
  );
  return rows.map(({ value: { name, classCode, programCode, unitCode, hostUnitCode, from, to, documentNo } }, place) => ({
    name,
    person: persons.get(references[place] ?? ''),
    unit: byCode.get(unitCode),
    host: hostUnitCode === undefined ? null : byCode.get(hostUnitCode),
    program: programs.get(programCode),
    classCode,
    programCode,
    from,
    to,
    documentNo,
  }));
};

/** Asked once a unit, host and successor, not once a row; where it depends on the person, what they are assigned to is read by set. */
const permission = async (tx: Tx, turns: readonly PlannedTurn[], judging: Judging): Promise<(turn: PlannedTurn) => boolean> => {
  const asked = new Map<string, boolean>();
  const may = (turn: PlannedTurn, assigned?: string): boolean => {
    const key = `${turn.unitId} ${turn.hostUnitId ?? ''} ${assigned ?? ''}`;
    let answer = asked.get(key);
    if (answer === undefined) asked.set(key, (answer = mayRecordTurn(judging, turn, assigned)));
    return answer;
  };
  const { units, today } = judging;
  const assigned = await readAssigned(
    tx,
    turns.filter((turn) => !may(turn) && !standing(units, turn.unitId, today).settled),
  );
  return (turn) => may(turn) || may(turn, assigned.get(atKey(turn.unitId, turn.personId)));
};

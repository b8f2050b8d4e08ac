import { createHash } from 'node:crypto';
import type { DataOf, EventDefinition, Received } from '@khue/contracts/envelope';
import { classOpened, learnerAdmitted, pastClassRecorded, turnRecorded } from '@khue/contracts/events/enrollment';
import { duplicateMerged, grantIssued, historyAssigned, unitEstablished, unitSucceeded } from '@khue/contracts/events/registry';
import type { SampleCity } from '../seed/city.ts';
import { pastTurns, sampleDocument } from '../seed/history.ts';

/** The id that something of the city has in every event, by its code. */
export const idOf = (code: string): string => {
  const hex = createHash('md5').update(code).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
};

const received = <D extends EventDefinition>(definition: D, subject: string, data: DataOf<D>): Received => ({
  type: definition.type,
  topic: definition.topic,
  subject,
  sequence: 1,
  position: 1,
  time: '2026-11-24T00:00:00.000Z',
  id: subject,
  actor: 'board',
  correlationId: 'bench',
  causationId: 'bench',
  traceparent: undefined,
  data,
});

/** What the registry tells of units, who may read them, and to whom part of the districts' history was assigned. */
export function* structureEvents(city: SampleCity): Generator<Received> {
  for (const { code, kind, name, parent, from, sample } of city.units) {
    const parentId = parent === null ? null : idOf(parent);
    yield received(unitEstablished, idOf(code), { unitId: idOf(code), code, kind, name, parentId, from, documentNo: null, sample });
  }
  for (const { code, to, successors } of city.units) {
    if (to === null) continue;
    const shares = successors.map((successor) => ({ unitId: idOf(successor), sharePercent: null }));
    yield received(unitSucceeded, idOf(code), { unitId: idOf(code), successors: shares, on: to, documentNo: null, sample: true });
  }
  const board = { grantId: idOf('grant'), sub: 'board', role: 'board', unitId: idOf('ha-noi'), validFrom: '2018-01-01', validTo: null } as const;
  yield received(grantIssued, board.grantId, { ...board, documentNo: sampleDocument });
}

/** One class in so many was held live, one person in so many has a second record, one turn in so many made its person's history assigned. */
const every = { live: 100, merged: 500, assigned: 100 } as const;

/** The history as reporting hears of it: classes and their turns, some of them live, and records that were merged. */
export function* historyEvents(city: SampleCity, scale: number): Generator<Received> {
  const importId = idOf('import');
  let klass = '';
  let classes = 0;
  let turns = 0;
  for (const { person, classCode, program, unit, host, from, to, documentNo } of pastTurns(city, scale)) {
    const classId = idOf(classCode);
    const live = (): boolean => classes % every.live === 0;
    if (classCode !== klass) {
      klass = classCode;
      classes += 1;
      const told = { classId, code: classCode, programCode: program, line: program, hostUnitId: idOf(host), from, to };
      yield live()
        ? received(classOpened, classId, { ...told, programId: idOf(program), programVersion: 1, organizers: [], size: 1_000 })
        : received(pastClassRecorded, classId, { ...told, importId });
    }
    turns += 1;
    const who = { classId, personId: idOf(person.identityNumber), unitId: idOf(unit) };
    const turnId = idOf(`turn ${turns}`);
    yield live()
      ? received(learnerAdmitted, turnId, { enrollmentId: turnId, ...who, programCode: program, line: program, year: Number(from.slice(0, 4)) })
      : received(turnRecorded, turnId, { turnId, ...who, importId, documentNo });
    if (turns % every.merged === 0) {
      const keptPersonId = idOf(`kept ${turns % 7_000}`);
      yield received(duplicateMerged, turnId, { candidateId: turnId, keptPersonId, mergedPersonId: who.personId });
    }
  }
}

/** Persons of split districts whose history one of the successors has now. */
export function* assignmentEvents(city: SampleCity, scale: number): Generator<Received> {
  const successors = new Map(city.units.filter(({ to }) => to !== null).map((unit) => [unit.code, unit.successors]));
  let turns = 0;
  for (const { unit, person } of pastTurns(city, scale)) {
    turns += 1;
    const to = successors.get(unit)?.[turns % 3];
    if (turns % every.assigned !== 0 || to === undefined) continue;
    const assignmentId = idOf(`assignment ${turns}`);
    const assigned = { assignmentId, fromUnitId: idOf(unit), personId: idOf(person.identityNumber), toUnitId: idOf(to) };
    yield received(historyAssigned, assignmentId, { ...assigned, documentNo: null });
  }
}

import type { UnitTable } from '@khue/contracts/units';
import { describe, expect, it } from 'vitest';
import { grants, today, units } from './enrollment.fixture.ts';
import {
  claimOf,
  decidePastTurn,
  evolvePastTurns,
  isOwn,
  mayRecordTurn,
  planTurn,
  turnKey,
  whatItAdds,
  type NamedTurn,
  type PastClass,
  type PastTurn,
  type PastTurnCommand,
  type PastTurns,
  type PlannedTurn,
} from './past-turns.ts';

const found = (code: string, of: UnitTable = units) => of.units.get(code);
/** A line of 2019 from c9, which has ended since, held by the school. */
const line: NamedTurn = {
  name: 'Nguyễn Văn Đạt',
  person: { personId: 'p', nameFold: 'nguyen van dat' },
  unit: found('c9'),
  host: found('school'),
  program: [{ line: 'intermediate-theory', version: 1, validFrom: '2018-01-01' }],
  classCode: 'L1',
  programCode: 'TC',
  from: '2019-03-04',
  to: '2019-06-28',
  documentNo: '12-KH/TU',
};
const row: PlannedTurn = {
  personId: 'p',
  unitId: 'c9',
  classCode: 'L1',
  programCode: 'TC',
  line: 'intermediate-theory',
  hostUnitId: 'school',
  from: '2019-03-04',
  to: '2019-06-28',
  documentNo: '12-KH/TU',
};

describe('a line of a class list', () => {
  it('becomes a turn with ids in place of names and codes, under the program of its day', () => {
    const later = { line: 'other', version: 2, validFrom: '2020-01-01' };
    expect(planTurn({ ...line, program: [...(line.program ?? []), later] }, units)).toEqual({ turn: row });
    expect(planTurn({ ...line, name: undefined, host: null }, units)).toEqual({ turn: { ...row, hostUnitId: null } });
  });

  it.each<[Partial<NamedTurn>, string]>([
    [{ person: undefined }, 'identityNumber person-unknown'],
    [{ name: 'Nguyễn Văn Đạc' }, 'name person-name-differs'],
    [{ unit: undefined }, 'unitCode unit-code-unknown'],
    [{ from: '1999-12-31', program: [{ line: 'x', version: 1, validFrom: '1990-01-01' }], host: null }, 'unitCode unit-not-there'],
    [{ unit: found('c9'), from: '2025-07-01' }, 'unitCode unit-not-there'],
    [{ host: undefined }, 'hostUnitCode unit-code-unknown'],
    [{ unit: found('c11'), host: found('c9'), from: '2025-07-01' }, 'hostUnitCode unit-not-there'],
    [{ program: undefined }, 'programCode program-unknown'],
    [{ program: [{ line: 'x', version: 1, validFrom: '2019-03-05' }] }, 'programCode program-not-in-force'],
  ])('with %j is wrong by one rule', (change, rule) => {
    const planned = planTurn({ ...line, ...change }, units);
    expect('wrong' in planned && planned.wrong.map(({ column, code }) => `${column} ${code}`)).toEqual([rule]);
  });

  it('is told all that is wrong with it at once', () => {
    const planned = planTurn({ ...line, person: undefined, unit: undefined, host: undefined, program: undefined }, units);
    expect('wrong' in planned && planned.wrong).toHaveLength(4);
  });
});

describe('a turn of the past is recorded', () => {
  const by = (sub: string) => ({ grants: grants.filter((grant) => grant.sub === sub), units, today });

  it.each<[string, string, Partial<PlannedTurn>, string | undefined, boolean]>([
    ['the board, anywhere', 'board', {}, undefined, true],
    ['the officer over the unit', 'officer.c12', { unitId: 'c12' }, undefined, true],
    ['the officer of the unit that continues it', 'officer.c12', { unitId: 'c8' }, undefined, true],
    ['the officer of a neighbor', 'officer.c12', { unitId: 'c21' }, undefined, false],
    ['of a split unit, no successor as long as nobody is assigned', 'officer.c21', {}, undefined, false],
    ['of a split unit, the successor to which the person is assigned', 'officer.c21', {}, 'c21', true],
    ['of a split unit, not the other successor', 'officer.c21', {}, 'c11', false],
    ['the officer of the unit that has ended', 'officer.c9', {}, undefined, false],
    ['the school, for what it held', 'school', {}, undefined, true],
    ['the school, for what another held', 'school', { hostUnitId: 'd1' }, undefined, false],
    ['the school, for what its sender held', 'school', { hostUnitId: null }, undefined, false],
    ['the approver, who only looks', 'approver.d1', { unitId: 'c11' }, undefined, false],
  ])('by %s', (_, sub, change, assigned, permitted) => {
    expect(mayRecordTurn(by(sub), { ...row, ...change }, assigned)).toBe(permitted);
  });
});

describe('a row', () => {
  it.each<[Partial<PlannedTurn>, string]>([
    [{}, 'new'],
    [{ programCode: 'CC' }, 'programCode'],
    [{ from: '2019-03-05' }, 'from'],
    [{ to: '2019-06-29' }, 'to'],
    [{ hostUnitId: 'd1' }, 'hostUnitCode'],
    [{ hostUnitId: null }, 'new'],
    [{ unitId: 'c8', documentNo: 'other' }, 'new'],
  ])('with %j held against its class is %s', (change, expected) => {
    const adds = whatItAdds({ ...row, ...change }, claimOf(row), undefined);
    expect(typeof adds === 'string' ? adds : adds.column).toBe(expected);
    if (typeof adds !== 'string') expect(adds.code).toBe('class-contradicted');
  });

  it('without a host takes that of the class’s first row, which is its unit where that says none', () => {
    const claim = claimOf({ ...row, hostUnitId: null });
    expect(claim.hostUnitId).toBe('c9');
    expect(whatItAdds(row, claim, undefined)).toEqual({ column: 'hostUnitCode', code: 'class-contradicted' });
  });

  it('says again what is on record, or contradicts it by unit or document', () => {
    expect([row, { ...row, unitId: 'c8' }, { ...row, documentNo: 'x' }].map((twin) => whatItAdds(row, claimOf(row), twin))).toEqual([
      'unchanged',
      { column: 'unitCode', code: 'turn-recorded-otherwise' },
      { column: 'documentNo', code: 'turn-recorded-otherwise' },
    ]);
  });
});

describe('an import', () => {
  const unheard: PastClass = {
    ...{ id: 'c', code: 'L1', programCode: 'X', line: 'x', hostUnitId: 'x', from: '2000-01-01', to: '2000-01-02', importId: 'i0' },
    ...{ turns: 0, revoked: true, sequence: 0 },
  };
  const start = (persons: Record<string, string> = { p: 'p', q: 'q' }): PastTurns => ({
    classes: new Map([['c', unheard]]),
    classIds: new Map([['L1', 'c']]),
    persons: new Map(Object.entries(persons)),
    turns: new Map(),
    held: new Map(),
  });
  const record = (turnId: string, change: Partial<PlannedTurn> = {}, importId = 'i1'): PastTurnCommand => ({
    ...{ type: 'RecordPastTurn', turnId, importId, turn: { ...row, ...change } },
  });
  const takeBack = (turnId: string, importId = 'i1'): PastTurnCommand => ({ type: 'TakeBackPastTurn', turnId, importId });
  /** Gives the commands one after the other; answers the names of the events, or the refusal. */
  const give = (state: PastTurns, ...commands: readonly PastTurnCommand[]): string[] =>
    commands.flatMap((command) => {
      const decision = decidePastTurn(command, state);
      if (!decision.accepted) return [`${decision.field} ${decision.code}`];
      for (const event of decision.events) evolvePastTurns(state, event);
      return decision.events.map(({ type }) => type);
    });

  it('makes a class of its first row, and takes it back with its last turn', () => {
    const state = start();
    expect(give(state, record('1'), record('2', { personId: 'q', hostUnitId: null }))).toEqual(['PastClassRecorded', 'TurnRecorded', 'TurnRecorded']);
    expect(state.classes.get('c')).toEqual({ ...unheard, ...claimOf(row), line: row.line, importId: 'i1', turns: 2, revoked: false, sequence: 1 });
    expect(give(state, takeBack('2'), takeBack('1'))).toEqual(['TurnRevoked', 'TurnRevoked', 'PastClassRevoked']);
    expect(state.classes.get('c')).toMatchObject({ turns: 0, revoked: true, sequence: 2 });
    expect([...state.turns.values()].map(({ revoked, sequence }) => [revoked, sequence])).toEqual([
      [true, 2],
      [true, 2],
    ]);
  });

  it('records again what was taken back, with a class that is what the row now says, and goes on counting', () => {
    const state = start();
    expect(give(state, record('1'), takeBack('1'), record('1', { programCode: 'CC' }, 'i2'))).toEqual([
      ...['PastClassRecorded', 'TurnRecorded', 'TurnRevoked', 'PastClassRevoked', 'PastClassRecorded', 'TurnRecorded'],
    ]);
    expect(state.classes.get('c')).toMatchObject({ programCode: 'CC', importId: 'i2', turns: 1, sequence: 3 });
    expect(state.turns.get('1')).toMatchObject({ importId: 'i2', revoked: false, sequence: 3 });
  });

  it('holds each row against those before it', () => {
    const state = start();
    expect(give(state, record('1'), record('2', { personId: 'q', from: '2019-03-05' }), record('3', { documentNo: 'x' }))).toEqual([
      ...['PastClassRecorded', 'TurnRecorded', 'from class-contradicted', 'documentNo turn-recorded-otherwise'],
    ]);
  });

  it('leaves a class to the first row that is taken: one whose person is gone says nothing of it', () => {
    const state = start();
    expect(give(state, record('1', { personId: 'gone', to: '2019-12-31' }), record('2'))).toEqual([
      ...['identityNumber person-unknown', 'PastClassRecorded', 'TurnRecorded'],
    ]);
    expect(state.classes.get('c')).toMatchObject({ to: '2019-06-28', turns: 1 });
  });

  it('records a turn for the one a record was merged into, and once where two turned out to be one person', () => {
    const state = start({ p: 'q', q: 'q' });
    expect(give(state, record('1'), record('2', { personId: 'q' }))).toEqual(['PastClassRecorded', 'TurnRecorded']);
    expect(state.turns.get('1')?.personId).toBe('q');
    expect([record('1'), record('2', { personId: 'q' })].map((command) => isOwn(command, state))).toEqual([true, false]);
  });

  it('that says what another has said changes nothing, and takes back nothing of the other’s', () => {
    const state = start();
    give(state, record('1'));
    expect(give(state, record('1', {}, 'i2'), record('9', {}, 'i2'), takeBack('1', 'i2'), takeBack('never', 'i2'))).toEqual([]);
    expect([record('1', {}, 'i2'), record('9', {}, 'i2'), takeBack('1', 'i2'), record('1')].map((command) => isOwn(command, state))).toEqual([
      ...[false, false, false, true],
    ]);
    expect(give(state, takeBack('1'), takeBack('1'))).toEqual(['TurnRevoked', 'PastClassRevoked']);
    expect(isOwn(takeBack('1'), state)).toBe(true);
  });

  it('finds its own turn of another person, whom a merge has put in another’s place since, and leaves it', () => {
    const turn: PastTurn = {
      ...{ id: '1', classId: 'c', personId: 'p', unitId: 'c9', documentNo: 'x', importId: 'i1', revoked: false, sequence: 1 },
    };
    const state = { ...start({ p: 'q' }), turns: new Map([['1', turn]]), held: new Map([[turnKey('c', 'p'), '1']]) };
    state.classes.set('c', { ...unheard, ...claimOf(row), turns: 1, revoked: false, sequence: 1 });
    expect(give(state, record('1', {}, 'i2'))).toEqual([]);
  });
});

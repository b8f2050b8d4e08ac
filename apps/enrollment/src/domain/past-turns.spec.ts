import { describe, expect, it } from 'vitest';
import { claimOf, contradiction, turnContradiction, withoutTurns, withTurns, type PastClass, type PlannedTurn } from './past-turns.ts';

const row: PlannedTurn = {
  personId: 'p',
  unitId: 'u',
  classCode: 'L1',
  programCode: 'TC',
  line: 'intermediate-theory',
  hostUnitId: 'school',
  from: '2019-03-04',
  to: '2019-06-28',
  documentNo: '12-KH/TU',
};
const unheard: PastClass = {
  id: 'c',
  code: 'L1',
  programCode: 'X',
  line: 'x',
  hostUnitId: 'x',
  from: '2000-01-01',
  to: '2000-01-02',
  turns: 0,
  revoked: true,
  sequence: 0,
};

describe('a row', () => {
  it.each<[Partial<PlannedTurn>, string | undefined]>([
    [{}, undefined],
    [{ programCode: 'CC' }, 'programCode'],
    [{ from: '2019-03-05' }, 'from'],
    [{ to: '2019-06-29' }, 'to'],
    [{ hostUnitId: 'd1' }, 'hostUnitCode'],
    [{ hostUnitId: null }, undefined],
    [{ unitId: 'v', documentNo: 'other' }, undefined],
  ])('with %j contradicts its class at %s', (change, column) => {
    expect(contradiction({ ...row, ...change }, claimOf(row))).toBe(column);
  });
  it('without a host takes that of the class’s first row, which is its unit where that says none', () => {
    expect(claimOf({ ...row, hostUnitId: null })).toMatchObject({ hostUnitId: 'u' });
    expect(contradiction(row, claimOf({ ...row, hostUnitId: null }))).toBe('hostUnitCode');
  });
  it('contradicts the turn on record by unit or document', () => {
    expect([
      turnContradiction(row, row),
      turnContradiction(row, { ...row, unitId: 'v' }),
      turnContradiction(row, { ...row, documentNo: 'x' }),
    ]).toEqual([undefined, 'unitCode', 'documentNo']);
  });
});

describe('a class of the past', () => {
  it('is told of with its first turn, as its first row says, and taken back with its last', () => {
    const first = withTurns(unheard, row, 2);
    expect(first).toMatchObject({
      told: true,
      past: { turns: 2, revoked: false, sequence: 1, programCode: 'TC', hostUnitId: 'school', from: '2019-03-04' },
    });
    const more = withTurns(first.past, { ...row, hostUnitId: null }, 3);
    expect(more).toMatchObject({ told: false, past: { turns: 5, sequence: 1, hostUnitId: 'school' } });
    const fewer = withoutTurns(more.past, 4);
    expect(fewer).toMatchObject({ told: false, past: { turns: 1, revoked: false } });
    const none = withoutTurns(fewer.past, 1);
    expect(none).toMatchObject({ told: true, past: { turns: 0, revoked: true, sequence: 2 } });
    expect(withTurns(none.past, { ...row, programCode: 'CC' }, 1)).toMatchObject({ told: true, past: { programCode: 'CC', sequence: 3 } });
  });
});

import { describe, expect, it } from 'vitest';
import type { AssignHistory } from './assignments.ts';
import type { Structure } from './records.ts';
import { city, told } from './structure.fixture.ts';

const assign = (fromUnitId: string, ...items: readonly (readonly [string, string])[]): AssignHistory => ({
  type: 'AssignHistory',
  fromUnitId,
  documentNo: null,
  items: items.map(([personId, toUnitId]) => ({ assignmentId: `${fromUnitId}/${personId}`, personId, toUnitId })),
});
const split = (): Structure => {
  const structure = city({ assignments: [], persons: new Set(['p1', 'p2']) });
  told(structure, {
    type: 'SucceedUnit',
    unitId: 'c11',
    on: '2025-07-01',
    documentNo: '1-NQ',
    sample: true,
    successors: [
      { unitId: 'd2', sharePercent: null },
      { unitId: 'd3', sharePercent: null },
    ],
  });
  return structure;
};

describe("the history of a split unit's person", () => {
  it('is assigned to one of the successors', () => {
    const structure = split();
    expect(told(structure, assign('c11', ['p1', 'd2'], ['p2', 'd3']))).toBe('HistoryAssigned HistoryAssigned');
    expect(structure.assignments.get('c11/p1')).toMatchObject({ toUnitId: 'd2', version: 1 });
  });
  it('is assigned anew to correct it, and not twice the same', () => {
    const structure = split();
    told(structure, assign('c11', ['p1', 'd2']));
    expect(told(structure, assign('c11', ['p1', 'd2']))).toBe('nothing');
    expect(told(structure, assign('c11', ['p1', 'd3']))).toBe('HistoryAssigned');
    expect(structure.assignments.get('c11/p1')).toMatchObject({ toUnitId: 'd3', version: 2 });
  });
  it('goes to a unit that continues a successor, too', () => {
    const structure = split();
    told(structure, {
      type: 'SucceedUnit',
      unitId: 'd2',
      on: '2026-01-01',
      documentNo: '2-NQ',
      sample: true,
      successors: [{ unitId: 'c12', sharePercent: null }],
    });
    expect(told(structure, assign('c11', ['p1', 'c12']))).toBe('HistoryAssigned');
  });
  it('goes nowhere else', () => {
    expect(told(split(), assign('c11', ['p1', 'd2'], ['p2', 'c12']))).toBe('not-a-successor items.1.toUnitId');
    expect(told(split(), assign('c11', ['p1', 'nowhere']))).toBe('unit-unknown items.0.toUnitId');
  });
  it('is of a person on record, named once', () => {
    expect(told(split(), assign('c11', ['p9', 'd2']))).toBe('person-unknown items.0.personId');
    expect(told(split(), assign('c11', ['p1', 'd2'], ['p1', 'd3']))).toBe('person-twice items.1.personId');
  });
  it('needs no assignment where there are not two heirs', () => {
    expect(told(city(), assign('c12', ['p1', 'd2']))).toBe('unit-not-split');
    expect(told(city(), assign('nowhere', ['p1', 'd2']))).toBe('not-found');
  });
  it('is the board over the successor to assign', () => {
    expect(told(split(), assign('c11', ['p1', 'd2']), 'board.d1')).toBe('out-of-scope items.0.toUnitId');
    expect(told(split(), assign('c11', ['p1', 'd2']), 'officer.d1')).toBe('out-of-scope items.0.toUnitId');
  });
});

import { parentOn } from '@khue/contracts/units';
import { describe, expect, it } from 'vitest';
import { initialStructure } from './records.ts';
import { city, register, told } from './structure.fixture.ts';
import type { DissolveUnit, MoveUnit, SucceedUnit } from './units.ts';

const move = (unitId: string, parentId: string, on: string): MoveUnit => ({ type: 'MoveUnit', unitId, parentId, on, documentNo: '2-QĐ' });
const dissolve = (unitId: string, on: string): DissolveUnit => ({ type: 'DissolveUnit', unitId, on, documentNo: '3-QĐ' });
const succeed = (unitId: string, on: string, ...to: readonly (readonly [string, number | null])[]): SucceedUnit => ({
  type: 'SucceedUnit',
  unitId,
  on,
  documentNo: '1656/NQ-UBTVQH15',
  sample: true,
  successors: to.map(([successor, sharePercent]) => ({ unitId: successor, sharePercent })),
});
const officer = 'officer.d1';
const boardOfD1 = 'board.d1';

describe('a unit is registered', () => {
  it('under a parent by the board over that parent, with the first version', () => {
    const structure = city();
    expect(told(structure, register('c21', 'd2', { from: '2015-04-01' }))).toBe('UnitEstablished');
    expect(structure.units.get('c21')).toMatchObject({
      code: 'c21',
      from: '2015-04-01',
      to: null,
      version: 1,
      parents: [{ parentId: 'd2', from: '2015-04-01', to: null }],
    });
    expect(told(structure, register('c13', 'd1'), boardOfD1)).toBe('UnitEstablished');
  });
  it('not by an officer, nor by a board elsewhere', () => {
    expect(told(city(), register('c13', 'd1'), officer)).toBe('out-of-scope parentId');
    expect(told(city(), register('c21', 'd2'), boardOfD1)).toBe('out-of-scope parentId');
  });
  it('with a code that no unit ever had', () => {
    const structure = city();
    told(structure, dissolve('c12', '2020-01-01'));
    expect(told(structure, register('new', 'd1', { code: 'c12' }))).toBe('unit-code-taken code');
  });
  it('under a parent that exists from its first day on, without end', () => {
    const structure = city();
    told(structure, dissolve('d3', '2027-01-01'));
    expect(told(structure, register('c31', 'd3'))).toBe('parent-not-there parentId');
    expect(told(structure, register('old', 'd1', { from: '2008-07-31' }))).toBe('parent-not-there parentId');
    expect(told(structure, register('c99', 'nowhere'))).toBe('unit-unknown parentId');
  });
  it('ahead of its time, and others below it', () => {
    const structure = city();
    expect(told(structure, register('w1', 'city', { from: '2027-07-01' }))).toBe('UnitEstablished');
    expect(told(structure, register('w11', 'w1', { from: '2027-07-01' }))).toBe('UnitEstablished');
  });
  it('as the root once, by the founder', () => {
    const empty = (): ReturnType<typeof initialStructure> => initialStructure('founder', { units: [], successions: [], grants: [] });
    expect(told(empty(), register('city', null), 'board')).toBe('out-of-scope parentId');
    const structure = empty();
    expect(told(structure, register('city', null), 'founder')).toBe('UnitEstablished');
    expect(told(structure, register('city2', null), 'founder')).toBe('root-exists parentId');
    expect(told(structure, register('d1', 'city'), 'founder')).toBe('UnitEstablished');
    expect(told(structure, register('d2', 'city'), 'board')).toBe('out-of-scope parentId');
  });
  it('by the founder no more once a grant was issued', () => {
    expect(told(city(), register('d4', 'city'), 'founder')).toBe('out-of-scope parentId');
  });
});

describe('a unit moves to another parent', () => {
  it('from a date on, and stood under the old one before', () => {
    const structure = city();
    expect(told(structure, move('c11', 'd2', '2020-01-01'))).toBe('UnitMoved');
    expect([parentOn(structure.table, 'c11', '2019-12-31'), parentOn(structure.table, 'c11', '2020-01-01')]).toEqual(['d1', 'd2']);
    expect(structure.units.get('c11')?.version).toBe(2);
  });
  it('after its last change, not before', () => {
    const structure = city();
    told(structure, move('c11', 'd2', '2020-01-01'));
    expect(told(structure, move('c11', 'd3', '2020-01-01'))).toBe('date-before-last-change on');
    expect(told(structure, move('c11', 'd3', '2020-01-02'))).toBe('UnitMoved');
    expect(told(structure, move('d1', 'd2', '2008-08-01'))).toBe('date-before-last-change on');
  });
  it('not below itself, not even by way of a move that is planned', () => {
    const structure = city();
    expect(told(structure, move('d1', 'c11', '2020-01-01'))).toBe('unit-below-itself parentId');
    expect(told(structure, move('d1', 'd1', '2020-01-01'))).toBe('unit-below-itself parentId');
    expect(told(structure, move('city', 'd1', '2020-01-01'))).toBe('unit-below-itself parentId');
    told(structure, move('d2', 'c12', '2028-01-01'));
    expect(told(structure, move('d1', 'd2', '2027-01-01'))).toBe('unit-below-itself parentId');
  });
  it('below one that was below it once', () => {
    const structure = city();
    told(structure, move('c11', 'city', '2020-01-01'));
    expect(told(structure, move('d1', 'c11', '2020-01-01'))).toBe('UnitMoved');
  });
  it('within the scope of the board at both ends', () => {
    expect(told(city(), move('c11', 'd2', '2026-04-01'), boardOfD1)).toBe('out-of-scope parentId');
    expect(told(city(), move('d2', 'd1', '2026-04-01'), boardOfD1)).toBe('out-of-scope');
  });
  it('to where it is already: nothing happens', () => {
    expect(told(city(), move('c11', 'd1', '2026-04-01'))).toBe('nothing');
  });
  it('never after its end', () => {
    const structure = city();
    told(structure, dissolve('c11', '2025-07-01'));
    expect(told(structure, move('c11', 'd2', '2025-06-01'))).toBe('unit-ended on');
    expect(told(structure, move('nobody', 'd2', '2025-06-01'))).toBe('not-found');
  });
});

describe('a unit ends', () => {
  it('on a date; it exists the day before and no more that day', () => {
    const structure = city();
    expect(told(structure, dissolve('c11', '2025-07-01'))).toBe('UnitDissolved');
    expect(structure.units.get('c11')).toMatchObject({ to: '2025-07-01', version: 2, parents: [{ parentId: 'd1', to: '2025-07-01' }] });
  });
  it('after the units that belong to it, at the latest on the same day', () => {
    const structure = city();
    expect(told(structure, dissolve('d1', '2025-07-01'))).toBe('unit-has-children');
    told(structure, dissolve('c11', '2025-07-01'));
    told(structure, move('c12', 'd2', '2025-07-01'));
    expect(told(structure, dissolve('d1', '2025-06-30'))).toBe('unit-has-children');
    expect(told(structure, dissolve('d1', '2025-07-01'))).toBe('UnitDissolved');
  });
  it('once, and later than its last change', () => {
    const structure = city();
    expect(told(structure, dissolve('d2', '2008-08-01'))).toBe('date-before-last-change on');
    told(structure, dissolve('d2', '2025-07-01'));
    expect(told(structure, dissolve('d2', '2025-08-01'))).toBe('unit-ended on');
  });
  it('but never the root of the city', () => {
    expect(told(city(), dissolve('city', '2027-01-01'))).toBe('root-stays');
  });
  it('not by the day on which it takes over from another', () => {
    const structure = city();
    told(structure, succeed('c11', '2025-07-01', ['d2', null]));
    expect(told(structure, dissolve('d2', '2025-07-01'))).toBe('unit-succeeds-later on');
    expect(told(structure, dissolve('d2', '2025-07-02'))).toBe('UnitDissolved');
  });
});

describe('a unit is succeeded', () => {
  it('by several: it ends that day, and each takes its share', () => {
    const structure = city();
    expect(told(structure, succeed('c11', '2025-07-01', ['d2', 60], ['c12', 40]))).toBe('UnitSucceeded');
    expect(structure.units.get('c11')).toMatchObject({ to: '2025-07-01', version: 2 });
    expect(structure.table.successionsFrom.get('c11')).toMatchObject([
      { toUnitId: 'd2', share: 0.6, sample: true },
      { toUnitId: 'c12', share: 0.4 },
    ]);
  });
  it('together with others, by one: a merger', () => {
    const structure = city();
    told(structure, succeed('c11', '2025-07-01', ['d2', null]));
    expect(told(structure, succeed('c12', '2025-07-01', ['d2', null]))).toBe('UnitSucceeded');
  });
  it('by units that exist on the day it ends', () => {
    const structure = city();
    told(structure, register('w1', 'city', { from: '2025-07-01' }));
    told(structure, dissolve('d3', '2025-07-01'));
    expect(told(structure, succeed('c11', '2025-06-30', ['w1', null]))).toBe('successor-not-there successors.0.unitId');
    expect(told(structure, succeed('c11', '2025-07-01', ['w1', null], ['d3', null]))).toBe('successor-not-there successors.1.unitId');
    expect(told(structure, succeed('c11', '2025-07-01', ['w9', null]))).toBe('unit-unknown successors.0.unitId');
    expect(told(structure, succeed('c11', '2025-07-01', ['w1', null]))).toBe('UnitSucceeded');
  });
  it('by others, each once, with shares of no more than the whole', () => {
    expect(told(city(), succeed('c11', '2025-07-01', ['c11', null]))).toBe('successor-twice successors.0.unitId');
    expect(told(city(), succeed('c11', '2025-07-01', ['d2', null], ['d2', null]))).toBe('successor-twice successors.1.unitId');
    expect(told(city(), succeed('c11', '2025-07-01', ['d2', 60], ['d3', 41]))).toBe('shares-over-100 successors');
  });
  it('within the scope of the board on both sides', () => {
    expect(told(city(), succeed('c11', '2025-07-01', ['d2', null]), boardOfD1)).toBe('out-of-scope successors.0.unitId');
    expect(told(city(), succeed('c11', '2025-07-01', ['d2', null]), officer)).toBe('out-of-scope');
  });
  it('also long after its end, when the list is published: the end on record stands', () => {
    const structure = city();
    told(structure, dissolve('c11', '2025-07-01'));
    expect(told(structure, succeed('c11', '2025-08-01', ['d2', null]))).toBe('unit-ended on');
    expect(told(structure, succeed('c11', '2025-07-01', ['d2', null]))).toBe('UnitSucceeded');
    expect(told(structure, succeed('c11', '2025-07-01', ['d3', null]))).toBe('successors-recorded');
  });
});

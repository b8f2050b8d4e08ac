import { describe, expect, it } from 'vitest';
import {
  existsOn,
  heirs,
  isWithin,
  nearest,
  parentOn,
  pathOf,
  predecessors,
  standing,
  subtree,
  successors,
  successorsBy,
  successorToday,
  unitTable,
} from './units.ts';
import type { Succession, Unit } from './units.ts';

const REFORM = '2025-07-01';

function unit(id: string, parentId: string | null, from = '2000-01-01', to: string | null = null, more: Partial<Unit> = {}): Unit {
  return { id, code: id, kind: 'sample', name: `Đơn vị mẫu ${id}`, parents: [{ parentId, from, to }], from, to, sample: true, ...more };
}

const follows = (fromUnitId: string, ...toUnitIds: string[]): Succession[] => toUnitIds.map((toUnitId) => ({ fromUnitId, toUnitId, on: REFORM }));

// Two districts with three communes; on the day of the reform the district level ends, a and b become ab, c is split over c1 and ab.
const city = unitTable(
  [
    unit('city', null),
    unit('north', 'city', '2000-01-01', REFORM),
    unit('south', 'city', '2000-01-01', REFORM),
    unit('a', 'north', '2000-01-01', REFORM),
    unit('b', 'north', '2000-01-01', REFORM),
    unit('c', 'south', '2000-01-01', REFORM),
    unit('ab', 'city', REFORM),
    unit('c1', 'city', REFORM),
    unit('school', 'city', '2000-01-01', null, {
      parents: [
        { parentId: 'north', from: '2000-01-01', to: '2010-01-01' },
        { parentId: 'city', from: '2010-01-01', to: null },
      ],
    }),
  ],
  [...follows('a', 'ab'), ...follows('b', 'ab'), ...follows('c', 'c1', 'ab'), ...follows('north', 'ab', 'c1'), ...follows('south', 'c1')],
);

describe('a unit', () => {
  it('is valid from its first day until the day before its end', () => {
    expect(['1999-12-31', '2000-01-01', '2025-06-30', REFORM].map((date) => existsOn(city, 'a', date))).toEqual([false, true, true, false]);
    expect(existsOn(city, 'nowhere', REFORM)).toBe(false);
  });

  it('has the parent of the date', () => {
    expect(['2009-12-31', '2010-01-01', REFORM].map((date) => parentOn(city, 'school', date))).toEqual(['north', 'city', 'city']);
    expect(parentOn(city, 'city', REFORM)).toBeUndefined();
    expect(parentOn(city, 'a', REFORM)).toBeUndefined();
  });

  it('has a path from the root that is empty when it does not exist', () => {
    expect(pathOf(city, 'a', '2025-06-30')).toEqual(['city', 'north', 'a']);
    expect(pathOf(city, 'a', REFORM)).toEqual([]);
  });

  it('finds the nearest unit above of a kind, itself included', () => {
    expect(nearest(city, 'a', '2025-06-30', (u) => u.id !== 'a')).toBe('north');
    expect(nearest(city, 'a', '2025-06-30', (u) => u.id === 'a')).toBe('a');
    expect(nearest(city, 'a', '2025-06-30', () => false)).toBeUndefined();
    expect(nearest(city, 'a', REFORM, () => true)).toBeUndefined();
  });

  it('occurs once in a table', () => {
    expect(() => unitTable([unit('a', null), unit('a', null)])).toThrow(RangeError);
  });
});

describe('a subtree', () => {
  it('is that of the date', () => {
    expect(subtree(city, 'city', '2025-06-30')).toEqual(['city', 'north', 'a', 'b', 'south', 'c', 'school']);
    expect(subtree(city, 'city', REFORM)).toEqual(['city', 'ab', 'c1', 'school']);
    expect(subtree(city, 'north', '2005-01-01')).toEqual(['north', 'a', 'b', 'school']);
  });

  it('of a unit that has ended is empty, and nothing is within it', () => {
    expect(subtree(city, 'north', REFORM)).toEqual([]);
    expect(isWithin(city, 'a', 'north', REFORM)).toBe(false);
    expect(isWithin(city, 'north', 'north', REFORM)).toBe(false);
  });

  it('is cut where a unit between has ended', () => {
    const table = unitTable([unit('top', null), unit('mid', 'top', '2000-01-01', '2010-01-01'), unit('low', 'mid')]);
    expect(isWithin(table, 'low', 'top', '2009-12-31')).toBe(true);
    expect(isWithin(table, 'low', 'top', '2010-01-01')).toBe(false);
    expect(pathOf(table, 'low', '2010-01-01')).toEqual(['low']);
  });
});

describe('a table that is behind or wrong', () => {
  it('bears parents and successors it does not know yet', () => {
    const table = unitTable([unit('a', 'unknown'), unit('b', null, '2000-01-01', REFORM)], follows('b', 'unknown'));
    expect(pathOf(table, 'a', REFORM)).toEqual(['a']);
    expect(subtree(table, 'unknown', REFORM)).toEqual([]);
    expect(standing(table, 'b', REFORM)).toEqual({ at: 'b', settled: false });
    expect(successorToday(table, 'unknown', REFORM)).toBe('unassigned');
  });

  it('does not turn for ever in a circle', () => {
    const table = unitTable(
      [unit('a', 'b'), unit('b', 'a'), unit('x', null, '2000-01-01', REFORM), unit('y', null, '2000-01-01', REFORM)],
      [...follows('x', 'y'), ...follows('y', 'x')],
    );
    expect(isWithin(table, 'a', 'c', REFORM)).toBe(false);
    expect(subtree(table, 'a', REFORM)).toEqual(['a', 'b']);
    expect(pathOf(table, 'a', REFORM)).toEqual(['b', 'a']);
    expect(successorToday(table, 'x', REFORM)).toBe('unassigned');
    expect(predecessors(table, 'x')).toEqual(['y']);
  });
});

describe('succession', () => {
  it('is known in both directions, once each', () => {
    expect(successors(city, 'c')).toEqual(['c1', 'ab']);
    expect(predecessors(city, 'ab')).toEqual(['a', 'b', 'c', 'north']);
    const twice = unitTable([], [...follows('a', 'b'), { fromUnitId: 'a', toUnitId: 'b', on: '2026-01-01', share: 0.5 }]);
    expect(successors(twice, 'a')).toEqual(['b']);
  });

  it('goes through any number of reorganizations', () => {
    const table = unitTable([], [...follows('a', 'b'), ...follows('b', 'c', 'd'), ...follows('x', 'd')]);
    expect(predecessors(table, 'd')).toEqual(['b', 'x', 'a']);
    expect(heirs(table, 'a', REFORM)).toEqual(['b', 'c', 'd']);
  });

  it('that is only planned moves no row', () => {
    expect(successorsBy(city, 'c', '2025-06-30')).toEqual([]);
    expect(successorToday(city, 'c', '2025-06-30')).toBe('c');
  });

  it('leads a row to the unit of today', () => {
    expect(successorToday(city, 'a', REFORM)).toBe('ab');
    expect(successorToday(city, 'ab', REFORM)).toBe('ab');
    expect(successorToday(city, 'south', REFORM, 'ab')).toBe('c1');
  });

  it('does not guess where a unit was split: its rows follow the assignment or are unassigned', () => {
    expect(successorToday(city, 'c', REFORM)).toBe('unassigned');
    expect(successorToday(city, 'c', REFORM, null)).toBe('unassigned');
    expect(successorToday(city, 'c', REFORM, 'ab')).toBe('ab');
    expect(successorToday(city, 'c', REFORM, 'school')).toBe('unassigned');
  });

  it('leaves a row with a unit that lives on after giving up a part', () => {
    const table = unitTable([unit('old', null), unit('new', null, REFORM)], follows('old', 'new'));
    expect(successorToday(table, 'old', REFORM, 'new')).toBe('old');
  });

  it('follows an assignment through a second split', () => {
    const later = '2026-01-01';
    const table = unitTable(
      [
        unit('a', null, '2000-01-01', REFORM),
        unit('b', null, REFORM, later),
        unit('c', null, REFORM),
        unit('d', null, later),
        unit('e', null, later),
      ],
      [...follows('a', 'b', 'c'), { fromUnitId: 'b', toUnitId: 'd', on: later }, { fromUnitId: 'b', toUnitId: 'e', on: later }],
    );
    expect(successorToday(table, 'a', REFORM, 'b')).toBe('b');
    expect(successorToday(table, 'a', later, 'b')).toBe('unassigned');
    expect(standing(table, 'a', later, 'b')).toEqual({ at: 'b', settled: false });
    expect(successorToday(table, 'a', later, 'd')).toBe('d');
    expect(successorToday(table, 'a', later, 'c')).toBe('c');
    expect(successorToday(table, 'a', REFORM, 'd')).toBe('unassigned');
  });
});

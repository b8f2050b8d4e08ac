import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays } from './dates.ts';
import { activeGrants, inScope, mayRead, readableUnits, roles } from './grants.ts';
import type { Grant, Role } from './grants.ts';
import { existsOn, heirs, isWithin, parentOn, pathOf, predecessors, subtree, successorToday, UNASSIGNED, unitTable } from './units.ts';
import type { ParentLink, Succession, Unit, UnitTable } from './units.ts';

const REFORM = '2025-07-01';
const EVE = '2025-06-30';

const grant = (role: Role, unitId: string, validFrom = '2000-01-01', validTo: string | null = null): Grant => ({
  id: `${role}@${unitId}`,
  sub: 'someone',
  role,
  unitId,
  validFrom,
  validTo,
  documentNo: '01-QĐ/TU',
});
const unit = (id: string, parentId: string | null, from: string, to: string | null = null): Unit => ({
  id,
  code: id,
  kind: 'sample',
  name: id,
  parents: [{ parentId, from, to }],
  from,
  to,
});

// district with wards a, b, c until the reform; then a and b are x, c is split over x and y; city is above all.
const city = unitTable(
  [
    unit('city', null, '2000-01-01'),
    unit('district', 'city', '2000-01-01', REFORM),
    ...['a', 'b', 'c'].map((id) => unit(id, 'district', '2000-01-01', REFORM)),
    ...['x', 'y'].map((id) => unit(id, 'city', REFORM)),
  ],
  [
    ['a', 'x'],
    ['b', 'x'],
    ['c', 'x'],
    ['c', 'y'],
  ].map(([from, to]) => ({ fromUnitId: from as string, toUnitId: to as string, on: REFORM })),
);

describe('a grant', () => {
  it('is in force from its first day until the day before its end', () => {
    const one = grant('officer', 'a', '2025-01-01', '2025-02-01');
    expect(['2024-12-31', '2025-01-01', '2025-01-31', '2025-02-01'].map((date) => activeGrants([one], date).length)).toEqual([0, 1, 1, 0]);
  });
});

describe('a write', () => {
  it('is permitted within the unit of the grant, in the structure of the day, and names the grant', () => {
    const officer = grant('officer', 'district');
    expect(inScope([grant('reader', 'city'), officer], city, 'a', EVE, ['officer'])).toBe(officer);
    expect(inScope([officer], city, 'city', EVE, ['officer'])).toBeUndefined();
    expect(inScope([officer], city, 'a', EVE, ['approver', 'board'])).toBeUndefined();
    expect(inScope([{ ...officer, validTo: EVE }], city, 'a', EVE, ['officer'])).toBeUndefined();
  });

  it('is not permitted at a unit that has ended, nor by a grant on one', () => {
    expect(inScope([grant('officer', 'city')], city, 'a', REFORM, ['officer'])).toBeUndefined();
    expect(inScope([grant('officer', 'a')], city, 'a', REFORM, ['officer'])).toBeUndefined();
    expect(inScope([grant('officer', 'district')], city, 'x', REFORM, ['officer'])).toBeUndefined();
  });
});

describe('reading', () => {
  const ids = (grants: Grant[]): unknown => readableUnits(grants, city, REFORM);

  it("covers the only successor's predecessors wholly", () => {
    expect(mayRead([grant('officer', 'x')], city, 'a', REFORM)).toBeDefined();
    expect(mayRead([grant('officer', 'y')], city, 'a', REFORM)).toBeUndefined();
  });

  it("of a split unit covers the rows assigned to one's own unit", () => {
    for (const [own, assigned, readable] of [
      ['x', 'x', true],
      ['x', 'y', false],
      ['x', null, false],
      ['y', 'y', true],
      ['city', 'x', true],
      ['city', null, false],
    ] as const) {
      expect(mayRead([grant('officer', own)], city, 'c', REFORM, undefined, assigned) !== undefined, `${own} ${assigned}`).toBe(readable);
    }
    expect(ids([grant('officer', 'x')])).toEqual({ whole: ['x', 'a', 'b'], assignedOf: [{ unitId: 'c', assignedTo: ['x'], unassigned: false }] });
  });

  it('of unassigned rows is for the board over the split unit', () => {
    expect(mayRead([grant('board', 'city')], city, 'c', REFORM)).toBeDefined();
    expect(mayRead([grant('board', 'x')], city, 'c', REFORM)).toBeUndefined();
    expect(ids([grant('board', 'city')])).toEqual({ whole: ['city', 'x', 'y', 'district', 'a', 'b', 'c'], assignedOf: [] });
    expect(ids([grant('officer', 'city')])).toEqual({
      whole: ['city', 'x', 'y', 'a', 'b'],
      assignedOf: [{ unitId: 'c', assignedTo: ['x', 'y'], unassigned: false }],
    });
  });

  it('is for the roles asked for', () => {
    expect(mayRead([grant('operator', 'city')], city, 'x', REFORM, ['officer', 'board'])).toBeUndefined();
    expect(readableUnits([grant('operator', 'city')], city, REFORM, ['officer', 'board'])).toEqual({ whole: [], assignedOf: [] });
    expect(mayRead([grant('board', 'city')], city, 'c', REFORM, ['officer'])).toBeUndefined();
  });

  it('ends with the unit of the grant and does not cover units nobody knows', () => {
    expect(ids([grant('officer', 'a'), grant('board', 'district')])).toEqual({ whole: [], assignedOf: [] });
    expect(mayRead([grant('board', 'city')], city, 'unknown', REFORM)).toBeUndefined();
  });

  it('of unassigned rows is for the nearest board of the line that the unit was under on its last day', () => {
    const later = '2026-01-01';
    const table = unitTable(
      [
        unit('city', null, '2000-01-01'),
        unit('east', 'city', '2000-01-01'),
        unit('west', 'city', '2000-01-01'),
        unit('old', 'east', '2000-01-01', REFORM),
        unit('mid', 'west', REFORM, later),
        unit('p', 'east', later),
        unit('q', 'west', later),
      ],
      [
        { fromUnitId: 'old', toUnitId: 'mid', on: REFORM },
        { fromUnitId: 'mid', toUnitId: 'p', on: later },
        { fromUnitId: 'mid', toUnitId: 'q', on: later },
      ],
    );
    const read = (board: string): boolean[] => ['old', 'mid'].map((id) => mayRead([grant('board', board)], table, id, later) !== undefined);
    expect([read('city'), read('west'), read('east'), read('q')]).toEqual([
      [true, true],
      [true, true],
      [false, false],
      [false, false],
    ]);
    expect(readableUnits([grant('board', 'west')], table, later).assignedOf).toEqual([
      { unitId: 'old', assignedTo: ['mid', 'q'], unassigned: true },
      { unitId: 'mid', assignedTo: ['q'], unassigned: true },
    ]);
  });

  it('of what is left of no line is for the board at the top', () => {
    const table = unitTable([unit('old', null, '2000-01-01', REFORM), unit('top', null, REFORM), unit('low', 'top', REFORM)]);
    expect(mayRead([grant('board', 'top')], table, 'old', REFORM)).toBeDefined();
    expect(mayRead([grant('board', 'low')], table, 'old', REFORM)).toBeUndefined();
  });
});

// ---- over random histories: a city is founded and reorganized step by step ----

interface Life {
  id: string;
  parents: ParentLink[];
  from: string;
  to: string | null;
}
const DAY_ONE = '2000-01-01';
const steps = ['found', 'found', 'found', 'merge', 'split', 'absorb', 'secede', 'end', 'move'] as const;

function historyOf(script: readonly { step: (typeof steps)[number]; a: number; b: number; days: number }[]): UnitTable {
  const lives: Life[] = [{ id: 'u0', parents: [{ parentId: null, from: DAY_ONE, to: null }], from: DAY_ONE, to: null }];
  const successions: Succession[] = [];
  let date = DAY_ONE;
  const begin = (parentId: string | null): Life => {
    const life = { id: `u${lives.length}`, parents: [{ parentId, from: date, to: null }], from: date, to: null };
    lives.push(life);
    return life;
  };
  const under = (life: Life, parentId: string | null): void => {
    life.parents = [...life.parents.slice(0, -1), { ...(life.parents.at(-1) as ParentLink), to: date }, { parentId, from: date, to: null }];
  };
  const above = (life: Life): string | null => life.parents.at(-1)?.parentId ?? null;
  const follow = (from: Life, to: Life): void => void successions.push({ fromUnitId: from.id, toUnitId: to.id, on: date });
  for (const { step, a, b, days } of script) {
    date = addDays(date, days);
    const alive = lives.filter((life) => life.to === null);
    const [one, two] = [alive[a % alive.length] as Life, alive[b % alive.length] as Life];
    const end = (life: Life, heir?: Life): void => {
      if (alive.length < 2) return;
      life.to = date;
      // Units below move to the heir; without one they stay behind under a parent that has ended.
      if (heir) for (const child of lives) if (child.to === null && child !== heir && above(child) === life.id) under(child, heir.id);
    };
    const tableNow = (): UnitTable => unitTable(lives.map((life) => ({ ...life, code: '', kind: '', name: '' })));
    if (step === 'found') begin(one.id);
    else if (step === 'merge' && one !== two) {
      const merged = begin(isWithin(tableNow(), one.id, two.id, date) ? above(two) : above(one));
      for (const part of [one, two]) {
        end(part, merged);
        follow(part, merged);
      }
    } else if (step === 'split') {
      const parts = [begin(above(one)), begin(above(one))] as const;
      end(one, parts[0]);
      for (const part of parts) follow(one, part);
    } else if (step === 'absorb' && one !== two && !isWithin(tableNow(), two.id, one.id, date)) {
      end(one, two);
      follow(one, two);
    } else if (step === 'secede') follow(one, begin(above(one)));
    else if (step === 'end') end(one);
    else if (step === 'move' && !isWithin(tableNow(), two.id, one.id, date)) under(one, two.id);
  }
  return unitTable(
    lives.map((life) => ({ ...life, code: '', kind: '', name: '' })),
    successions,
  );
}

const nat = fc.nat({ max: 40 });
const history = fc
  .array(fc.record({ step: fc.constantFrom(...steps), a: nat, b: nat, days: fc.integer({ min: 0, max: 30 }) }), { minLength: 3, maxLength: 25 })
  .map(historyOf);
/** Nothing a projection would ever hold: circles, overlaps, unknown ids. */
const chaos = fc
  .record({
    links: fc.array(fc.record({ child: fc.nat(7), parent: fc.option(fc.nat(9)), from: fc.nat(9), to: fc.option(fc.nat(9)) }), { maxLength: 20 }),
    ends: fc.array(fc.option(fc.nat(9)), { minLength: 8, maxLength: 8 }),
    follows: fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)), { maxLength: 15 }),
  })
  .map(({ links, ends, follows }) => {
    const dateOf = (n: number): string => addDays(DAY_ONE, n * 30);
    const units = ends.map((end, i): Unit => ({
      ...unit(`u${i}`, null, DAY_ONE, end === null ? null : dateOf(end)),
      parents: links
        .filter((l) => l.child === i)
        .map((l) => ({ parentId: l.parent === null ? null : `u${l.parent}`, from: dateOf(l.from), to: l.to === null ? null : dateOf(l.to) })),
    }));
    return unitTable(
      units,
      follows.map(([from, to, on]) => ({ fromUnitId: `u${from}`, toUnitId: `u${to}`, on: dateOf(on) })),
    );
  });
const moment = fc.integer({ min: -5, max: 500 }).map((n) => addDays(DAY_ONE, n));
const someGrants = fc.array(
  fc.record({ role: fc.constantFrom(...roles), at: nat, from: fc.integer({ min: -100, max: 300 }), days: fc.option(fc.nat(400), { freq: 2 }) }),
  { maxLength: 4 },
);
const grantsIn = (table: UnitTable, drawn: readonly { role: Role; at: number; from: number; days: number | null }[]): Grant[] =>
  drawn.map(({ role, at, from, days }) =>
    grant(role, `u${at % table.units.size}`, addDays(DAY_ONE, from), days === null ? null : addDays(DAY_ONE, from + days)),
  );

describe('over any history of units', () => {
  const held = (property: (table: UnitTable, date: string, grants: Grant[], ids: string[]) => void): void =>
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: history }, { weight: 1, arbitrary: chaos }), moment, someGrants, (table, date, drawn) =>
        property(table, date, grantsIn(table, drawn), [...table.units.keys()]),
      ),
      { numRuns: 150 },
    );

  it('subtree, path and being within say the same', () =>
    held((table, date, _grants, ids) => {
      for (const root of ids) {
        const below = subtree(table, root, date);
        expect(new Set(below).size).toBe(below.length);
        expect(below.toSorted()).toEqual(ids.filter((id) => isWithin(table, id, root, date)).toSorted());
        for (const id of below) expect(existsOn(table, id, date) && pathOf(table, id, date).includes(root)).toBe(true);
      }
    }));

  it('every row of every unit stands at a unit of the day or is unassigned', () =>
    held((table, date, _grants, ids) => {
      for (const id of ids) {
        for (const assigned of [null, 'unknown', ...ids]) {
          const place = successorToday(table, id, date, assigned);
          expect(place === UNASSIGNED || existsOn(table, place, date)).toBe(true);
          if (existsOn(table, id, date)) expect(place).toBe(id);
          else if (place !== UNASSIGNED) expect(heirs(table, id, date).includes(place) && predecessors(table, place).includes(id)).toBe(true);
        }
      }
    }));

  it('a write is permitted exactly in the subtree of a grant in force, never at or by a unit that does not exist that day', () =>
    held((table, date, grants, ids) => {
      for (const id of ids) {
        const by = inScope(grants, table, id, date, ['officer', 'board', 'school']);
        const able = activeGrants(grants, date).filter(
          (g) => ['officer', 'board', 'school'].includes(g.role) && subtree(table, g.unitId, date).includes(id),
        );
        expect(by).toBe(able[0]);
        if (by) expect(existsOn(table, id, date) && existsOn(table, by.unitId, date)).toBe(true);
      }
    }));

  it('a list shows exactly the rows that may be read one by one', () =>
    held((table, date, grants, ids) => {
      const { whole, assignedOf } = readableUnits(grants, table, date);
      expect(new Set([...whole, ...assignedOf.map((part) => part.unitId)]).size).toBe(whole.length + assignedOf.length);
      for (const id of ids) {
        const part = assignedOf.find((p) => p.unitId === id);
        for (const assigned of [null, ...heirs(table, id, date)]) {
          const listed = whole.includes(id) || (assigned === null ? part?.unassigned : part?.assignedTo.includes(assigned)) === true;
          expect(mayRead(grants, table, id, date, undefined, assigned) !== undefined, `${id} ${assigned}`).toBe(listed);
        }
      }
    }));

  it('whoever may write may read, and nobody but a board reads what no unit in scope is or continues', () =>
    held((table, date, grants, ids) => {
      for (const id of ids) {
        if (inScope(grants, table, id, date, roles)) expect(mayRead(grants, table, id, date)).toBeDefined();
        for (const assigned of [null, ...ids]) {
          const by = mayRead(grants, table, id, date, undefined, assigned);
          if (by && by.role !== 'board')
            expect(subtree(table, by.unitId, date).some((own) => own === id || predecessors(table, own).includes(id))).toBe(true);
        }
      }
    }));

  it('one row is not read from two places that have nothing in common', () =>
    held((table, date, _grants, ids) => {
      const apart = ids.filter((id) => existsOn(table, id, date) && subtree(table, id, date).length === 1);
      for (const id of ids) {
        for (const assigned of [null, ...ids]) {
          expect(apart.filter((own) => mayRead([grant('officer', own)], table, id, date, undefined, assigned)).length).toBeLessThan(2);
        }
      }
    }));

  it('no row is lost: the boards at the top read everything together', () => {
    fc.assert(
      fc.property(history, moment, (table, date) => {
        const ids = [...table.units.keys()];
        const tops = ids.filter((id) => existsOn(table, id, date) && parentOn(table, id, date) === undefined).map((id) => grant('board', id));
        fc.pre(tops.length > 0);
        const { whole, assignedOf } = readableUnits(tops, table, date);
        expect(assignedOf).toEqual([]);
        expect(whole.toSorted()).toEqual(ids.toSorted());
      }),
      { numRuns: 150 },
    );
  });
});

/** A unit under a parent during `[from, to)`; `parentId` null: a root during that time. */
export interface ParentLink {
  readonly parentId: string | null;
  readonly from: string;
  readonly to: string | null;
}

/** A body of the city over time. Dates are business dates; validity is `[from, to)`, `to` null: not ended. */
export interface Unit {
  readonly id: string;
  readonly code: string;
  readonly kind: string;
  readonly name: string;
  readonly parents: readonly ParentLink[];
  readonly from: string;
  readonly to: string | null;
  readonly sample?: boolean;
}

/** From `on`, `toUnitId` continues `fromUnitId`, wholly or in part; many-to-many (domain 7: a commune was split over several new ones). */
export interface Succession {
  readonly fromUnitId: string;
  readonly toUnitId: string;
  readonly on: string;
  /** Of the members, 0 to 1; null or absent where nobody recorded it. */
  readonly share?: number | null;
}

/** Units and successions, indexed. Never changed: news make a new table. */
export interface UnitTable {
  readonly units: ReadonlyMap<string, Unit>;
  /** Ids of all units that have ever been directly under a unit. */
  readonly childrenEver: ReadonlyMap<string, readonly string[]>;
  readonly successionsFrom: ReadonlyMap<string, readonly Succession[]>;
  readonly successionsTo: ReadonlyMap<string, readonly Succession[]>;
}

/** Where rows of a split unit stand that nobody has assigned to one of its successors. */
export const UNASSIGNED = 'unassigned';

/**
 * The table of these units. A projection may be behind: parents and successors it does not know yet are borne with, and so are circles in the
 * data; no walk hangs. The same id twice is a RangeError.
 */
export function unitTable(units: Iterable<Unit>, successions: Iterable<Succession> = []): UnitTable {
  const byId = new Map<string, Unit>();
  const children = new Map<string, Set<string>>();
  for (const unit of units) {
    if (byId.has(unit.id)) throw new RangeError(`unit ${unit.id} occurs twice`);
    byId.set(unit.id, unit);
    for (const { parentId } of unit.parents) {
      if (parentId === null) continue;
      const ids = children.get(parentId);
      if (ids) ids.add(unit.id);
      else children.set(parentId, new Set([unit.id]));
    }
  }
  const all = [...successions];
  return Object.freeze({
    units: byId,
    childrenEver: new Map([...children].map(([id, ids]) => [id, [...ids]])),
    successionsFrom: groupedBy(all, (s) => s.fromUnitId),
    successionsTo: groupedBy(all, (s) => s.toUnitId),
  });
}

/** Chrome 109 has no Map.groupBy. */
function groupedBy<T>(all: readonly T[], keyOf: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return groups;
}

const holds = (span: { readonly from: string; readonly to: string | null }, date: string): boolean =>
  span.from <= date && (span.to === null || date < span.to);

/** True from the day a unit begins until the day before it ends. False for a unit that is not in the table. */
export function existsOn(table: UnitTable, unitId: string, date: string): boolean {
  const unit = table.units.get(unitId);
  return unit !== undefined && holds(unit, date);
}

/** The unit directly above on that date; undefined for a root, and where the unit or its parent does not exist then. */
export function parentOn(table: UnitTable, unitId: string, date: string): string | undefined {
  const unit = table.units.get(unitId);
  if (!unit || !holds(unit, date)) return undefined;
  for (const link of unit.parents) {
    if (holds(link, date)) return link.parentId !== null && existsOn(table, link.parentId, date) ? link.parentId : undefined;
  }
  return undefined;
}

/** The unit and those above it on that date, from the unit up; the set keeps a circle from turning for ever. */
function lineage(table: UnitTable, unitId: string, date: string): Set<string> {
  const line = new Set<string>();
  let id: string | undefined = existsOn(table, unitId, date) ? unitId : undefined;
  while (id !== undefined && !line.has(id)) {
    line.add(id);
    id = parentOn(table, id, date);
  }
  return line;
}

/** True where, on that date, both units exist and `unitId` is `rootId` or somewhere below it. */
export function isWithin(table: UnitTable, unitId: string, rootId: string, date: string): boolean {
  let id: string | undefined = existsOn(table, unitId, date) ? unitId : undefined;
  // More steps than units only in a circle.
  for (let steps = table.units.size; id !== undefined && steps > 0; steps--) {
    if (id === rootId) return true;
    id = parentOn(table, id, date);
  }
  return false;
}

/** The unit and all below it on that date, each before those under it; empty where it does not exist then. */
export function subtree(table: UnitTable, unitId: string, date: string): string[] {
  const found = new Set<string>();
  const waiting = existsOn(table, unitId, date) ? [unitId] : [];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    const children = table.childrenEver.get(id) ?? [];
    for (let i = children.length - 1; i >= 0; i--) {
      const child = children[i] as string;
      if (parentOn(table, child, date) === id) waiting.push(child);
    }
  }
  return [...found];
}

/** The units from the root down to the unit itself on that date; empty where it does not exist then. */
export const pathOf = (table: UnitTable, unitId: string, date: string): string[] => [...lineage(table, unitId, date)].reverse();

/** The unit itself or the nearest above it on that date of which the predicate is true. */
export function nearest(table: UnitTable, unitId: string, date: string, predicate: (unit: Unit) => boolean): string | undefined {
  for (const id of lineage(table, unitId, date)) if (predicate(table.units.get(id) as Unit)) return id;
  return undefined;
}

/** The units that directly continue this one, whenever; in the order recorded. */
export const successors = (table: UnitTable, unitId: string): string[] => [
  ...new Set((table.successionsFrom.get(unitId) ?? []).map((s) => s.toUnitId)),
];

/** As `successors`, of the successions that have happened by that date: what is only planned moves no row. */
export function successorsBy(table: UnitTable, unitId: string, date: string): string[] {
  const happened = (table.successionsFrom.get(unitId) ?? []).filter((s) => s.on <= date);
  return [...new Set(happened.map((s) => s.toUnitId))];
}

function reach(start: string, next: (id: string) => Iterable<string>): string[] {
  const seen = new Set([start]);
  for (const id of seen) for (const other of next(id)) seen.add(other); // A set is walked together with what is added on the way.
  seen.delete(start);
  return [...seen];
}

/** All units that this one continues, directly or through others, whenever; the nearest first. */
export const predecessors = (table: UnitTable, unitId: string): string[] =>
  reach(unitId, (id) => (table.successionsTo.get(id) ?? []).map((s) => s.fromUnitId));

/** All units that continue this one by that date, directly or through others; the nearest first. */
export const heirs = (table: UnitTable, unitId: string, date: string): string[] => reach(unitId, (id) => successorsBy(table, id, date));

export interface Standing {
  /** The unit reached; where it is not settled, the last one known on the way. */
  readonly at: string;
  /** True where that unit exists on the date. */
  readonly settled: boolean;
}

/**
 * Where a row of a unit stands in the structure of a date. A unit that exists then keeps its rows; one that has ended hands them to its only
 * successor, and so on. Where there are several nobody guesses: the row follows `assigned` if that is one of them or continues one of them
 * (a successor may itself have been split since), else it is unsettled.
 */
export function standing(table: UnitTable, unitId: string, date: string, assigned?: string | null): Standing {
  const passed = new Set<string>();
  let at = unitId;
  while (!existsOn(table, at, date)) {
    passed.add(at);
    const next = successorsBy(table, at, date);
    const onward = next.length === 1 ? next[0] : assigned != null && heirs(table, at, date).includes(assigned) ? assigned : undefined;
    if (onward === undefined || passed.has(onward) || !table.units.has(onward)) return { at, settled: false };
    at = onward;
  }
  return { at, settled: true };
}

/** The unit at which a row of `unitId` stands on that date, or `unassigned`. See `standing`. */
export function successorToday(table: UnitTable, unitId: string, date: string, assigned?: string | null): string {
  const { at, settled } = standing(table, unitId, date, assigned);
  return settled ? at : UNASSIGNED;
}

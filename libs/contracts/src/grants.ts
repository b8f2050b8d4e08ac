import { addDays } from './dates.ts';
import { existsOn, heirs, isWithin, pathOf, predecessors, standing, subtree } from './units.ts';
import type { UnitTable } from './units.ts';

// The law (interfaces.md, "Units" and "Identity"):
//
//   A token proves who somebody is and no more; what he may do is the data of his grants, each for one role over one unit from one date to another.
//   Writes are judged at today's date: the unit exists today, and is within the unit of the grant in today's structure. A grant on a unit that
//   has ended permits nothing: its subtree today is empty.
//   Reads: a grant on U reads U's subtree today and all its predecessors. A predecessor with one successor is read wholly. A split one is read by
//   each successor for the rows assigned to it; its unassigned rows by the board.
//
// Said once, so that one row and a list of rows agree: a row is read where it stands today (`standing` in units.ts). The board that reads an unassigned
// row is the one over the unit under which the split unit last was; if nothing of that line is left, the board at the top.
//
// Every function takes the grants of one account: whose they are is not looked at here.

export const roles = ['officer', 'approver', 'board', 'school', 'lecturer', 'reader', 'subscriber', 'operator'] as const;

export type Role = (typeof roles)[number];

export interface Grant {
  readonly id: string;
  /** The account, as the `sub` of its token. */
  readonly sub: string;
  readonly role: Role;
  readonly unitId: string;
  /** In force during `[validFrom, validTo)`; null: until revoked. */
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly documentNo: string;
}

const isActive = (grant: Grant, date: string): boolean => grant.validFrom <= date && (grant.validTo === null || date < grant.validTo);

const permitted = (grants: readonly Grant[], date: string, roles?: readonly Role[]): Grant[] =>
  grants.filter((grant) => isActive(grant, date) && (roles === undefined || roles.includes(grant.role)));

/** The grants in force on that date. */
export const activeGrants = (grants: readonly Grant[], date: string): Grant[] => grants.filter((grant) => isActive(grant, date));

/**
 * The grant that permits a write at that unit on that date in one of these roles (the first in the order given), for the audit to name; undefined:
 * not permitted. A unit that the table does not have is for the caller to tell apart before (409 `unit-not-known-yet`).
 */
export function inScope(grants: readonly Grant[], table: UnitTable, unitId: string, date: string, roles: readonly Role[]): Grant | undefined {
  return grants.find((grant) => roles.includes(grant.role) && isActive(grant, date) && isWithin(table, unitId, grant.unitId, date));
}

/** The unit whose board keeps the unassigned rows of an unsettled unit: the nearest that still stands of those it was last under. */
function keeperOf(table: UnitTable, unitId: string, date: string): string | undefined {
  const unit = table.units.get(unitId);
  if (!unit) return undefined;
  const lastDay = unit.to !== null && unit.to > unit.from ? addDays(unit.to, -1) : unit.from;
  for (const above of pathOf(table, unitId, lastDay).reverse()) {
    const { at, settled } = standing(table, above, date);
    if (settled) return at;
  }
  return undefined;
}

function keeps(grant: Grant, table: UnitTable, keeper: string | undefined, date: string): boolean {
  if (grant.role !== 'board') return false;
  return keeper === undefined ? pathOf(table, grant.unitId, date).length === 1 : isWithin(table, keeper, grant.unitId, date);
}

/**
 * The grant that permits reading a row of that unit on that date; undefined: not permitted. `roles` absent: any role. `assigned` is the unit to which
 * a row of a split unit has been assigned. A unit that the table does not have is read by nobody.
 */
export function mayRead(
  grants: readonly Grant[],
  table: UnitTable,
  unitId: string,
  date: string,
  roles?: readonly Role[],
  assigned?: string | null,
): Grant | undefined {
  if (!table.units.has(unitId)) return undefined;
  const able = permitted(grants, date, roles);
  const { at, settled } = standing(table, unitId, date, assigned);
  if (settled) return able.find((grant) => isWithin(table, at, grant.unitId, date));
  if (!able.some((grant) => grant.role === 'board')) return undefined;
  const keeper = keeperOf(table, at, date);
  return able.find((grant) => keeps(grant, table, keeper, date));
}

export interface ReadableUnits {
  /** Units all of whose rows are readable: those within scope today, and the ended ones whose every row stands there. */
  readonly whole: readonly string[];
  /** Split units of which a part is readable: the rows assigned to these units, and the rows assigned to none if `unassigned`. */
  readonly assignedOf: readonly { readonly unitId: string; readonly assignedTo: readonly string[]; readonly unassigned: boolean }[];
}

/**
 * The filter for a list, the same law as `mayRead` by set:
 * `unit = ANY(whole) OR (unit, assigned) IN (assignedOf × assignedTo) OR (assigned IS NULL AND unit = ANY(those with unassigned))`.
 */
export function readableUnits(grants: readonly Grant[], table: UnitTable, date: string, roles?: readonly Role[]): ReadableUnits {
  const able = permitted(grants, date, roles);
  const scope = new Set(able.flatMap((grant) => subtree(table, grant.unitId, date)));
  const boards = able.filter((grant) => grant.role === 'board');
  const whole = [...scope];
  const assignedOf: { unitId: string; assignedTo: string[]; unassigned: boolean }[] = [];
  for (const unitId of endedWithin(table, scope, date, boards.length > 0)) {
    const only = standing(table, unitId, date);
    if (only.settled) {
      // No split on the way: assignments do not matter.
      if (scope.has(only.at)) whole.push(unitId);
      continue;
    }
    const isReadable = (assigned: string | null): boolean => {
      const { at, settled } = standing(table, unitId, date, assigned);
      if (settled) return scope.has(at);
      if (boards.length === 0) return false;
      const keeper = keeperOf(table, at, date);
      return boards.some((grant) => keeps(grant, table, keeper, date));
    };
    const candidates = heirs(table, unitId, date);
    const assignedTo = candidates.filter(isReadable);
    const unassigned = isReadable(null);
    if (unassigned && assignedTo.length === candidates.length) whole.push(unitId);
    else if (unassigned || assignedTo.length > 0) assignedOf.push({ unitId, assignedTo, unassigned });
  }
  return { whole, assignedOf };
}

/** The units and grants that commands are decided by. */
export interface Grounds {
  readonly units: UnitTable;
  grantsOf(sub: string): readonly Grant[];
}

/** Who decides, made once by the host for each command: a domain reads no clock and no directory of its own. */
export interface By {
  /** `sub` of the token, or `service:<name>` for commands that follow from events or a day that came. */
  readonly actor: string;
  /** The actor's grants, of any day: whoever decides asks for those of today. */
  readonly grants: readonly Grant[];
  /** The units as they were when the command's batch was loaded. */
  readonly units: UnitTable;
  /** The business date in the city. */
  readonly today: string;
  /** Instant in UTC. */
  readonly now: string;
}

/**
 * The one law of "not yours": what the caller may not read does not exist for him (`not-found`); what he may read and not change is `out-of-scope`. `assigned` as in
 * `mayRead`; `readers`: the roles that read such a record, where not all do. To be asked when no grant permits the write.
 */
export const notYours = (
  { grants, units, today }: By,
  unitId: string,
  assigned?: string | null,
  readers?: readonly Role[],
): 'not-found' | 'out-of-scope' => (mayRead(grants, units, unitId, today, readers, assigned) ? 'out-of-scope' : 'not-found');

/** The units not existing on that date of which rows may be readable: for a board any, for others those that a unit in scope continues. */
function endedWithin(table: UnitTable, scope: ReadonlySet<string>, date: string, board: boolean): string[] {
  const near = board ? table.units.keys() : new Set([...scope].flatMap((unitId) => predecessors(table, unitId)));
  return [...near].filter((unitId) => table.units.has(unitId) && !existsOn(table, unitId, date));
}

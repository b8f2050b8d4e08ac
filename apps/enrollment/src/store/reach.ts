import { readableUnits, type Grant } from '@khue/contracts/grants';
import type { UnitTable } from '@khue/contracts/units';
import { Refuse } from '@khue/host/refuse';
import { mayReadRow, readersByUnit, type Placed } from '../domain/access.ts';

/** Whose rows a caller reads: those of units, whole or in part, and as a school those of the classes it hosts. */
export interface Reach {
  readonly whole: readonly string[];
  readonly parts: readonly { readonly unitId: string; readonly assignedTo: readonly string[]; readonly unassigned: boolean }[];
  readonly hosts: readonly string[];
}

export const reachOf = (grants: readonly Grant[], units: UnitTable, today: string): Reach => {
  const { whole, assignedOf } = readableUnits(grants, units, today, readersByUnit);
  return { whole, parts: assignedOf, hosts: readableUnits(grants, units, today, ['school']).whole };
};

/** The same law for one row. Throws Refuse: what the caller may not read does not exist; `unit-not-known-yet` where it can't be judged yet. */
export const assertReadable = (grants: readonly Grant[], units: UnitTable, today: string, row: Placed): void => {
  if (!mayReadRow({ grants, units, today }, row)) throw new Refuse(units.units.has(row.unitId) ? 'not-found' : 'unit-not-known-yet');
};

/** A filter by a unit none of whose rows the caller reads is an error, not an empty list. */
export const assertUnitReadable = (reach: Reach, units: UnitTable, unitId: string | undefined): void => {
  if (unitId === undefined) return;
  if (!units.units.has(unitId)) throw new Refuse('unit-not-known-yet', { field: 'unitId' });
  const some = reach.hosts.length > 0 || reach.whole.includes(unitId) || reach.parts.some((part) => part.unitId === unitId);
  if (!some) throw new Refuse('out-of-scope', { field: 'unitId' });
};

/** SQL over rows `e`, their class `c` and assignment `a`, with its parameters added to `values`. Only what the caller's reach needs is asked. */
export const reachSql = ({ whole, parts, hosts }: Reach, values: unknown[]): string => {
  const param = (value: unknown, type: string): string => `$${values.push(value)}::${type}`;
  const split = parts.map(({ unitId }) => unitId);
  const ways: string[] = [];
  if (parts.length === 0) ways.push(`e.unit_id = any(${param(whole, 'uuid[]')})`);
  else {
    const pairs = parts.flatMap(({ unitId, assignedTo }) => assignedTo.map((to) => ({ unitId, to })));
    const unassigned = parts.filter((part) => part.unassigned).map(({ unitId }) => unitId);
    // The first condition is the index's, the others choose among what it finds.
    ways.push(`(e.unit_id = any(${param([...whole, ...split], 'uuid[]')}) and (e.unit_id = any(${param(whole, 'uuid[]')})
      or (a.to_unit_id is null and e.unit_id = any(${param(unassigned, 'uuid[]')}))
      or (e.unit_id, a.to_unit_id) in (select * from unnest(${param(
        pairs.map(({ unitId }) => unitId),
        'uuid[]',
      )}, ${param(
        pairs.map(({ to }) => to),
        'uuid[]',
      )}))))`);
  }
  if (hosts.length > 0) ways.push(`c.host_unit_id = any(${param(hosts, 'uuid[]')})`);
  return `(${ways.join(' or ')})`;
};

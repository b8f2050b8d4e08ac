import { addDays } from '@khue/contracts/dates';
import { activeGrants, readableUnits, type By, type Grant, type Role } from '@khue/contracts/grants';
import type { listGrants } from '@khue/contracts/http/registry';
import { existsOn, isWithin, type Unit } from '@khue/contracts/units';

/** Under which grants, by which units and on which day something is asked. */
export type Scope = Pick<By, 'grants' | 'units' | 'today'>;

/**
 * The one exception from "a grant permits": as long as no grant was ever issued, the account named by KHUE_BOOTSTRAP_SUB founds the city. It may
 * register units and documents and issue the first grant, which must be the board's at the root; with that grant this ends for good.
 */
export const mayFound = (actor: string, founder: string, grantsEverIssued: number): boolean => grantsEverIssued === 0 && actor === founder;

/** The day on which a unit's place is looked at: today if it exists, else its first day to come or its last day past. */
const dayOf = (unit: Unit, today: string): string => {
  if (unit.from > today) return unit.from;
  return unit.to === null || today < unit.to ? today : addDays(unit.to, -1);
};

/**
 * The grant that permits the registry's own work on a unit, also one that begins later or has ended: registering, ending and recording the history of
 * units needs no unit of today. The grant's own unit must exist today: a grant on a unit that has ended permits nothing.
 */
export const grantOver = ({ grants, units, today }: Scope, unitId: string, roles: readonly Role[]): Grant | undefined => {
  const unit = units.units.get(unitId);
  if (!unit) return undefined;
  const day = dayOf(unit, today);
  return activeGrants(grants, today).find(
    (grant) => roles.includes(grant.role) && existsOn(units, grant.unitId, today) && isWithin(units, unitId, grant.unitId, day),
  );
};

/** Who lists grants; the compiler holds it to be whom the route lets in. */
const listers: (typeof listGrants)['callers'] = ['board', 'operator'];

/** The units whose grants the caller lists: also those of a split unit of which a part is theirs. */
export const unitsOfGrants = ({ grants, units, today }: Scope): string[] => {
  const { whole, assignedOf } = readableUnits(grants, units, today, listers);
  return [...whole, ...assignedOf.map(({ unitId }) => unitId)];
};

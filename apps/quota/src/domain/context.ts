import type { Grant, Role } from '@khue/contracts/grants';
import { inScope } from '@khue/contracts/grants';
import type { UnitTable } from '@khue/contracts/units';
import { existsOn, pathOf, standing } from '@khue/contracts/units';

/** What a decision is made under, beside the ledger. */
export interface Context {
  readonly grants: readonly Grant[];
  readonly units: UnitTable;
  /** The business date in the city. */
  readonly today: string;
  /** The account (`sub`) that gives the command; grants of others don't count. */
  readonly actor: string;
}

export const isKnown = ({ units }: Context, unitId: string): boolean => units.units.has(unitId);

/**
 * The unit and those above it today, nearest first. A unit that has ended stands at itself, for what it was given is still its own, and then
 * at the unit that continues it, if that is settled.
 */
export const pathUp = ({ units, today }: Context, unitId: string): readonly string[] => {
  if (existsOn(units, unitId, today)) return pathOf(units, unitId, today).reverse();
  const { at, settled } = standing(units, unitId, today);
  return [unitId, ...(settled ? pathOf(units, at, today).reverse() : [])];
};

export const grantOver = ({ grants, units, today, actor }: Context, unitId: string, roles: readonly Role[]): Grant | undefined =>
  inScope(
    grants.filter((grant) => grant.sub === actor),
    units,
    unitId,
    today,
    roles,
  );

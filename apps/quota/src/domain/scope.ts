import { inScope, type By, type Grant, type Role } from '@khue/contracts/grants';
import { existsOn, pathOf, standing } from '@khue/contracts/units';

export const isKnown = ({ units }: By, unitId: string): boolean => units.units.has(unitId);

/**
 * The unit and those above it today, nearest first. A unit that has ended stands at itself, for what it was given is still its own, and then
 * at the unit that continues it, if that is settled.
 */
export const pathUp = ({ units, today }: By, unitId: string): readonly string[] => {
  if (existsOn(units, unitId, today)) return pathOf(units, unitId, today).reverse();
  const { at, settled } = standing(units, unitId, today);
  return [unitId, ...(settled ? pathOf(units, at, today).reverse() : [])];
};

export const grantOver = ({ grants, units, today }: By, unitId: string, roles: readonly Role[]): Grant | undefined =>
  inScope(grants, units, unitId, today, roles);

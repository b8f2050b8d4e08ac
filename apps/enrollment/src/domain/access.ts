import { activeGrants, inScope, mayRead, type Grant, type Role } from '@khue/contracts/grants';
import { existsOn, standing, type UnitTable } from '@khue/contracts/units';

/** Who commands, when, and on which business date. */
export interface Actor {
  readonly actor: string;
  readonly now: string;
  readonly today: string;
}

/** Units and grants as this service knows them. */
export interface Directory {
  readonly units: UnitTable;
  readonly grantsOf: (sub: string) => readonly Grant[];
}

/** Who publishes programs and rules. */
export const publishers = ['school', 'board'] as const satisfies readonly Role[];

/** A grant in one of these roles at any unit that exists: for what belongs to no unit. */
export const holds = ({ units, grantsOf }: Directory, { actor, today }: Actor, roles: readonly Role[]): Grant | undefined =>
  activeGrants(grantsOf(actor), today).find(({ role, unitId }) => roles.includes(role) && existsOn(units, unitId, today));

/** The grant that permits a write at a unit that exists today. */
export const mayWriteAt = ({ units, grantsOf }: Directory, { actor, today }: Actor, unitId: string, roles: readonly Role[]): Grant | undefined =>
  inScope(grantsOf(actor), units, unitId, today, roles);

/**
 * The grant that permits a write to a row of that unit, which may have ended since: the row is judged where it stands today, and one that stands nowhere
 * (split, not assigned) by the board alone.
 */
export const mayWriteRow = (
  directory: Directory,
  by: Actor,
  unitId: string,
  assigned: string | undefined,
  roles: readonly Role[],
): Grant | undefined => {
  const { units, grantsOf } = directory;
  const { at, settled } = standing(units, unitId, by.today, assigned);
  if (settled) return mayWriteAt(directory, by, at, roles);
  return roles.includes('board') ? mayRead(grantsOf(by.actor), units, unitId, by.today, ['board'], assigned) : undefined;
};

import { activeGrants, inScope, mayRead, type By, type Grant, type Role } from '@khue/contracts/grants';
import { existsOn, standing } from '@khue/contracts/units';

/** Who publishes programs and rules. */
export const publishers = ['school', 'board'] as const satisfies readonly Role[];
/** Who reads enrollments by unit; the school reads them by class. */
export const readersByUnit = ['officer', 'approver', 'board', 'reader'] as const satisfies readonly Role[];
/** Who reads people at the registry. */
const readersOfPeople = [...readersByUnit, 'school'] as const satisfies readonly Role[];

type Reader = Pick<By, 'grants' | 'units' | 'today'>;

/** A grant in one of these roles at any unit that exists: for what belongs to no unit. */
export const holds = ({ grants, units, today }: By, roles: readonly Role[]): Grant | undefined =>
  activeGrants(grants, today).find(({ role, unitId }) => roles.includes(role) && existsOn(units, unitId, today));

/** The grant that permits a write at a unit that exists today. */
export const mayWriteAt = ({ grants, units, today }: By, unitId: string, roles: readonly Role[]): Grant | undefined =>
  inScope(grants, units, unitId, today, roles);

/**
 * The grant that permits a write to a row of that unit, which may have ended since: the row is judged where it stands today, and one that stands nowhere
 * (split, not assigned) by the board alone.
 */
export const mayWriteRow = (by: By, unitId: string, assigned: string | undefined, roles: readonly Role[]): Grant | undefined => {
  const { at, settled } = standing(by.units, unitId, by.today, assigned);
  if (settled) return mayWriteAt(by, at, roles);
  return roles.includes('board') ? mayRead(by.grants, by.units, unitId, by.today, ['board'], assigned) : undefined;
};

/** An enrollment's place in the city. */
export interface Placed {
  readonly unitId: string;
  /** Of its class. */
  readonly hostUnitId: string;
  /** The successor to which the row of a split unit is assigned. */
  readonly assigned?: string | null | undefined;
}

export const mayReadRow = ({ grants, units, today }: Reader, { unitId, hostUnitId, assigned }: Placed): boolean =>
  (mayRead(grants, units, unitId, today, readersByUnit, assigned) ?? mayRead(grants, units, hostUnitId, today, ['school'])) !== undefined;

export const mayReadPerson = ({ grants, units, today }: Reader, unitId: string, assigned: string | undefined): boolean =>
  mayRead(grants, units, unitId, today, readersOfPeople, assigned) !== undefined;

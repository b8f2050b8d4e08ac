import { activeGrants, type By, type Grant, type Role } from '@khue/contracts/grants';
import { accept, type Decision } from '@khue/decider/decision';
import { grantOver, mayFound, unitsOfGrants } from './access.ts';
import { grantsOf, inForce, type Structure } from './records.ts';
import { refuse } from './refusals.ts';

export interface IssueGrant {
  readonly type: 'IssueGrant';
  readonly grantId: string;
  readonly sub: string;
  readonly role: Role;
  readonly unitId: string;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly documentNo: string;
}
export interface RevokeGrant {
  readonly type: 'RevokeGrant';
  readonly grantId: string;
  readonly documentNo: string;
}
export type GrantCommand = IssueGrant | RevokeGrant;

export type GrantIssued = Omit<IssueGrant, 'type'> & { readonly type: 'GrantIssued' };
export type GrantRevoked = Omit<RevokeGrant, 'type'> & { readonly type: 'GrantRevoked'; readonly on: string };
export type GrantEvent = GrantIssued | GrantRevoked;

export const decideGrant = (command: GrantCommand, by: By, structure: Structure): Decision<GrantEvent> =>
  command.type === 'IssueGrant' ? issue(command, by, structure) : revoke(command, by, structure);

const isRoot = (structure: Structure, unitId: string): boolean => structure.units.get(unitId)?.parents.at(-1)?.parentId === null;

const issue = (command: IssueGrant, by: By, structure: Structure): Decision<GrantEvent> => {
  const { actor, today } = by;
  const unit = structure.units.get(command.unitId);
  if (!unit) return refuse('unit-unknown', { field: 'unitId' });
  const founding = mayFound(actor, structure.founder, structure.grants.size);
  // Else the founder could lock everybody out, themselves too: after the first grant only grants permit.
  if (founding && !(command.role === 'board' && isRoot(structure, unit.id) && command.validFrom <= today && command.validTo === null))
    return refuse('first-grant-is-board');
  if (!founding && !grantOver(by, unit.id, ['board'])) return refuse('out-of-scope', { field: 'unitId' });
  if (!founding && command.sub === actor) return refuse('grant-to-oneself', { field: 'sub' });
  if (command.validTo !== null && command.validTo <= command.validFrom) return refuse('grant-dates', { field: 'validTo' });
  if (unit.to !== null && unit.to <= (command.validFrom > today ? command.validFrom : today)) return refuse('unit-ended', { field: 'unitId' });
  const same = grantsOf(structure, command.sub).some(
    (grant) => grant.role === command.role && grant.unitId === command.unitId && overlaps(grant, command),
  );
  return same ? refuse('grant-exists') : accept({ ...command, type: 'GrantIssued' });
};

const revoke = (command: RevokeGrant, by: By, structure: Structure): Decision<GrantEvent> => {
  const { today } = by;
  const grant = structure.grants.get(command.grantId);
  if (!grant) return refuse('not-found');
  // Their own grants everybody sees.
  if (!grantOver(by, grant.unitId, ['board']))
    return refuse(grant.sub === by.actor || unitsOfGrants(by).includes(grant.unitId) ? 'out-of-scope' : 'not-found');
  if (grant.revokedOn !== null || (grant.validTo !== null && grant.validTo <= today)) return refuse('grant-over');
  const boards = activeGrants([...structure.grants.values()].map(inForce), today).filter(
    (other) => other.role === 'board' && isRoot(structure, other.unitId),
  );
  if (boards.length === 1 && boards[0]?.id === grant.id) return refuse('last-board-grant');
  return accept({ ...command, type: 'GrantRevoked', on: today });
};

const overlaps = (a: Pick<Grant, 'validFrom' | 'validTo'>, b: Pick<Grant, 'validFrom' | 'validTo'>): boolean =>
  (a.validTo === null || b.validFrom < a.validTo) && (b.validTo === null || a.validFrom < b.validTo);

export const evolveGrant = (structure: Structure, event: GrantEvent): void => {
  if (event.type === 'GrantIssued') {
    const { type: _, grantId, ...issued } = event;
    structure.grants.set(grantId, { id: grantId, ...issued, revokedOn: null, revokedBy: null, version: 1 });
    return;
  }
  const grant = structure.grants.get(event.grantId);
  if (grant) structure.grants.set(grant.id, { ...grant, revokedOn: event.on, revokedBy: event.documentNo, version: grant.version + 1 });
};

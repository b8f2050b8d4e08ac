import type { By, Role } from '@khue/contracts/grants';
import { unitTable } from '@khue/contracts/units';
import type { Decision } from '@khue/decider/decision';
import { by, grant as granted } from '@khue/testing/city';
import { grantsOf, initialStructure, type GrantRecord, type Structure } from './records.ts';
import { decideStructure, evolveStructure, type StructureCommand, type StructureEvent } from './structure.ts';
import type { RegisterUnit } from './units.ts';

/** Who decides over this structure; the host makes it so (`grounds`). */
export const byIn = (structure: Structure, actor: string): By => ({ ...by(structure.table, ...grantsOf(structure, actor)), actor });
export const { today } = by(unitTable([]));

export const register = (unitId: string, parentId: string | null, more: Partial<RegisterUnit> = {}): RegisterUnit => ({
  type: 'RegisterUnit',
  unitId,
  code: unitId,
  kind: 'body',
  name: `Đơn vị ${unitId}`,
  parentId,
  from: '2008-08-01',
  documentNo: '15/2008/QH12',
  sample: false,
  ...more,
});
export const grant = (sub: string, role: Role, unitId: string, more: Partial<GrantRecord> = {}): GrantRecord => ({
  ...granted(role, unitId, { id: `${sub}-${role}-${unitId}`, sub }),
  revokedOn: null,
  revokedBy: null,
  version: 1,
  ...more,
});

/** What came of a command: the refusal's code with its field, or the events' types; an accepted one is applied. */
export const told = (structure: Structure, command: StructureCommand, actor = 'board'): string => {
  const decision: Decision<StructureEvent> = decideStructure(command, byIn(structure, actor), structure);
  if (!decision.accepted) return decision.field === undefined ? decision.code : `${decision.code} ${decision.field}`;
  for (const event of decision.events) evolveStructure(structure, event);
  return decision.events.map(({ type }) => type).join(' ') || 'nothing';
};

/** The city with districts d1, d2 and d3, communes c11 and c12 of d1; a board over the city. */
export const city = (named?: Parameters<typeof initialStructure>[2]): Structure => {
  const structure = initialStructure('founder', { units: [], successions: [], grants: [] }, named);
  for (const [unitId, parentId] of [
    ['city', null],
    ['d1', 'city'],
    ['d2', 'city'],
    ['d3', 'city'],
    ['c11', 'd1'],
    ['c12', 'd1'],
  ] as const)
    told(structure, register(unitId, parentId), 'founder');
  for (const one of [grant('board', 'board', 'city'), grant('board.d1', 'board', 'd1'), grant('officer.d1', 'officer', 'd1')])
    structure.grants.set(one.id, one);
  return structure;
};

import type { By } from '@khue/contracts/grants';
import type { Decision } from '@khue/decider/decision';
import { decideAssignment, evolveAssignment, type AssignHistory, type HistoryAssigned } from './assignments.ts';
import { decideGrant, evolveGrant, type GrantCommand, type GrantEvent } from './grants.ts';
import type { Structure } from './records.ts';
import { decideUnit, evolveUnit, type UnitCommand, type UnitEvent } from './units.ts';

/** Units, and who may act in them, are one noun: each decides over the other, and both change a few times a day. */
export type StructureCommand = UnitCommand | GrantCommand | AssignHistory;
export type StructureEvent = UnitEvent | GrantEvent | HistoryAssigned;

export const decideStructure = (command: StructureCommand, by: By, structure: Structure): Decision<StructureEvent> => {
  switch (command.type) {
    case 'IssueGrant':
    case 'RevokeGrant':
      return decideGrant(command, by, structure);
    case 'AssignHistory':
      return decideAssignment(command, by, structure);
    default:
      return decideUnit(command, by, structure);
  }
};

export const evolveStructure = (structure: Structure, event: StructureEvent): void => {
  switch (event.type) {
    case 'GrantIssued':
    case 'GrantRevoked':
      return evolveGrant(structure, event);
    case 'HistoryAssigned':
      return evolveAssignment(structure, event);
    default:
      return evolveUnit(structure, event);
  }
};

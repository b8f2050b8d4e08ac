import type { By } from '@khue/contracts/grants';
import { heirs } from '@khue/contracts/units';
import { accept, type Decision } from '@khue/decider/decision';
import { grantOver } from './access.ts';
import type { Structure } from './records.ts';
import { refuse } from './refusals.ts';

export interface AssignHistory {
  readonly type: 'AssignHistory';
  readonly fromUnitId: string;
  readonly items: readonly { readonly assignmentId: string; readonly personId: string; readonly toUnitId: string }[];
  readonly documentNo: string | null;
}

export interface HistoryAssigned {
  readonly type: 'HistoryAssigned';
  readonly assignmentId: string;
  readonly fromUnitId: string;
  readonly personId: string;
  readonly toUnitId: string;
  readonly documentNo: string | null;
}

// Later than any date of the product: a succession that is planned may be prepared.
const whenever = '9999-12-31';

/**
 * Nothing is moved: the person and the turns stay at the split unit, and every reader finds where they stand today by this record. A second
 * assignment of the same person corrects the first.
 */
export const decideAssignment = (command: AssignHistory, by: By, structure: Structure): Decision<HistoryAssigned> => {
  const { fromUnitId, documentNo } = command;
  if (!structure.units.has(fromUnitId)) return refuse('not-found');
  const inherit = new Set(heirs(by.units, fromUnitId, whenever));
  if (inherit.size < 2) return refuse('unit-not-split');
  const seen = new Set<string>();
  const events: HistoryAssigned[] = [];
  for (const [place, { assignmentId, personId, toUnitId }] of command.items.entries()) {
    const unitField = `items.${place}.toUnitId`;
    const personField = `items.${place}.personId`;
    if (!structure.units.has(toUnitId)) return refuse('unit-unknown', { field: unitField });
    if (!inherit.has(toUnitId)) return refuse('not-a-successor', { field: unitField });
    if (!grantOver(by, toUnitId, ['board'])) return refuse('out-of-scope', { field: unitField });
    if (!structure.knownPersons.has(personId)) return refuse('person-unknown', { field: personField });
    if (seen.has(personId)) return refuse('person-twice', { field: personField });
    seen.add(personId);
    const standing = structure.assignments.get(assignmentId);
    if (standing?.toUnitId !== toUnitId) events.push({ type: 'HistoryAssigned', assignmentId, fromUnitId, personId, toUnitId, documentNo });
  }
  return accept(...events);
};

export const evolveAssignment = (structure: Structure, event: HistoryAssigned): void => {
  const { type: _, assignmentId, ...assigned } = event;
  const version = (structure.assignments.get(assignmentId)?.version ?? 0) + 1;
  structure.assignments.set(assignmentId, { id: assignmentId, ...assigned, version });
};

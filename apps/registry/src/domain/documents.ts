import type { documentSubjects } from '@khue/contracts/events/registry';
import { activeGrants, type By } from '@khue/contracts/grants';
import { existsOn } from '@khue/contracts/units';
import { accept, type Decision } from '@khue/decider/decision';
import { mayFound } from './access.ts';
import { refuse } from './refusals.ts';

export interface DocumentRecord {
  readonly id: string;
  readonly number: string;
  readonly issuer: string;
  readonly issuedOn: string;
  readonly governs: (typeof documentSubjects)[number];
  readonly title: string | null;
  readonly version: number;
}

export type RecordDocument = Omit<DocumentRecord, 'id' | 'version'> & { readonly type: 'RecordDocument'; readonly documentId: string };
export type DocumentRecorded = Omit<RecordDocument, 'type'> & { readonly type: 'DocumentRecorded' };

export interface Documents {
  readonly founder: string;
  readonly grantsEverIssued: number;
  /** Those that the batch recorded. */
  readonly records: Map<string, DocumentRecord>;
  /** Natural keys that are taken, see `documentKey`. */
  readonly taken: Set<string>;
}

/** A number is an issuer's own: two bodies may both have a 12-QĐ. */
export const documentKey = ({ number, issuer }: Pick<DocumentRecord, 'number' | 'issuer'>): string => JSON.stringify([number, issuer]);

/** A document belongs to no unit: whoever holds the role at any unit that exists may record it. */
export const decideDocument = (command: RecordDocument, { actor, grants, units, today }: By, documents: Documents): Decision<DocumentRecorded> => {
  const { type: _, ...recorded } = command;
  const held = activeGrants(grants, today).some(({ role, unitId }) => (role === 'board' || role === 'school') && existsOn(units, unitId, today));
  if (!held && !mayFound(actor, documents.founder, documents.grantsEverIssued)) return refuse('out-of-scope');
  if (documents.taken.has(documentKey(command))) return refuse('document-exists', { field: 'number' });
  return accept({ type: 'DocumentRecorded', ...recorded });
};

export const evolveDocument = (documents: Documents, { type: _, documentId, ...recorded }: DocumentRecorded): void => {
  documents.records.set(documentId, { id: documentId, ...recorded, version: 1 });
  documents.taken.add(documentKey(recorded));
};

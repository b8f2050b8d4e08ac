import type { Outgoing } from '@khue/contracts/envelope';
import {
  documentRecorded,
  duplicateMerged,
  grantIssued,
  grantRevoked,
  historyAssigned,
  personCard,
  personErased,
  unitDissolved,
  unitEstablished,
  unitMoved,
  unitSucceeded,
} from '@khue/contracts/events/registry';
import type { DocumentRecorded, Documents } from './domain/documents.ts';
import type { DuplicateEvent } from './domain/duplicates.ts';
import type { PersonEvent } from './domain/people.ts';
import type { People } from './domain/person.ts';
import type { Structure } from './domain/records.ts';
import type { StructureEvent } from './domain/structure.ts';

/** What the world is told of units, grants and assigned histories: facts, each with the version of its own record. */
export const structureOutbound = (event: StructureEvent, structure: Structure): readonly Outgoing[] => {
  switch (event.type) {
    case 'GrantIssued':
    case 'GrantRevoked':
      return [grantFact(event, structure)];
    case 'HistoryAssigned': {
      const { type: _, ...data } = event;
      return [
        { definition: historyAssigned, subject: event.assignmentId, sequence: structure.assignments.get(event.assignmentId)?.version ?? 0, data },
      ];
    }
    default:
      return [unitFact(event, structure)];
  }
};

const grantFact = (event: Extract<StructureEvent, { grantId: string }>, structure: Structure): Outgoing => {
  const grant = structure.grants.get(event.grantId);
  const told = { subject: event.grantId, sequence: grant?.version ?? 0 };
  const { type, ...data } = event;
  return type === 'GrantIssued'
    ? { definition: grantIssued, ...told, data }
    : { definition: grantRevoked, ...told, data: { ...data, sub: grant?.sub } };
};

const unitFact = (event: Exclude<StructureEvent, { grantId: string } | { assignmentId: string }>, structure: Structure): Outgoing => {
  const told = { subject: event.unitId, sequence: structure.units.get(event.unitId)?.version ?? 0 };
  const { type, ...data } = event;
  switch (type) {
    case 'UnitEstablished':
      return { definition: unitEstablished, ...told, data };
    case 'UnitMoved':
      return { definition: unitMoved, ...told, data };
    case 'UnitDissolved':
      return { definition: unitDissolved, ...told, data };
    case 'UnitSucceeded':
      return { definition: unitSucceeded, ...told, data };
  }
};

/** Each change of a person is a new card, each erasure the last message of its key; a merger is a fact beside the two cards. */
export const peopleOutbound = (event: PersonEvent | DuplicateEvent, people: People): readonly Outgoing[] => {
  switch (event.type) {
    case 'DuplicateSuspected':
    case 'DuplicateDismissed':
      return [];
    case 'DuplicateMerged': {
      const { duplicateId, keptPersonId, mergedPersonId } = event;
      // Merged once at most, so it is the first and last fact of the pair.
      return [{ definition: duplicateMerged, subject: duplicateId, sequence: 1, data: { candidateId: duplicateId, keptPersonId, mergedPersonId } }];
    }
    case 'PersonErased':
      return [
        { definition: personErased, subject: event.personId, sequence: people.erased.get(event.personId) ?? 0, data: { personId: event.personId } },
      ];
    default:
      return card(people, event.personId);
  }
};

const card = (people: People, personId: string): readonly Outgoing[] => {
  const person = people.persons.get(personId);
  if (!person) return [];
  const { unitId, name, identityRef, birth, sex, mergedInto, version } = person;
  return [
    {
      definition: personCard,
      subject: personId,
      sequence: version,
      data: { personId, unitId, name, identityRef, facts: { ...person.facts, birth, sex }, mergedInto },
    },
  ];
};

export const documentOutbound = ({ type: _, title: __, ...data }: DocumentRecorded, documents: Documents): readonly Outgoing[] => [
  { definition: documentRecorded, subject: data.documentId, sequence: documents.records.get(data.documentId)?.version ?? 0, data },
];

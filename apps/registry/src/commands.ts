import type { By } from '@khue/contracts/grants';
import { aggregateOf } from '@khue/host/aggregate';
import type { Host } from '@khue/host/host';
import { writeAudit } from '@khue/messaging/audit';
import type { Command } from '@khue/messaging/command';
import { inTransaction } from '@khue/messaging/database';
import { decideDocument, evolveDocument, type DocumentRecord } from './domain/documents.ts';
import { decideDuplicate, evolveDuplicate, type DuplicateCommand, type DuplicateEvent } from './domain/duplicates.ts';
import { decidePerson, evolvePerson, type PersonCommand, type PersonEvent } from './domain/people.ts';
import type { Duplicate, People, Person } from './domain/person.ts';
import { grantsOf, type GrantRecord, type Structure, type UnitRecord } from './domain/records.ts';
import { decideStructure, evolveStructure, type StructureCommand } from './domain/structure.ts';
import { documentOutbound, peopleOutbound, structureOutbound } from './outbound.ts';
import type { RegistryDirectory } from './store/directory.ts';
import { loadDocuments, saveDocuments, type StoredDocuments } from './store/documents.ts';
import { loadPeople, savePeople, type StoredPeople } from './store/people.ts';
import { loadStructure, saveStructure } from './store/structure.ts';
import { closedDuplicate, documentView, grantView, shownPerson, unitView, writtenView } from './views.ts';

export type PeopleCommand = PersonCommand | DuplicateCommand;
type PeopleEvent = PersonEvent | DuplicateEvent;

const shownUnit = ({ unitId }: { readonly unitId: string }, { units }: Structure, { units: table, today }: By) => {
  const unit = units.get(unitId) as UnitRecord;
  return { body: unitView(unit, table, today), version: unit.version };
};
const shownGrant = ({ grantId }: { readonly grantId: string }, { grants }: Structure) => {
  const grant = grants.get(grantId) as GrantRecord;
  return { body: grantView(grant), version: grant.version };
};

export const structureNoun = (directory: RegistryDirectory, founder: string) =>
  aggregateOf({
    noun: 'structure',
    load: loadStructure(directory, founder),
    decide: decideStructure,
    grounds: (structure) => ({ units: structure.table, grantsOf: (sub) => grantsOf(structure, sub) }),
    evolve: evolveStructure,
    save: saveStructure,
    outbound: structureOutbound,
    record: (command: StructureCommand, { units, grants, assignments }: Structure) => {
      if (command.type === 'AssignHistory')
        return { id: command.fromUnitId, record: command.items.map(({ assignmentId }) => assignments.get(assignmentId) ?? null) };
      const id = 'grantId' in command ? command.grantId : command.unitId;
      const record = 'grantId' in command ? grants.get(id) : units.get(id);
      return { id, record, ...(record ? { version: record.version } : {}) };
    },
    view: {
      RegisterUnit: shownUnit,
      MoveUnit: shownUnit,
      DissolveUnit: shownUnit,
      SucceedUnit: shownUnit,
      IssueGrant: shownGrant,
      RevokeGrant: shownGrant,
      AssignHistory: ({ fromUnitId, items }) => ({ body: { fromUnitId, items } }),
    },
  });

const writtenPerson = ({ personId }: { readonly personId: string }, { persons }: People) => {
  const person = persons.get(personId) as Person;
  return { body: writtenView(person), version: person.version, persons: [person.id] };
};
const answeredPair = ({ duplicateId }: { readonly duplicateId: string }, { duplicates }: People) => ({
  body: closedDuplicate(duplicates.get(duplicateId) as Duplicate),
});

export const peopleNoun = (directory: RegistryDirectory) =>
  aggregateOf({
    noun: 'people',
    load: loadPeople(directory),
    decide: (command: PeopleCommand, by, people) =>
      'duplicateId' in command ? decideDuplicate(command, by, people) : decidePerson(command, by, people),
    grounds: ({ grounds }: StoredPeople) => grounds,
    evolve: (people, event: PeopleEvent) => (isOfPair(event) ? evolveDuplicate(people, event) : evolvePerson(people, event)),
    save: savePeople,
    outbound: peopleOutbound,
    record: (command, { duplicates, persons }) => {
      if ('duplicateId' in command) {
        const duplicate = duplicates.get(command.duplicateId);
        const pair = duplicate ? [duplicate.personId, duplicate.otherId].flatMap((id) => persons.get(id) ?? []) : [];
        return { id: command.duplicateId, record: duplicate && { ...duplicate, people: pair.map(shownPerson) } };
      }
      const person = persons.get(command.personId);
      if (!person) return { id: command.personId, record: undefined };
      // Of an erased person the audit keeps that it was done, and nothing of what was erased.
      const erased = command.type === 'ErasePerson' || command.type === 'TakeBackPerson';
      return { id: person.id, version: person.version, record: erased ? { id: person.id, unitId: person.unitId } : shownPerson(person) };
    },
    view: { RegisterPerson: writtenPerson, UpdatePerson: writtenPerson, MergeDuplicate: answeredPair, DismissDuplicate: answeredPair },
  });

const isOfPair = (event: PeopleEvent): event is DuplicateEvent =>
  event.type === 'DuplicateMerged' || event.type === 'DuplicateDismissed' || event.type === 'PersonMerged' || event.type === 'PersonCompleted';

export const documentNoun = (directory: RegistryDirectory, founder: string) =>
  aggregateOf({
    noun: 'documents',
    load: loadDocuments(directory, founder),
    decide: decideDocument,
    grounds: ({ grounds }: StoredDocuments) => grounds,
    evolve: evolveDocument,
    save: saveDocuments,
    outbound: documentOutbound,
    record: ({ documentId }, { records }) => ({ id: documentId, record: records.get(documentId) }),
    view: { RecordDocument: ({ documentId }, { records }) => ({ body: documentView(records.get(documentId) as DocumentRecord), version: 1 }) },
  });

/** The doors' way in: each answers when its command has been committed or refused. */
export const createCommands = (host: Host<RegistryDirectory>) => {
  const { directory, config } = host;
  const structure = host.gather(structureNoun(directory, config.bootstrapSub));
  const handle: typeof structure.handle = async (command) => {
    const answer = await structure.handle(command);
    // Whoever was answered may act at once on a unit or grant that this process has just committed; other replicas see it within a second.
    if (answer.ok) await directory.refresh().catch((error: unknown) => host.log.warn({ err: error }, 'the directory was not read again'));
    return answer;
  };
  return {
    structure: { handle },
    people: host.gather(peopleNoun(directory)),
    documents: host.gather(documentNoun(directory, config.bootstrapSub)),
    /** Keeps that somebody was shown a person's whole record, before they are. */
    sensitiveRead: (command: Command<{ readonly type: 'ReadPerson'; readonly personId: string }>): Promise<void> =>
      inTransaction(host.pool, (tx) => writeAudit(tx, [{ command, subject: command.body.personId, before: null, after: null }])),
  };
};
export type Commands = ReturnType<typeof createCommands>;

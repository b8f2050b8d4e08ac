import { checkIdentityNumber } from '@khue/contracts/identity-number';
import type { Host } from '@khue/host/host';
import { writeAudit } from '@khue/messaging/audit';
import type { Aggregate, Answer, Command } from '@khue/messaging/command';
import { inTransaction } from '@khue/messaging/database';
import { decideDocument, evolveDocument, type DocumentRecorded, type Documents, type RecordDocument } from './domain/documents.ts';
import { decideDuplicate, evolveDuplicate, type DuplicateCommand, type DuplicateEvent } from './domain/duplicates.ts';
import { decidePerson, evolvePerson, type PersonCommand, type PersonEvent } from './domain/people.ts';
import type { People } from './domain/person.ts';
import type { Structure } from './domain/records.ts';
import { shownGrant, shownPerson, shownUnit } from './domain/shown.ts';
import { decideStructure, evolveStructure, type StructureCommand, type StructureEvent } from './domain/structure.ts';
import { documentOutbound, peopleOutbound, structureOutbound } from './outbound.ts';
import type { RegistryDirectory } from './store/directory.ts';
import { loadDocuments, saveDocuments } from './store/documents.ts';
import { loadPeople, savePeople } from './store/people.ts';
import { loadStructure, saveStructure } from './store/structure.ts';

export type PeopleCommand = PersonCommand | DuplicateCommand;
type PeopleEvent = PersonEvent | DuplicateEvent;

/** The doors' way in: each answers when its command has been committed or refused. */
export interface Commands {
  structure(command: Command<StructureCommand>): Promise<Answer>;
  people(command: Command<PeopleCommand>): Promise<Answer>;
  documents(command: Command<RecordDocument>): Promise<Answer>;
  /** Keeps that somebody was shown a person's whole record, before they are. */
  sensitiveRead(command: Command<{ readonly type: 'ReadPerson'; readonly personId: string }>): Promise<void>;
}

export const createCommands = (host: Host, directory: RegistryDirectory): Commands => {
  const { bootstrapSub } = host.config;
  const structure = host.gather(structureAggregate(directory, bootstrapSub));
  const people = host.gather(peopleAggregate(directory));
  const documents = host.gather(documentAggregate(directory, bootstrapSub));
  return {
    structure: async (command) => {
      const answer = await structure.handle(command);
      // Whoever was answered may act at once on a unit or grant that this process has just committed; other replicas see it within a second.
      if (answer.ok) await directory.refresh().catch((error: unknown) => host.log.warn({ err: error }, 'the directory was not read again'));
      return answer;
    },
    people: (command) => people.handle(command),
    documents: (command) => documents.handle(command),
    sensitiveRead: (command) =>
      inTransaction(host.pool, (tx) => writeAudit(tx, [{ command, subject: command.body.personId, before: null, after: null }])),
  };
};

export const structureAggregate = (directory: RegistryDirectory, founder: string): Aggregate<StructureCommand, Structure, StructureEvent> => ({
  noun: 'structure',
  load: (tx, commands) => loadStructure(tx, commands, directory, founder),
  decide: (command, structure) => decideStructure(command.body, command, structure),
  evolve: evolveStructure,
  save: saveStructure,
  outbound: structureOutbound,
  answer: ({ body, today }, structure) => {
    if (body.type === 'AssignHistory') return { ok: true, status: 200, body: { fromUnitId: body.fromUnitId, items: body.items } };
    const grant = 'grantId' in body ? structure.grants.get(body.grantId) : undefined;
    if (grant) return { ok: true, status: grant.version === 1 ? 201 : 200, body: shownGrant(grant), version: grant.version };
    const unit = 'grantId' in body ? undefined : structure.units.get(body.unitId);
    if (!unit) throw new Error('accepted for a record that is not there');
    return { ok: true, status: body.type === 'RegisterUnit' ? 201 : 200, body: shownUnit(unit, structure.table, today), version: unit.version };
  },
  subject: ({ body }, structure) => {
    if (body.type === 'AssignHistory')
      return { id: body.fromUnitId, record: body.items.map(({ assignmentId }) => structure.assignments.get(assignmentId) ?? null) };
    const id = 'grantId' in body ? body.grantId : body.unitId;
    const record = 'grantId' in body ? structure.grants.get(id) : structure.units.get(id);
    return { id, record, ...(record ? { version: record.version } : {}) };
  },
});

export const peopleAggregate = (directory: RegistryDirectory): Aggregate<PeopleCommand, People, PeopleEvent> => ({
  noun: 'people',
  load: (tx, commands) => loadPeople(tx, commands, directory),
  decide: ({ body, ...by }, people) => ('duplicateId' in body ? decideDuplicate(body, by, people) : decidePerson(body, by, people)),
  evolve: (people, event) => (isOfPair(event) ? evolveDuplicate(people, event) : evolvePerson(people, event)),
  save: savePeople,
  outbound: peopleOutbound,
  answer: ({ body }, people) => {
    if ('duplicateId' in body) {
      const duplicate = people.duplicates.get(body.duplicateId);
      return { ok: true, status: 200, body: { id: body.duplicateId, state: duplicate?.state } };
    }
    const person = people.persons.get(body.personId);
    if (!person) return { ok: true, status: 204, body: undefined };
    const { birth, sex, identityNumber } = person;
    const warnings = identityNumber === null ? [] : checkIdentityNumber(identityNumber, { birth: birth ?? undefined, sex: sex ?? undefined });
    return {
      ok: true,
      status: body.type === 'RegisterPerson' ? 201 : 200,
      body: { ...shownPerson(person), warnings },
      version: person.version,
      persons: [person.id],
    };
  },
  subject: ({ body }, people) => {
    if ('duplicateId' in body) {
      const duplicate = people.duplicates.get(body.duplicateId);
      const pair = duplicate ? [duplicate.personId, duplicate.otherId].flatMap((id) => people.persons.get(id) ?? []) : [];
      return { id: body.duplicateId, record: duplicate && { ...duplicate, people: pair.map(shownPerson) } };
    }
    const person = people.persons.get(body.personId);
    if (!person) return { id: body.personId, record: undefined };
    // Of an erased person the audit keeps that it was done, and nothing of what was erased.
    const erased = body.type === 'ErasePerson' || body.type === 'TakeBackPerson';
    return { id: person.id, version: person.version, record: erased ? { id: person.id, unitId: person.unitId } : shownPerson(person) };
  },
});

const isOfPair = (event: PeopleEvent): event is DuplicateEvent =>
  event.type === 'DuplicateMerged' || event.type === 'DuplicateDismissed' || event.type === 'PersonMerged' || event.type === 'PersonCompleted';

export const documentAggregate = (directory: RegistryDirectory, founder: string): Aggregate<RecordDocument, Documents, DocumentRecorded> => ({
  noun: 'documents',
  load: (tx, commands) => loadDocuments(tx, commands, directory, founder),
  decide: (command, documents) => decideDocument(command.body, command, documents),
  evolve: evolveDocument,
  save: saveDocuments,
  outbound: documentOutbound,
  answer: ({ body }, documents) => ({ ok: true, status: 201, body: documents.records.get(body.documentId), version: 1 }),
  subject: ({ body }, documents) => ({ id: body.documentId, record: documents.records.get(body.documentId) }),
});

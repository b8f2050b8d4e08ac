import { mayRead, type By } from '@khue/contracts/grants';
import { accept, type Decision } from '@khue/decider/decision';
import { amend, contentOf } from './people.ts';
import { mayWrite, type Duplicate, type People, type Person } from './person.ts';
import { refuse } from './refusals.ts';

export interface MergeDuplicate {
  readonly type: 'MergeDuplicate';
  readonly duplicateId: string;
  readonly keptPersonId: string;
}
export interface DismissDuplicate {
  readonly type: 'DismissDuplicate';
  readonly duplicateId: string;
}
export type DuplicateCommand = MergeDuplicate | DismissDuplicate;

export interface DuplicateMerged {
  readonly type: 'DuplicateMerged';
  readonly duplicateId: string;
  readonly keptPersonId: string;
  readonly mergedPersonId: string;
}
/** The record counts as the kept one's from now on and gives its identity number up. */
export interface PersonMerged {
  readonly type: 'PersonMerged';
  readonly personId: string;
  readonly keptPersonId: string;
}
/** What the kept record lacked and the merged one had. */
export interface PersonCompleted {
  readonly type: 'PersonCompleted';
  readonly personId: string;
  readonly lacking: Partial<Person>;
}
export interface DuplicateDismissed {
  readonly type: 'DuplicateDismissed';
  readonly duplicateId: string;
}
export type DuplicateEvent = DuplicateMerged | PersonMerged | PersonCompleted | DuplicateDismissed;

export const decideDuplicate = (command: DuplicateCommand, by: By, people: People): Decision<DuplicateEvent> => {
  const duplicate = people.duplicates.get(command.duplicateId);
  if (!duplicate) return refuse('not-found');
  const pair = [duplicate.personId, duplicate.otherId].map((id) => people.persons.get(id)).filter((person) => person !== undefined);
  if (!pair.every(({ id, unitId }) => mayWrite(by, unitId, people.assigned.get(id), ['board']))) {
    // Pairs are listed to the board over both.
    const seen = pair.every(({ id, unitId }) => mayRead(by.grants, by.units, unitId, by.today, ['board'], people.assigned.get(id)));
    return refuse(seen ? 'out-of-scope' : 'not-found');
  }
  if (duplicate.state !== 'open' || pair.length < 2) return refuse('duplicate-closed');
  if (command.type === 'DismissDuplicate') return accept({ type: 'DuplicateDismissed', duplicateId: duplicate.id });
  const kept = pair.find(({ id }) => id === command.keptPersonId);
  const merged = pair.find(({ id }) => id !== command.keptPersonId);
  if (!kept || !merged) return refuse('person-not-of-pair', { field: 'keptPersonId' });
  for (const person of [kept, merged]) if (person.mergedInto !== null) return refuse('person-merged', { params: { personId: person.mergedInto } });
  if (kept.identityRef !== null && merged.identityRef !== null && kept.identityRef !== merged.identityRef) return refuse('identity-numbers-differ');
  const lacking = lackOf(kept, merged);
  return accept<DuplicateEvent>(
    { type: 'PersonMerged', personId: merged.id, keptPersonId: kept.id },
    ...(Object.keys(lacking).length > 0 ? [{ type: 'PersonCompleted' as const, personId: kept.id, lacking }] : []),
    { type: 'DuplicateMerged', duplicateId: duplicate.id, keptPersonId: kept.id, mergedPersonId: merged.id },
  );
};

const lackOf = (kept: Person, merged: Person): Partial<Person> => {
  const known = Object.fromEntries(
    Object.entries(merged.facts).filter(([fact, value]) => value != null && kept.facts[fact as keyof Person['facts']] == null),
  );
  const exactBirth = merged.birth !== null && merged.birth.length > (kept.birth?.length ?? 0);
  return {
    ...(kept.identityRef === null && merged.identityRef !== null ? { identityNumber: merged.identityNumber, identityRef: merged.identityRef } : {}),
    ...(exactBirth ? { birth: merged.birth } : {}),
    ...(kept.sex === null && merged.sex !== null ? { sex: merged.sex } : {}),
    ...(Object.keys(known).length > 0 ? { facts: { ...kept.facts, ...known } } : {}),
  };
};

export const evolveDuplicate = (people: People, event: DuplicateEvent): void => {
  switch (event.type) {
    case 'PersonMerged': {
      const person = people.persons.get(event.personId);
      if (person) amend(people, { ...person, mergedInto: event.keptPersonId, identityNumber: null, identityRef: null, version: person.version + 1 });
      return;
    }
    case 'PersonCompleted': {
      const person = people.persons.get(event.personId);
      if (person) amend(people, { ...person, ...contentOf(person), ...event.lacking, version: person.version + 1 });
      return;
    }
    case 'DuplicateMerged':
      return close(people, event.duplicateId, 'merged');
    case 'DuplicateDismissed':
      return close(people, event.duplicateId, 'dismissed');
  }
};

const close = (people: People, id: string, state: Duplicate['state']): void => {
  const duplicate = people.duplicates.get(id);
  if (duplicate) people.duplicates.set(id, { ...duplicate, state });
};

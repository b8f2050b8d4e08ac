import { mayRead, notYours, type By } from '@khue/contracts/grants';
import { existsOn, standing } from '@khue/contracts/units';
import { accept, type Decision } from '@khue/decider/decision';
import { likenessKey, mayBeOne, mayWrite, pairKey, readers, type People, type Person } from './person.ts';
import { refuse } from './refusals.ts';

type Content = Omit<Person, 'id' | 'mergedInto' | 'importId' | 'version'>;

export interface RegisterPerson extends Content {
  readonly type: 'RegisterPerson';
  readonly personId: string;
  /** Set where a file brings the person: it may then belong to a unit that has ended, for lists of the past do. */
  readonly importId: string | null;
}
export interface UpdatePerson {
  readonly type: 'UpdatePerson';
  readonly personId: string;
  /** What is absent stays. `facts` are amended one by one; null takes one away. */
  readonly change: Partial<Content>;
}
export interface ErasePerson {
  readonly type: 'ErasePerson';
  readonly personId: string;
}
/** The import that brought the person is revoked. */
export interface TakeBackPerson {
  readonly type: 'TakeBackPerson';
  readonly personId: string;
  readonly importId: string;
}
export type PersonCommand = RegisterPerson | UpdatePerson | ErasePerson | TakeBackPerson;

export interface PersonRegistered {
  readonly type: 'PersonRegistered';
  readonly personId: string;
  readonly content: Content;
  readonly importId: string | null;
}
export interface PersonAmended {
  readonly type: 'PersonAmended';
  readonly personId: string;
  readonly content: Content;
}
export interface PersonErased {
  readonly type: 'PersonErased';
  readonly personId: string;
}
export interface DuplicateSuspected {
  readonly type: 'DuplicateSuspected';
  readonly personId: string;
  readonly otherId: string;
}
export type PersonEvent = PersonRegistered | PersonAmended | PersonErased | DuplicateSuspected;

export const decidePerson = (command: PersonCommand, by: By, people: People): Decision<PersonEvent> => {
  switch (command.type) {
    case 'RegisterPerson':
      return register(command, by, people);
    case 'UpdatePerson':
      return update(command, by, people);
    case 'ErasePerson':
      return erase(command, by, people);
    case 'TakeBackPerson':
      return takeBack(command, people);
  }
};

const register = (command: RegisterPerson, by: By, people: People): Decision<PersonEvent> => {
  const { type: _, personId, importId, ...content } = command;
  // A row of a resumed import: its person is on record under the same id.
  if (people.persons.has(personId)) return accept();
  const refused = placeRefused(content.unitId, by, importId !== null) ?? numberTaken(personId, content.identityRef, by, people);
  return refused ?? accept<PersonEvent>({ type: 'PersonRegistered', personId, content, importId }, ...suspicions(personId, content, people));
};

const update = (command: UpdatePerson, by: By, people: People): Decision<PersonEvent> => {
  const person = people.persons.get(command.personId);
  if (!person) return refuse('not-found');
  const assigned = people.assigned.get(person.id);
  if (!mayWrite(by, person.unitId, assigned)) return refuse(notYours(by, person.unitId, assigned, readers));
  if (person.mergedInto !== null) return refuse('person-merged', { params: { personId: person.mergedInto } });
  const content = amended(person, command.change);
  if (same(contentOf(person), content)) return accept();
  const refused =
    (content.unitId === person.unitId ? undefined : placeRefused(content.unitId, by, false)) ??
    numberTaken(person.id, content.identityRef, by, people);
  const likenessChanged = content.fold !== person.fold || content.birth !== person.birth || content.identityRef !== person.identityRef;
  return (
    refused ??
    accept<PersonEvent>({ type: 'PersonAmended', personId: person.id, content }, ...(likenessChanged ? suspicions(person.id, content, people) : []))
  );
};

/** Those merged into the person are the same human being, so they go too. */
const erase = (command: ErasePerson, by: By, people: People): Decision<PersonEvent> => {
  const person = people.persons.get(command.personId);
  if (!person) return refuse('not-found');
  const assigned = people.assigned.get(person.id);
  if (!mayWrite(by, person.unitId, assigned, ['board'])) return refuse(notYours(by, person.unitId, assigned, readers));
  if (person.mergedInto !== null) return refuse('person-merged', { params: { personId: person.mergedInto } });
  const records = [person, ...[...people.persons.values()].filter((other) => other.mergedInto === person.id)];
  return accept(...records.map(({ id }): PersonErased => ({ type: 'PersonErased', personId: id })));
};

/** Who was changed since by hand, or merged, has become more than the import's: that person stays. */
const takeBack = (command: TakeBackPerson, people: People): Decision<PersonEvent> => {
  const person = people.persons.get(command.personId);
  const untouched = person?.importId === command.importId && person.version === (people.erased.get(person.id) ?? 0) + 1;
  const absorbed = [...people.persons.values()].some((other) => other.mergedInto === command.personId);
  return untouched && !absorbed ? accept({ type: 'PersonErased', personId: command.personId }) : accept();
};

const placeRefused = (unitId: string, by: By, ofThePast: boolean): Decision<never> | undefined => {
  if (!by.units.units.has(unitId)) return refuse('unit-unknown', { field: 'unitId' });
  if (!mayWrite(by, unitId)) return refuse('out-of-scope', { field: 'unitId' });
  return ofThePast || existsOn(by.units, unitId, by.today) ? undefined : refuse('unit-ended', { field: 'unitId' });
};

/** Tells the caller of no person they may not read: then only whom to ask. */
const numberTaken = (personId: string, identityRef: string | null, { grants, units, today }: By, people: People): Decision<never> | undefined => {
  const holder = identityRef === null ? undefined : people.persons.get(people.holders.get(identityRef) ?? '');
  if (!holder || holder.id === personId) return undefined;
  const assigned = people.assigned.get(holder.id);
  if (mayRead(grants, units, holder.unitId, today, readers, assigned)) {
    return refuse('person-exists', { field: 'identityNumber', params: { personId: holder.id } });
  }
  const { at } = standing(units, holder.unitId, today, assigned);
  return refuse('person-exists-elsewhere', { field: 'identityNumber', params: { unitCode: units.units.get(at)?.code ?? '' } });
};

const suspicions = (personId: string, content: Content, people: People): DuplicateSuspected[] => {
  const key = likenessKey(content);
  const namesakes = key === undefined ? [] : (people.namesakes.get(key) ?? []);
  return namesakes
    .filter((other) => mayBeOne({ ...content, id: personId }, other))
    .map((other) => ({ type: 'DuplicateSuspected', personId, otherId: other.id }));
};

export const contentOf = ({ id: _, mergedInto: __, importId: ___, version: ____, ...content }: Person): Content => content;

const amended = (person: Person, { facts, ...change }: Partial<Content>): Content => {
  const merged = { ...person.facts, ...facts };
  return { ...contentOf(person), ...change, facts: Object.fromEntries(Object.entries(merged).filter(([, value]) => value != null)) };
};

const same = (a: Content, b: Content): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
};

export const evolvePerson = (people: People, event: PersonEvent): void => {
  switch (event.type) {
    case 'PersonRegistered': {
      const version = (people.erased.get(event.personId) ?? 0) + 1;
      put(people, { id: event.personId, ...event.content, mergedInto: null, importId: event.importId, version });
      return;
    }
    case 'PersonAmended': {
      const person = people.persons.get(event.personId);
      if (person) amend(people, { ...person, ...event.content, version: person.version + 1 });
      return;
    }
    case 'PersonErased': {
      const person = people.persons.get(event.personId);
      if (!person) return;
      leave(people, person);
      people.persons.delete(person.id);
      people.erased.set(person.id, person.version + 1);
      return;
    }
    case 'DuplicateSuspected':
      people.suspected.set(pairKey(event), event);
  }
};

/** Replaces a person's record, and what is found by number and by name. */
export const amend = (people: People, person: Person): void => {
  const before = people.persons.get(person.id);
  if (before) leave(people, before);
  put(people, person);
};

const put = (people: People, person: Person): void => {
  people.persons.set(person.id, person);
  if (person.mergedInto !== null) return;
  if (person.identityRef !== null) people.holders.set(person.identityRef, person.id);
  const key = likenessKey(person);
  if (key === undefined) return;
  people.namesakes.set(key, [...(people.namesakes.get(key) ?? []), person]);
};

const leave = (people: People, person: Person): void => {
  if (person.identityRef !== null && people.holders.get(person.identityRef) === person.id) people.holders.delete(person.identityRef);
  const key = likenessKey(person);
  const namesakes = key === undefined ? undefined : people.namesakes.get(key);
  if (key !== undefined && namesakes)
    people.namesakes.set(
      key,
      namesakes.filter(({ id }) => id !== person.id),
    );
};

import { birthYear } from '@khue/contracts/dates';
import type { Grounds } from '@khue/contracts/grants';
import { splitName } from '@khue/contracts/text';
import { existsOn, type UnitTable } from '@khue/contracts/units';
import type { Order } from '@khue/host/aggregate';
import type { Tx } from '@khue/messaging/command';
import { together } from '@khue/messaging/database';
import { added, amended, changed, expectRows, updateRows } from '@khue/messaging/rows';
import type { DuplicateCommand } from '../domain/duplicates.ts';
import type { PersonCommand } from '../domain/people.ts';
import { likenessKey, type Duplicate, type Likeness, type Pair, type People, type Person } from '../domain/person.ts';
import { duplicateColumns, erasedColumns, pairColumns, personColumns, storedColumns, type StoredPerson } from './columns.ts';
import { groundsOf, type RegistryDirectory } from './directory.ts';
import { expectClaimed } from './rows.ts';

type PeopleCommand = PersonCommand | DuplicateCommand;

/** With what the batch is decided by, as its transaction read it. */
export interface StoredPeople extends People {
  readonly grounds: Grounds;
}

/** Of the people who bear a name and year of birth, so many are put before the board for each newcomer. */
const namesakesShown = 3;

/**
 * Locks pairs, then persons, each by id. Who holds a number is read, not locked: that it is free is claimed by the insert, with the unique index as
 * referee, so that an import's chunk needs no claim of its own for each of its rows.
 */
export const loadPeople =
  (directory: RegistryDirectory) =>
  async (tx: Tx, orders: readonly Order<PeopleCommand>[]): Promise<StoredPeople> => {
    const snapshot = await directory.newest(tx, 'look');
    const commands = orders.map(({ command }) => command);
    const today = orders[0]?.by.today ?? '';
    const duplicates = await lockDuplicates(
      tx,
      commands.flatMap((command) => ('duplicateId' in command ? [command.duplicateId] : [])),
    );
    const registered = commands.flatMap((command) => (command.type === 'RegisterPerson' ? [command.personId] : []));
    const removed = commands.flatMap((command) => (command.type === 'ErasePerson' || command.type === 'TakeBackPerson' ? [command.personId] : []));
    const named = commands.flatMap((command) => ('personId' in command ? [command.personId] : []));
    const locked = await lockPersons(tx, [...named, ...duplicates.flatMap(({ personId, otherId }) => [personId, otherId])], removed);
    const persons = new Map(locked.map((person) => [person.id, person]));
    const wanted = commands.flatMap((command) => wantedContent(command, persons));
    const holders = await readHolders(
      tx,
      wanted.flatMap(({ identityRef }) => identityRef ?? []),
    );
    for (const holder of holders) if (!persons.has(holder.id)) persons.set(holder.id, holder);
    return {
      grounds: groundsOf(snapshot),
      persons,
      holders: new Map(holders.map((holder) => [holder.identityRef as string, holder.id])),
      namesakes: await readNamesakes(tx, wanted),
      assigned: await readAssigned(tx, [...persons.values()], snapshot.table, today),
      duplicates: new Map(duplicates.map((duplicate) => [duplicate.id, duplicate])),
      erased: await readErased(tx, [...registered, ...removed]),
      suspected: new Map(),
    };
  };

/** What the record would be like: whom to compare it with. */
const wantedContent = (body: PeopleCommand, persons: ReadonlyMap<string, Person>): Pick<Person, 'fold' | 'birth' | 'identityRef'>[] => {
  if (body.type === 'RegisterPerson') return [body];
  const person = body.type === 'UpdatePerson' ? persons.get(body.personId) : undefined;
  return body.type === 'UpdatePerson' && person ? [{ ...person, ...body.change }] : [];
};

const lockDuplicates = async (tx: Tx, ids: readonly string[]): Promise<Duplicate[]> => {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<Duplicate>({
    name: 'duplicates-lock',
    text: `select ${duplicateColumns.selected} from registry.duplicates where id = any($1::uuid[]) order by id for update`,
    values: [ids],
  });
  return rows;
};

const lockPersons = async (tx: Tx, ids: readonly string[], withMerged: readonly string[]): Promise<Person[]> => {
  const { rows } = await tx.query<Person>({
    name: 'people-lock',
    text: `select ${personColumns.selected} from registry.people where id = any($1::uuid[]) order by id for update`,
    values: [ids],
  });
  if (withMerged.length === 0) return rows;
  // Looked for under the lock of the one they were merged into: nobody is merged into them any more.
  const merged = await tx.query<Person>({
    name: 'people-lock-merged',
    text: `select ${personColumns.selected} from registry.people where merged_into = any($1::uuid[]) and id <> all ($2::uuid[]) order by id for update`,
    values: [withMerged, ids],
  });
  return [...rows, ...merged.rows];
};

const readHolders = async (tx: Tx, references: readonly string[]): Promise<Person[]> => {
  if (references.length === 0) return [];
  const { rows } = await tx.query<Person>({
    name: 'people-holders',
    text: `select ${personColumns.selected} from registry.people where identity_ref = any($1::text[]) and merged_into is null`,
    values: [references],
  });
  return rows;
};

const readNamesakes = async (tx: Tx, wanted: readonly Pick<Person, 'fold' | 'birth' | 'identityRef'>[]): Promise<Map<string, Likeness[]>> => {
  const known = wanted.filter(({ birth }) => birth !== null);
  if (known.length === 0) return new Map();
  const { rows } = await tx.query<Likeness>({
    name: 'people-namesakes',
    text: `select distinct alike.id, alike.fold, alike.birth, alike.identity_ref as "identityRef"
      from unnest($1::text[], $2::smallint[], $3::bool[]) as wanted (fold, birth_year, numbered)
      cross join lateral (
        select id, fold, birth, identity_ref from registry.people p
        where p.fold = wanted.fold and p.birth_year = wanted.birth_year and p.merged_into is null and not (wanted.numbered and p.identity_ref is not null)
        limit ${namesakesShown}) alike`,
    values: [
      known.map(({ fold }) => fold),
      known.map(({ birth }) => birthYear(birth as string)),
      known.map(({ identityRef }) => identityRef !== null),
    ],
  });
  return Map.groupBy(rows, (row) => likenessKey(row) as string);
};

const readAssigned = async (tx: Tx, persons: readonly Person[], table: UnitTable, today: string): Promise<Map<string, string>> => {
  const homeless = persons.filter(({ unitId }) => !existsOn(table, unitId, today));
  if (homeless.length === 0) return new Map();
  const { rows } = await tx.query<{ personId: string; toUnitId: string }>({
    name: 'assignments-of',
    text: `select person_id as "personId", to_unit_id as "toUnitId"
      from registry.assignments join unnest($1::uuid[], $2::uuid[]) as standing (person_id, from_unit_id) using (person_id, from_unit_id)`,
    values: [homeless.map(({ id }) => id), homeless.map(({ unitId }) => unitId)],
  });
  return new Map(rows.map(({ personId, toUnitId }) => [personId, toUnitId]));
};

const readErased = async (tx: Tx, ids: readonly string[]): Promise<Map<string, number>> => {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.query<{ id: string; version: number }>({
    name: 'people-erased',
    text: 'select person_id as id, version from registry.erased_people where person_id = any($1::uuid[])',
    values: [ids],
  });
  return new Map(rows.map(({ id, version }) => [id, version]));
};

export const savePeople = async (tx: Tx, now: People, before: People): Promise<void> => {
  const rows = amended(now.persons, before.persons);
  await together(tx, () => [
    eraseRows(
      tx,
      [...before.persons.keys()].filter((id) => !now.persons.has(id)),
      [...now.erased].filter(([id, version]) => before.erased.get(id) !== version),
    ),
    // Who gives a number up goes before who takes it: the unique index looks at each row as it comes.
    amendRows(
      tx,
      rows.filter(({ identityRef }) => identityRef === null),
    ),
    amendRows(
      tx,
      rows.filter(({ identityRef }) => identityRef !== null),
    ),
    addRows(tx, added(now.persons, before.persons)),
    updateRows(tx, 'duplicates-close', 'registry.duplicates', duplicateColumns.only('id', 'state'), 'id', changed(now.duplicates, before.duplicates)),
    suspect(tx, added(now.suspected, before.suspected)),
  ]);
};

const stored = (person: Person): StoredPerson => ({
  ...person,
  ...splitName(person.name),
  birthYear: person.birth === null ? null : birthYear(person.birth),
});

const addRows = async (tx: Tx, persons: readonly Person[]): Promise<void> => {
  if (persons.length === 0) return;
  // In the order of the numbers, so that two batches with the same numbers wait for each other and don't deadlock.
  const sorted = persons.toSorted((a, b) => ((a.identityRef ?? '') < (b.identityRef ?? '') ? -1 : 1));
  const { rowCount } = await tx.query({
    name: 'people-add',
    text: `insert into registry.people (${storedColumns.names}) select ${storedColumns.names} from ${storedColumns.given} on conflict do nothing`,
    values: storedColumns.values(sorted.map(stored)),
  });
  expectClaimed(persons.length, rowCount);
};

const amendRows = async (tx: Tx, persons: readonly Person[]): Promise<void> => {
  if (persons.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'people-amend',
    text: `update registry.people p set ${storedColumns.set('id')}, recorded_at = now() from ${storedColumns.given} where p.id = given.id`,
    values: storedColumns.values(persons.map(stored)),
  });
  expectRows('people-amend', persons.length, rowCount);
};

const suspect = async (tx: Tx, pairs: readonly Pair[]): Promise<void> => {
  if (pairs.length === 0) return;
  await tx.query({
    name: 'duplicates-suspect',
    text: `insert into registry.duplicates (${pairColumns.names}) select ${pairColumns.names} from ${pairColumns.given} on conflict do nothing`,
    values: pairColumns.values(pairs),
  });
};

const eraseRows = async (tx: Tx, onRecord: readonly string[], versions: readonly (readonly [string, number])[]): Promise<void> => {
  if (versions.length === 0) return;
  const erased = versions.map(([personId, version]) => ({ personId, version }));
  const [{ rowCount }] = await together(tx, () => [
    tx.query({ name: 'people-erase', text: 'delete from registry.people where id = any($1::uuid[])', values: [onRecord] }),
    tx.query({
      name: 'people-erased-keep',
      text: `insert into registry.erased_people (${erasedColumns.names}) select ${erasedColumns.names} from ${erasedColumns.given}
        on conflict (person_id) do update set ${erasedColumns.excluded('personId')}, erased_at = now()`,
      values: erasedColumns.values(erased),
    }),
    tx.query({
      name: 'duplicates-erase',
      text: 'delete from registry.duplicates where person_id = any($1::uuid[]) or other_id = any($1::uuid[])',
      values: [erased.map(({ personId }) => personId)],
    }),
  ]);
  expectRows('people-erase', onRecord.length, rowCount);
};

import { birthYear } from '@khue/contracts/dates';
import { splitName } from '@khue/contracts/text';
import { existsOn, type UnitTable } from '@khue/contracts/units';
import type { Command, Tx } from '@khue/messaging/command';
import type { DuplicateCommand } from '../domain/duplicates.ts';
import type { PersonCommand } from '../domain/people.ts';
import { initialPeople, likenessKey, type Duplicate, type Likeness, type People, type Person } from '../domain/person.ts';
import type { RegistryDirectory } from './directory.ts';
import { expectClaimed, expectRows } from './rows.ts';

type PeopleCommand = PersonCommand | DuplicateCommand;

export const personColumns = `id, unit_id as "unitId", name, fold, identity_number as "identityNumber", identity_ref as "identityRef", birth, sex, facts,
  merged_into as "mergedInto", import_id as "importId", version`;

/** Of the people who bear a name and year of birth, so many are put before the board for each newcomer. */
const namesakesShown = 3;

/**
 * Locks pairs, then persons, each by id. Who holds a number is read, not locked: that it is free is claimed by the insert, with the unique index as
 * referee, so that an import's chunk needs no claim of its own for each of its rows.
 */
export const loadPeople = async (tx: Tx, commands: readonly Command<PeopleCommand>[], directory: RegistryDirectory): Promise<People> => {
  const snapshot = await directory.newest(tx, 'look');
  const bodies = commands.map(({ body }) => body);
  const today = commands[0]?.today ?? '';
  const duplicates = await lockDuplicates(
    tx,
    bodies.flatMap((body) => ('duplicateId' in body ? [body.duplicateId] : [])),
  );
  const registered = bodies.flatMap((body) => (body.type === 'RegisterPerson' ? [body.personId] : []));
  const removed = bodies.flatMap((body) => (body.type === 'ErasePerson' || body.type === 'TakeBackPerson' ? [body.personId] : []));
  const named = bodies.flatMap((body) => ('personId' in body ? [body.personId] : []));
  const locked = await lockPersons(tx, [...named, ...duplicates.flatMap(({ personId, otherId }) => [personId, otherId])], removed);
  const persons = new Map(locked.map((person) => [person.id, person]));
  const wanted = bodies.flatMap((body) => wantedContent(body, persons));
  const holders = await readHolders(
    tx,
    wanted.flatMap(({ identityRef }) => identityRef ?? []),
  );
  for (const holder of holders) if (!persons.has(holder.id)) persons.set(holder.id, holder);
  return initialPeople({
    table: snapshot.table,
    grantsOf: (sub) => snapshot.bySub.get(sub) ?? [],
    persons,
    holders: new Map(holders.map((holder) => [holder.identityRef as string, holder.id])),
    namesakes: await readNamesakes(tx, wanted),
    assigned: await readAssigned(tx, [...persons.values()], snapshot.table, today),
    duplicates: new Map(duplicates.map((duplicate) => [duplicate.id, duplicate])),
    erased: await readErased(tx, [...registered, ...removed]),
  });
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
    text: `select id, person_id as "personId", other_id as "otherId", state from registry.duplicates where id = any($1::uuid[]) order by id for update`,
    values: [ids],
  });
  return rows;
};

const lockPersons = async (tx: Tx, ids: readonly string[], withMerged: readonly string[]): Promise<Person[]> => {
  const { rows } = await tx.query<Person>({
    name: 'people-lock',
    text: `select ${personColumns} from registry.people where id = any($1::uuid[]) order by id for update`,
    values: [ids],
  });
  if (withMerged.length === 0) return rows;
  // Looked for under the lock of the one they were merged into: nobody is merged into them any more.
  const merged = await tx.query<Person>({
    name: 'people-lock-merged',
    text: `select ${personColumns} from registry.people where merged_into = any($1::uuid[]) and id <> all ($2::uuid[]) order by id for update`,
    values: [withMerged, ids],
  });
  return [...rows, ...merged.rows];
};

const readHolders = async (tx: Tx, references: readonly string[]): Promise<Person[]> => {
  if (references.length === 0) return [];
  const { rows } = await tx.query<Person>({
    name: 'people-holders',
    text: `select ${personColumns} from registry.people where identity_ref = any($1::text[]) and merged_into is null`,
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

export const savePeople = async (tx: Tx, people: People): Promise<void> => {
  const { added, amended, erased, duplicates, suspected } = people.changed;
  await eraseRows(
    tx,
    [...erased].filter((id) => !added.has(id)),
    [...erased].map((id) => [id, people.erased.get(id) ?? 0]),
  );
  const rows = (ids: ReadonlySet<string>): Person[] => [...ids].flatMap((id) => people.persons.get(id) ?? []);
  const amendedRows = rows(amended).filter(({ id }) => !added.has(id));
  // Who gives a number up goes before who takes it: the unique index looks at each row as it comes.
  await updateRows(
    tx,
    amendedRows.filter(({ identityRef }) => identityRef === null),
  );
  await updateRows(
    tx,
    amendedRows.filter(({ identityRef }) => identityRef !== null),
  );
  await insertRows(tx, rows(added));
  if (duplicates.size > 0) {
    const closed = [...duplicates].flatMap((id) => people.duplicates.get(id) ?? []);
    expectRows(
      closed.length,
      await tx.query({
        name: 'duplicates-close',
        text: 'update registry.duplicates d set state = closed.state from unnest($1::uuid[], $2::text[]) as closed (id, state) where d.id = closed.id',
        values: [closed.map(({ id }) => id), closed.map(({ state }) => state)],
      }),
    );
  }
  if (suspected.length > 0) {
    await tx.query({
      name: 'duplicates-suspect',
      text: `insert into registry.duplicates (person_id, other_id) select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing`,
      values: [suspected.map(({ personId }) => personId), suspected.map(({ otherId }) => otherId)],
    });
  }
};

const columnsOf = (rows: readonly Person[]): unknown[] => {
  const names = rows.map(({ name }) => splitName(name));
  return [
    rows.map(({ id }) => id),
    rows.map(({ unitId }) => unitId),
    rows.map(({ name }) => name),
    names.map(({ given }) => given),
    names.map(({ middle }) => middle),
    names.map(({ family }) => family),
    rows.map(({ fold }) => fold),
    rows.map(({ identityNumber }) => identityNumber),
    rows.map(({ identityRef }) => identityRef),
    rows.map(({ birth }) => birth),
    rows.map(({ birth }) => (birth === null ? null : birthYear(birth))),
    rows.map(({ sex }) => sex),
    rows.map(({ facts }) => JSON.stringify(facts)),
    rows.map(({ mergedInto }) => mergedInto),
    rows.map(({ importId }) => importId),
    rows.map(({ version }) => version),
  ];
};
const columnNames = `id, unit_id, name, given, middle, family, fold, identity_number, identity_ref, birth, birth_year, sex, facts, merged_into, import_id, version`;
const columnArrays = `$1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::smallint[],
  $12::text[], $13::jsonb[], $14::uuid[], $15::uuid[], $16::int[]`;

const insertRows = async (tx: Tx, rows: readonly Person[]): Promise<void> => {
  if (rows.length === 0) return;
  // In the order of the numbers, so that two batches with the same numbers wait for each other and don't deadlock.
  const sorted = rows.toSorted((a, b) => ((a.identityRef ?? '') < (b.identityRef ?? '') ? -1 : 1));
  expectClaimed(
    rows.length,
    await tx.query({
      name: 'people-add',
      text: `insert into registry.people (${columnNames}) select * from unnest(${columnArrays}) on conflict do nothing`,
      values: columnsOf(sorted),
    }),
  );
};

const updateRows = async (tx: Tx, rows: readonly Person[]): Promise<void> => {
  if (rows.length === 0) return;
  expectRows(
    rows.length,
    await tx.query({
      name: 'people-amend',
      text: `update registry.people p set unit_id = row.unit_id, name = row.name, given = row.given, middle = row.middle, family = row.family, fold = row.fold,
        identity_number = row.identity_number, identity_ref = row.identity_ref, birth = row.birth, birth_year = row.birth_year, sex = row.sex, facts = row.facts,
        merged_into = row.merged_into, version = row.version, recorded_at = now()
      from unnest(${columnArrays}) as row (${columnNames}) where p.id = row.id`,
      values: columnsOf(rows),
    }),
  );
};

const eraseRows = async (tx: Tx, stored: readonly string[], versions: readonly (readonly [string, number])[]): Promise<void> => {
  if (versions.length === 0) return;
  expectRows(
    stored.length,
    await tx.query({ name: 'people-erase', text: 'delete from registry.people where id = any($1::uuid[])', values: [stored] }),
  );
  await tx.query({
    name: 'people-erased-keep',
    text: `insert into registry.erased_people (person_id, version) select * from unnest($1::uuid[], $2::int[])
      on conflict (person_id) do update set version = excluded.version, erased_at = now()`,
    values: [versions.map(([id]) => id), versions.map(([, version]) => version)],
  });
  await tx.query({
    name: 'duplicates-erase',
    text: 'delete from registry.duplicates where person_id = any($1::uuid[]) or other_id = any($1::uuid[])',
    values: [versions.map(([id]) => id)],
  });
};

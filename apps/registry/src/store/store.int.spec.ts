import { fileURLToPath } from 'node:url';
import { registryFacts, registryPeople } from '@khue/contracts/events/registry';
import { fold } from '@khue/contracts/text';
import { bound } from '@khue/host/aggregate';
import { applyBatch } from '@khue/messaging/apply';
import type { Aggregate, Answer, Command } from '@khue/messaging/command';
import { inTransaction, openPool } from '@khue/messaging/database';
import { migrate } from '@khue/messaging/migrate';
import { eventually } from '@khue/testing/eventually';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { documentNoun, peopleNoun, structureNoun } from '../commands.ts';
import type { RegisterPerson, UpdatePerson } from '../domain/people.ts';
import { registryDirectory, type RegistryDirectory } from './directory.ts';

interface Replica {
  readonly pool: Pool;
  readonly directory: RegistryDirectory;
}
/** In this database: the server is other tests' too. */
const whoWaits = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
const today = '2026-03-02';
let database: TestDatabase;
let one: Replica;
let other: Replica;
const units: Record<string, string> = { city: uuidv7(), d1: uuidv7(), d2: uuidv7() };

const replica = (): Replica => {
  const pool = openPool({ url: database.appUrl, name: 'registry-spec', max: 4 });
  return { pool, directory: registryDirectory(pool) };
};
const command = <Body>(body: Body, actor = 'board'): Command<Body> => {
  const id = uuidv7();
  return { id, body, actor, now: `${today}T03:00:00.000Z`, today, correlationId: id, causationId: id };
};
const onBug = (error: unknown): never => {
  throw error;
};
const run = <Body, State, Event>(
  { pool }: Replica,
  aggregate: Aggregate<Body, State, Event>,
  bodies: readonly Body[],
  actor?: string,
): Promise<Answer[]> =>
  inTransaction(pool, (tx) =>
    applyBatch(
      tx,
      aggregate,
      bodies.map((body) => command(body, actor)),
      { onBug },
    ),
  );
/** Runs while `first` is not committed yet; commits that once the second waits for it. Answers what became of the second. */
const runBehind = async <Body, State, Event>(make: (at: Replica) => Aggregate<Body, State, Event>, first: Body, second: Body): Promise<unknown> => {
  const { outcome } = await inTransaction(one.pool, async (tx) => {
    expect(await applyBatch(tx, make(one), [command(first)], { onBug })).toMatchObject([{ ok: true }]);
    const behind = inTransaction(other.pool, (late) => applyBatch(late, make(other), [command(second)], { onBug }), 'set local lock_timeout = 10000');
    await eventually(async () => expect(await sql(whoWaits)).not.toEqual([]));
    return { outcome: behind.then(told, (error: { code?: string }) => error.code) };
  });
  return outcome;
};
const told = (answers: readonly Answer[]): string[] => answers.map((answer) => (answer.ok ? 'done' : answer.code));
const topics = [registryFacts, registryPeople] as const;
const structure = (at: Replica) => bound(structureNoun(at.directory, 'founder'), at.directory, topics);
const people = (at: Replica) => bound(peopleNoun(at.directory), at.directory, topics);
const documents = (at: Replica) => bound(documentNoun(at.directory, 'founder'), at.directory, topics);
const unit = (unitId: string, code: string, parentId: string | null) =>
  ({ type: 'RegisterUnit', unitId, code, kind: 'body', name: code, parentId, from: '2008-08-01', documentNo: null, sample: false }) as const;
const person = (identityNumber: string | null, name = 'Trần Thị Lan', more: Partial<RegisterPerson> = {}): RegisterPerson => ({
  type: 'RegisterPerson',
  personId: uuidv7(),
  unitId: units.d1 as string,
  name,
  fold: fold(name),
  identityNumber,
  identityRef: identityNumber && `ref:${identityNumber}`,
  birth: null,
  sex: null,
  facts: {},
  importId: null,
  ...more,
});
const sql = <T extends object>(text: string, values: unknown[] = []): Promise<T[]> => one.pool.query(text, values).then(({ rows }) => rows as T[]);

beforeAll(async () => {
  database = await postgres();
  const folders = ['../../../../libs/messaging/migrations', '../../prisma/migrations'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  await migrate({ ownerUrl: database.ownerUrl, appRole: `${database.name}_app`, folders });
  [one, other] = [replica(), replica()];
  const { city, d1, d2 } = units as Record<'city' | 'd1' | 'd2', string>;
  await run(
    one,
    structure(one),
    [
      unit(city, 'city', null),
      unit(d1, 'd1', city),
      unit(d2, 'd2', city),
      {
        type: 'IssueGrant',
        grantId: uuidv7(),
        sub: 'board',
        role: 'board',
        unitId: city,
        validFrom: '2020-01-01',
        validTo: null,
        documentNo: '1-QĐ',
      },
    ],
    'founder',
  );
});
afterAll(async () => {
  await Promise.all([one.pool.end(), other.pool.end()]);
  await database.close();
});

describe('two replicas', () => {
  test('see each other’s units and grants: in a transaction at once, in the directory after a look', async () => {
    await other.directory.refresh();
    const [w1, w2] = [uuidv7(), uuidv7()];
    await run(one, structure(one), [unit(w1, 'w1', units.city as string)]);
    expect(other.directory.units().units.has(w1)).toBe(false);
    expect(told(await run(other, structure(other), [unit(w2, 'w2', w1)]))).toEqual(['done']);
    expect(told(await run(other, people(other), [person(null, 'Người Mới', { unitId: w1 })]))).toEqual(['done']);
    await other.directory.refresh();
    expect(other.directory.units().units.get(w1)).toMatchObject({ code: 'w1', parents: [{ parentId: units.city, from: '2008-08-01', to: null }] });
  });

  test('register a code once, whoever comes first', async () => {
    const answers = await Promise.all([one, other].map((at) => run(at, structure(at), [unit(uuidv7(), 'raced', units.city as string)])));
    expect(told(answers.flat()).sort()).toEqual(['done', 'unit-code-taken']);
  });

  test('decide on the structure one after the other: the second sees what the first did', async () => {
    const city = units.city as string;
    expect(await runBehind(structure, unit(uuidv7(), 'one-by-one', city), unit(uuidv7(), 'one-by-one', city))).toEqual(['unit-code-taken']);
  });

  test('change a person one after the other: neither change is lost', async () => {
    const registered = person(null, 'Hai Lần Sửa');
    await run(one, people(one), [registered]);
    const change = (change: UpdatePerson['change']): UpdatePerson => ({ type: 'UpdatePerson', personId: registered.personId, change });
    expect(await runBehind<UpdatePerson, unknown, unknown>(people as never, change({ sex: 'male' }), change({ birth: '1980' }))).toEqual(['done']);
    expect(await sql('select sex, birth, version from registry.people where id = $1', [registered.personId])).toEqual([
      { sex: 'male', birth: '1980', version: 3 },
    ]);
  });

  test('claim a number once: the one who read it as free is told to try again, and refused then', async () => {
    const number = '001080000001';
    // The second reads before the first commits, inserts after: it waits on the index.
    expect(await runBehind(people, person(number), person(number))).toBe('40001');
    expect(told(await run(other, people(other), [person(number)]))).toEqual(['person-exists']);
  });

  test('claim a document once in the same way', async () => {
    const recorded = {
      type: 'RecordDocument',
      documentId: uuidv7(),
      number: '57-QĐ/TW',
      issuer: 'Bộ Chính trị',
      issuedOn: '2022-02-08',
      governs: 'eligibility',
      title: null,
    } as const;
    expect(await runBehind(documents, recorded, { ...recorded, documentId: uuidv7() })).toBe('40001');
  });
});

describe('a batch', () => {
  test('refuses the second of two with one number, and writes the others', async () => {
    expect(
      told(await run(one, people(one), [person('001080000010'), person('001080000010'), person('001080000011'), person(null, 'Không Số')])),
    ).toEqual(['done', 'person-exists', 'done', 'done']);
  });

  test('finds namesakes within itself and in the registry, however the name is written', async () => {
    const names = ['Nguyễn Thị Thuỷ', 'NGUYỄN THỊ THỦY', 'nguyen thi thuy', 'Nguyễn Thị Thủy'.normalize('NFD')];
    const [first, ...rest] = names.map((name) => person(null, name, { birth: '1985-03-04' }));
    await run(one, people(one), [first as RegisterPerson]);
    await run(one, people(one), rest);
    const pairs = await sql<{ pair: string }>(
      'select least(person_id, other_id)::text || greatest(person_id, other_id)::text as pair from registry.duplicates where person_id = any($1)',
      [rest.map(({ personId }) => personId)],
    );
    expect(new Set(pairs.map(({ pair }) => pair)).size).toBe(6);
  });

  test('keeps a pair once, also when it is found again', async () => {
    const [first, second] = [person(null, 'Hồ Thị Hai Lần', { birth: '1970' }), person(null, 'Hồ Thị Hai Lần', { birth: '1970' })];
    await run(one, people(one), [first, second]);
    const rename = (name: string) => ({ type: 'UpdatePerson', personId: second.personId, change: { name, fold: fold(name) } }) as const;
    expect(told([...(await run(one, people(one), [rename('Hồ Thị Khác')])), ...(await run(one, people(one), [rename(first.name)]))])).toEqual([
      'done',
      'done',
    ]);
    expect(await sql('select state from registry.duplicates where person_id = $1 or other_id = $1', [first.personId])).toEqual([{ state: 'open' }]);
  });

  test('hands a number from one record to another', async () => {
    const [giver, taker] = [person('001080000020', 'Người Cho'), person(null, 'Người Nhận')];
    await run(one, people(one), [giver, taker]);
    const numbers = { identityNumber: '001080000020', identityRef: 'ref:001080000020' };
    const answers = await run(one, people(one), [
      { type: 'UpdatePerson', personId: giver.personId, change: { identityNumber: null, identityRef: null } },
      { type: 'UpdatePerson', personId: taker.personId, change: numbers },
    ]);
    expect(told(answers)).toEqual(['done', 'done']);
    expect(await sql('select id from registry.people where identity_number = $1', [numbers.identityNumber])).toEqual([{ id: taker.personId }]);
  });

  test('keeps of whom it erased and registered what became of them last', async () => {
    const [first, second] = [uuidv7(), uuidv7()];
    const back = person(null, 'Đi Rồi Lại Về', { importId: first });
    const gone = person(null, 'Đến Rồi Lại Đi', { importId: first });
    const takeBack = ({ personId }: RegisterPerson) => ({ type: 'TakeBackPerson', personId, importId: first }) as const;
    await run(one, people(one), [back]);
    const answers = await run(one, people(one), [takeBack(back), { ...back, importId: second }, gone, takeBack(gone)]);
    expect(told(answers)).toEqual(['done', 'done', 'done', 'done']);
    const ids = [back, gone].map(({ personId }) => personId);
    expect(await sql('select id, import_id, version from registry.people where id = any($1)', [ids])).toEqual([
      { id: back.personId, import_id: second, version: 3 },
    ]);
    expect(await sql('select person_id, version from registry.erased_people where person_id = any($1) order by person_id', [ids])).toEqual(
      ids.sort().map((id) => ({ person_id: id, version: 2 })),
    );
  });

  test('that moves and ends units keeps each period with its own parent', async () => {
    const [a, b] = [uuidv7(), uuidv7()];
    const answers = await run(one, structure(one), [
      unit(a, 'a', units.d1 as string),
      unit(b, 'b', units.d1 as string),
      { type: 'MoveUnit', unitId: a, parentId: units.d2 as string, on: '2020-01-01', documentNo: '2-QĐ' },
      { type: 'MoveUnit', unitId: a, parentId: b, on: '2021-01-01', documentNo: '3-QĐ' },
      { type: 'SucceedUnit', unitId: a, successors: [{ unitId: b, sharePercent: 33 }], on: '2022-01-01', documentNo: '4-QĐ', sample: true },
    ]);
    expect(told(answers)).toEqual(['done', 'done', 'done', 'done', 'done']);
    await run(one, structure(one), [{ type: 'MoveUnit', unitId: b, parentId: units.d2 as string, on: '2023-01-01', documentNo: '5-QĐ' }]);
    await other.directory.refresh();
    expect(other.directory.units().units.get(a)?.parents).toEqual([
      { parentId: units.d1, from: '2008-08-01', to: '2020-01-01' },
      { parentId: units.d2, from: '2020-01-01', to: '2021-01-01' },
      { parentId: b, from: '2021-01-01', to: '2022-01-01' },
    ]);
    expect(other.directory.units().successionsFrom.get(a)).toMatchObject([{ toUnitId: b, on: '2022-01-01', share: 0.33 }]);
  });
});

describe('behind the rules the database refuses', () => {
  test('a unit under two parents at a time', async () => {
    const overlapping = sql(`insert into registry.unit_parents (unit_id, parent_id, valid_from) values ($1, $2, '2019-05-01')`, [units.d1, units.d2]);
    await expect(overlapping).rejects.toMatchObject({ code: '23P01', constraint: 'one_parent_at_a_time' });
  });
  test('a number of two people, unless one is merged into the other', async () => {
    const second = (mergedInto: string | null) =>
      sql(
        `insert into registry.people (id, unit_id, name, given, middle, family, fold, identity_number, identity_ref, facts, merged_into, version)
        values ($1, $2, 'x', 'x', '', '', 'x', '001080000010', 'ref:001080000010', '{}', $3, 1)`,
        [uuidv7(), units.d1, mergedInto],
      );
    await expect(second(null)).rejects.toMatchObject({ code: '23505', constraint: 'people_identity' });
    await expect(second(units.d1 as string)).resolves.toEqual([]);
  });
  test('to let the service take back what is on record', async () => {
    for (const table of ['units', 'unit_parents', 'successions', 'assignments', 'grants', 'documents', 'erased_people']) {
      await expect(sql(`delete from registry.${table}`)).rejects.toMatchObject({ code: '42501' });
    }
    await expect(sql(`update registry.units set code = 'x'`)).rejects.toMatchObject({ code: '42501' });
    await expect(sql(`update registry.grants set role = 'board'`)).rejects.toMatchObject({ code: '42501' });
  });
});

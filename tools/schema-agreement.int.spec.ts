import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import { migrate } from '@khue/messaging/migrate';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from './guards/copy.ts';
import { prismaTables } from './guards/prisma-model.ts';
import { databaseTables, schemaDrift, schemasOf, type Table } from './guards/schema-drift.ts';

const apps = readdirSync(join(root, 'apps')).filter((app) => existsSync(join(root, 'apps', app, 'prisma/schema.prisma')));
const libraries = globSync('libs/*/migrations', { cwd: root }).sort((a, b) => Number(b.includes('messaging')) - Number(a.includes('messaging')));

test('every service that stands is compared', () => {
  expect(apps).toEqual(
    globSync('apps/*/prisma/migrations', { cwd: root })
      .map((path) => path.split('/')[1])
      .sort(),
  );
  expect(apps).toEqual([...serviceNames].sort());
});

describe.each(apps)('schema.prisma and the migrations of %s', (app) => {
  const schema = readFileSync(join(root, 'apps', app, 'prisma/schema.prisma'), 'utf8');
  let database: TestDatabase;
  let owner: pg.Client;
  let own: readonly string[];
  let model: readonly Table[];

  beforeAll(async () => {
    database = await postgres();
    owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    const apply = (folders: readonly string[]) =>
      migrate({ ownerUrl: database.ownerUrl, appRole: `${database.name}_app`, folders: folders.map((folder) => join(root, folder)) });
    await apply(libraries);
    const before = new Set(await schemasOf(owner));
    await apply([...libraries, `apps/${app}/prisma/migrations`]);
    own = (await schemasOf(owner)).filter((name) => !before.has(name));
    model = await prismaTables(schema);
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
  });

  const drift = async (): Promise<readonly string[]> => schemaDrift(model, await databaseTables(owner, own));
  /** What is found after a change that is then taken back. */
  const driftAfter = async (sql: string): Promise<readonly string[]> => {
    await owner.query('begin');
    try {
      await owner.query(sql);
      return await drift();
    } finally {
      await owner.query('rollback');
    }
  };

  test('agree', async () => {
    expect(model.length).toBeGreaterThan(0);
    expect(own.length).toBeGreaterThan(0);
    expect(await drift()).toEqual([]);
  });

  test('no longer agree after a change of either', async () => {
    const [table] = model as readonly [Table];
    const [column] = [...table.columns.keys()].filter((name) => !table.primaryKey.includes(name)) as [string];
    expect(await driftAfter(`alter table ${table.name} add column planted int`)).toEqual([
      `${table.name}.planted: a column that schema.prisma does not have`,
    ]);
    expect(await driftAfter(`alter table ${table.name} drop column ${column} cascade`)).toContain(
      `${table.name}.${column}: a field without a column`,
    );
    expect(await driftAfter(`create table ${own[0]}.planted (id int primary key)`)).toEqual([
      `${own[0]}.planted: a table that schema.prisma does not have`,
    ]);
    expect(await driftAfter(`drop table ${table.name} cascade`)).toContain(`${table.name}: a model without a table`);
    expect(schemaDrift(model.slice(1), await databaseTables(owner, own))).toEqual([`${table.name}: a table that schema.prisma does not have`]);
  });
});

describe('a drift is found in', () => {
  const planted = `datasource db {
  provider = "postgresql"
  schemas  = ["planted"]
}

model Seat {
  id       String    @id @db.Uuid
  code     String    @unique @db.VarChar(20)
  place    Int
  note     String?
  at       DateTime  @default(now()) @db.Timestamptz
  tags     String[]
  facts    Json
  share    Decimal   @db.Decimal(5, 2)

  @@unique([place, at])
  @@map("seat")
  @@schema("planted")
}`;
  const sql = `create schema planted; create table planted.seat (id uuid primary key, code varchar(20) not null unique, place int not null, note text,
    at timestamptz not null default now(), tags text[] not null, facts jsonb not null, share numeric(5, 2) not null, unique (place, at))`;
  let database: TestDatabase;
  let model: readonly Table[];
  beforeAll(async () => {
    database = await postgres();
    model = await prismaTables(planted);
  });
  afterAll(() => database.close());

  test.each([
    ['nothing', '', []],
    ['a type', 'alter table planted.seat alter place type bigint', ['planted.seat.place: integer in schema.prisma, bigint in the database']],
    [
      'a size',
      'alter table planted.seat alter code type varchar(30)',
      ['planted.seat.code: character varying(20) in schema.prisma, character varying(30) in the database'],
    ],
    [
      'a zone',
      'alter table planted.seat alter at type timestamp',
      ['planted.seat.at: timestamp with time zone in schema.prisma, timestamp without time zone in the database'],
    ],
    ['a list', 'alter table planted.seat drop tags, add tags text not null', ['planted.seat.tags: text[] in schema.prisma, text in the database']],
    ['a json', 'alter table planted.seat alter facts type json', ['planted.seat.facts: jsonb in schema.prisma, json in the database']],
    [
      'what may be null',
      'alter table planted.seat alter place drop not null',
      ['planted.seat.place: required in schema.prisma, nullable in the database'],
    ],
    [
      'what may not be null',
      'alter table planted.seat alter note set not null',
      ['planted.seat.note: optional in schema.prisma, not null in the database'],
    ],
    [
      'a default',
      'alter table planted.seat alter at drop default',
      ['planted.seat.at: schema.prisma counts on a default that the database does not give'],
    ],
    [
      'a primary key',
      'alter table planted.seat drop constraint seat_pkey, add primary key (id, place)',
      ['planted.seat: primary key (id) in schema.prisma, (id, place) in the database'],
    ],
    [
      'a unique column',
      'alter table planted.seat drop constraint seat_code_key',
      ['planted.seat: (code) is unique in schema.prisma, not in the database'],
    ],
    [
      'unique columns',
      'alter table planted.seat drop constraint seat_place_at_key',
      ['planted.seat: (place, at) is unique in schema.prisma, not in the database'],
    ],
    [
      'a name',
      'alter table planted.seat rename note to remark',
      ['planted.seat.remark: a column that schema.prisma does not have', 'planted.seat.note: a field without a column'],
    ],
  ])('%s', async (_what, change, expected) => {
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    try {
      await owner.query(`begin; ${sql}; ${change}`);
      expect(schemaDrift(model, await databaseTables(owner, ['planted']))).toEqual(expected);
    } finally {
      await owner.end();
    }
  });
});

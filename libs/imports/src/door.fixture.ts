import { migrate } from '@khue/messaging/migrate';
import pg from 'pg';
import type { People } from './give-way.ts';
import type { ImportKind, Outcome, RowToApply, RowToRevoke, Tx, Verdict } from './import-kind.ts';
import { importMigrations } from './migrations.ts';
import { layout, type Person } from './people.fixture.ts';

// A service with one import door, for the specs of this lib: people by identity number, and a log of each effect, so that a doubled one shows.

export interface Resolved extends Person {
  readonly known: boolean;
}

/** What a spec does to the door; each is called inside the chunk's transaction. */
export interface Mood {
  judging?: (rows: number) => void;
  applying?: (rows: readonly RowToApply<Resolved>[], tx: Tx) => Promise<void> | void;
  applied?: (rows: readonly RowToApply<Resolved>[], tx: Tx) => Promise<void> | void;
  revoking?: (rows: readonly RowToRevoke<Resolved>[]) => void;
}

export const doorSchema = async (ownerUrl: string, appRole: string): Promise<void> => {
  await migrate({ ownerUrl, appRole, folders: [importMigrations] });
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query(`
    create schema door;
    create table door.person (id uuid primary key, identity_number text not null unique, full_name varchar(60) not null, unit_code text not null, import_id uuid not null);
    create table door.effect (id bigint generated always as identity primary key, what text not null, person uuid not null, import_id uuid not null, actor text not null);
    grant usage on schema door to ${pg.escapeIdentifier(appRole)};
    grant select, insert, update, delete on all tables in schema door to ${pg.escapeIdentifier(appRole)};`);
  await owner.end();
};

const nowhere: Verdict<never> = {
  verdict: 'rejected',
  errors: [
    {
      column: 'unitCode',
      code: 'unit-unknown',
      vi: 'Không có đơn vị này.',
      en: 'No such unit.',
      mend: { vi: 'Ghi mã đơn vị có thật.', en: 'Write the code of a unit that exists.' },
    },
  ],
};

/** Nobody types. */
export const nobody: People = { typing: () => false, answered: async () => undefined };

export const peopleDoor = (mood: Mood): ImportKind<Person, Resolved> => ({
  kind: 'people',
  layout,
  layoutModule: new URL('./people.fixture.ts', import.meta.url),
  judge: async (rows, tx) => {
    mood.judging?.(rows.length);
    const { rows: known } = await tx.query<{ identity_number: string; full_name: string }>(
      'select identity_number, full_name from door.person where identity_number = any ($1)',
      [rows.map(({ value }) => value.identityNumber)],
    );
    const nameOf = new Map(known.map((person) => [person.identity_number, person.full_name]));
    return rows.map(({ value }) => {
      if (value.unitCode === 'NOWHERE') return nowhere;
      const key = value.identityNumber;
      if (nameOf.get(key) === value.fullName) return { verdict: 'unchanged', key };
      return { verdict: 'accepted', key, value: { ...value, known: nameOf.has(key) } };
    });
  },
  apply: async (rows, tx, job) => {
    await mood.applying?.(rows, tx);
    const { rows: made } = await tx.query<{ id: string }>(
      `insert into door.person (id, identity_number, full_name, unit_code, import_id)
       select id, number, name, unit, $5 from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as given (id, number, name, unit)
       on conflict (identity_number) do nothing returning id`,
      [
        rows.map((row) => row.id),
        rows.map((row) => row.value.identityNumber),
        rows.map((row) => row.value.fullName),
        rows.map((row) => row.value.unitCode),
        job.id,
      ],
    );
    const ids = new Set(made.map((row) => row.id));
    // Of every row it was given, also one it has already: otherwise the door's own conflict clause would hide a chunk applied twice.
    await tx.query(`insert into door.effect (what, person, import_id, actor) select 'registered', id, $2, $3 from unnest($1::uuid[]) as id`, [
      rows.map((row) => row.id),
      job.id,
      job.actor,
    ]);
    await mood.applied?.(rows, tx);
    return rows.flatMap((row): Outcome[] => (ids.has(row.id) ? [] : [{ rowNo: row.rowNo, outcome: 'unchanged' }]));
  },
  revoke: async (rows, tx, job) => {
    mood.revoking?.(rows);
    await tx.query('delete from door.person where id = any ($1)', [rows.map((row) => row.id)]);
    await tx.query(`insert into door.effect (what, person, import_id, actor) select 'revoked', id, $2, $3 from unnest($1::uuid[]) as id`, [
      rows.map((row) => row.id),
      job.id,
      job.actor,
    ]);
  },
});

/** Keeps nothing: for specs of what stands before a door's rows. */
export const nobodysDoor: ImportKind<Person, Person> = {
  kind: 'nobody',
  layout,
  layoutModule: new URL('./people.fixture.ts', import.meta.url),
  judge: async (rows) =>
    rows.map(({ value }) => (value.unitCode === 'NOWHERE' ? nowhere : { verdict: 'accepted', key: value.identityNumber, value })),
  apply: async () => [],
  revoke: async () => undefined,
};

export const peopleHeading = 'Họ và tên,Số định danh,Ngày sinh,Đơn vị';

/** A line of the file; numbers differ by `n`. */
export const personLine = (n: number, { name = `Nguyễn Văn ${n}`, number = `00108${String(n).padStart(7, '0')}`, unit = 'HN-01' } = {}): string =>
  `${name},${number},1980,${unit}`;

export const peopleFile = (lines: readonly string[]): string => [peopleHeading, ...lines, ''].join('\n');

export const sliced = async function* (file: string, size = 50_000): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(file);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

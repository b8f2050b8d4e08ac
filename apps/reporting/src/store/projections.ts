import type { Tx } from '@khue/messaging/command';

interface Program {
  readonly code: string;
  readonly programVersion: number;
  readonly name: string;
  readonly line: string;
}
interface Class {
  readonly classId: string;
  readonly code: string;
  readonly programCode: string;
  readonly line: string;
  readonly hostUnitId: string;
  readonly from: string;
}
interface Turn {
  readonly classId: string;
  readonly personId: string;
  readonly unitId: string;
  readonly imported: boolean;
}
interface Pot {
  readonly potId: string;
  readonly year: number;
  readonly programCode: string;
  readonly size: number;
  readonly documentNo: string;
  readonly rootUnitId: string;
}
interface Account {
  readonly accountId: string;
  readonly potId: string;
  readonly parentAccountId: string | null;
  readonly unitId: string;
  readonly allotted: number;
}
interface Seat {
  readonly potId: string;
  readonly accountId: string;
  readonly state: string;
}

/** The rows of a batch, by key; null takes a row away. A later event of the batch overwrites an earlier one of the same row. */
export const collect = () => ({
  programs: new Map<string, Program>(),
  classes: new Map<string, Class | null>(),
  turns: new Map<string, Turn | null>(),
  merged: new Map<string, string>(),
  pots: new Map<string, Pot>(),
  accounts: new Map<string, Account>(),
  seats: new Map<string, Seat | null>(),
});

type Rows = ReturnType<typeof collect>;

/** Writes the rows, one statement a table. Table names are unqualified: the consumer's search path says which set of projections is meant. */
export const write = async (tx: Tx, rows: Rows): Promise<void> => {
  const programs = [...rows.programs.values()];
  await put(
    tx,
    programs.length,
    'report-programs',
    `insert into program (code, version, name, line) select * from unnest($1::text[], $2::int[], $3::text[], $4::text[])
    on conflict (code, version) do update set name = excluded.name, line = excluded.line`,
    () => [
      programs.map((row) => row.code),
      programs.map((row) => row.programVersion),
      programs.map((row) => row.name),
      programs.map((row) => row.line),
    ],
  );

  const classes = present(rows.classes);
  await put(
    tx,
    classes.length,
    'report-classes',
    `insert into class (id, code, program_code, line, host_unit_id, from_date)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::date[])
    on conflict (id) do update set code = excluded.code, program_code = excluded.program_code, line = excluded.line, host_unit_id = excluded.host_unit_id, from_date = excluded.from_date`,
    () => [
      classes.map(([id]) => id),
      classes.map(([, row]) => row.code),
      classes.map(([, row]) => row.programCode),
      classes.map(([, row]) => row.line),
      classes.map(([, row]) => row.hostUnitId),
      classes.map(([, row]) => row.from),
    ],
  );
  await take(tx, 'report-classes-gone', 'delete from class where id = any($1::uuid[])', rows.classes);

  const turns = present(rows.turns);
  await put(
    tx,
    turns.length,
    'report-turns',
    `insert into turn (id, class_id, person_id, unit_id, imported)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::boolean[])
    on conflict (id) do update set class_id = excluded.class_id, person_id = excluded.person_id, unit_id = excluded.unit_id, imported = excluded.imported`,
    () => [
      turns.map(([id]) => id),
      turns.map(([, row]) => row.classId),
      turns.map(([, row]) => row.personId),
      turns.map(([, row]) => row.unitId),
      turns.map(([, row]) => row.imported),
    ],
  );
  await take(tx, 'report-turns-gone', 'delete from turn where id = any($1::uuid[])', rows.turns);

  const merged = [...rows.merged];
  await put(
    tx,
    merged.length,
    'report-merged',
    `insert into merged (person_id, kept_id) select * from unnest($1::uuid[], $2::uuid[])
    on conflict (person_id) do update set kept_id = excluded.kept_id`,
    () => [merged.map(([id]) => id), merged.map(([, kept]) => kept)],
  );
  // Chains are shortened as they come, in whatever order: everybody points at the record that stands.
  if (merged.length > 0) await tx.query('update merged m set kept_id = n.kept_id from merged n where m.kept_id = n.person_id');

  const pots = [...rows.pots.values()];
  await put(
    tx,
    pots.length,
    'report-pots',
    `insert into pot (id, year, program_code, size, document_no, root_unit_id)
    select * from unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[], $6::uuid[])
    on conflict (id) do update set size = excluded.size, document_no = excluded.document_no`,
    () => [
      pots.map((row) => row.potId),
      pots.map((row) => row.year),
      pots.map((row) => row.programCode),
      pots.map((row) => row.size),
      pots.map((row) => row.documentNo),
      pots.map((row) => row.rootUnitId),
    ],
  );
  const accounts = [...rows.accounts.values()];
  await put(
    tx,
    accounts.length,
    'report-accounts',
    `insert into account (id, pot_id, parent_id, unit_id, allotted)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[])
    on conflict (id) do update set allotted = excluded.allotted`,
    () => [
      accounts.map((row) => row.accountId),
      accounts.map((row) => row.potId),
      accounts.map((row) => row.parentAccountId),
      accounts.map((row) => row.unitId),
      accounts.map((row) => row.allotted),
    ],
  );
  const seats = present(rows.seats);
  await put(
    tx,
    seats.length,
    'report-seats',
    `insert into seat (enrollment_id, pot_id, account_id, state) select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])
    on conflict (enrollment_id) do update set pot_id = excluded.pot_id, account_id = excluded.account_id, state = excluded.state`,
    () => [seats.map(([id]) => id), seats.map(([, row]) => row.potId), seats.map(([, row]) => row.accountId), seats.map(([, row]) => row.state)],
  );
  await take(tx, 'report-seats-gone', 'delete from seat where enrollment_id = any($1::uuid[])', rows.seats);
};

const present = <T>(rows: ReadonlyMap<string, T | null>): [string, T][] => [...rows].filter((entry): entry is [string, T] => entry[1] !== null);

const put = async (tx: Tx, count: number, name: string, text: string, values: () => unknown[]): Promise<void> => {
  // No prepared name where the search path differs: a statement prepared under one path would write to the other's tables.
  if (count > 0) await tx.query({ text: `/* ${name} */ ${text}`, values: values() });
};

const take = async (tx: Tx, name: string, text: string, rows: ReadonlyMap<string, unknown>): Promise<void> => {
  const gone = [...rows].filter(([, row]) => row === null).map(([id]) => id);
  if (gone.length > 0) await tx.query({ text: `/* ${name} */ ${text}`, values: [gone] });
};

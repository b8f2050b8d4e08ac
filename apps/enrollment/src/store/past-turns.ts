import type { Tx } from '@khue/messaging/command';
import { expectRows } from '@khue/messaging/rows';
import { v5 as uuidv5 } from 'uuid';
import type { PastClass, PastTurn, PlannedTurn } from '../domain/past-turns.ts';

// Statements of imports have no names: a plan made while a table is empty would read it whole for each chunk of a million rows.

// Drawn once; the id of a class of the past follows from its code, so that it is the same after it was taken back and recorded again.
const PAST_CLASS = '2f0c6a55-9f0b-4d0f-8a41-61c1f5d8b7e3';

const classColumns = `id, code, program_code as "programCode", line, host_unit_id as "hostUnitId", valid_from as "from", valid_to as "to", turns, revoked, sequence`;
const turnColumns = `id, class_id as "classId", person_id as "personId", unit_id as "unitId", document_no as "documentNo", sequence`;

/** A person found by the number's reference: the one it counts as, and the name without diacritics. */
export interface FoundPerson {
  readonly personId: string;
  readonly nameFold: string;
}

export const findPersons = async (tx: Tx, references: readonly string[]): Promise<Map<string, FoundPerson>> => {
  const { rows } = await tx.query<FoundPerson & { reference: string }>(
    // One look into the index for each; as one condition it reads the whole table for each chunk as long as nobody has counted its values (ANALYZE).
    `select reference, "personId", "nameFold" from unnest($1::text[]) as n (reference) cross join lateral (
       select coalesce(merged_into, person_id) as "personId", name_fold as "nameFold" from cards.person
       where identity_ref = reference order by merged_into is not null limit 1) p`,
    [[...new Set(references)]],
  );
  return new Map(rows.map(({ reference, ...person }) => [reference, person]));
};

/** Of these persons those on record, each with the one it counts as now. */
export const standingPersons = async (tx: Tx, persons: readonly string[]): Promise<Map<string, string>> => {
  const { rows } = await tx.query<{ id: string; now: string }>(
    'select person_id as id, coalesce(merged_into, person_id) as now from cards.person where person_id = any($1::uuid[])',
    [persons],
  );
  return new Map(rows.map(({ id, now }) => [id, now]));
};

/** Classes on record, by code. */
export const knownClasses = async (tx: Tx, codes: readonly string[]): Promise<Map<string, PastClass>> => {
  const { rows } = await tx.query<PastClass>(`select ${classColumns} from enrollment.past_class where code = any($1::text[]) and not revoked`, [
    codes,
  ]);
  return new Map(rows.map((row) => [row.code, row]));
};

const pairKey = (classId: string, personId: string): string => `${classId} ${personId}`;

/** Turns on record of these persons in these classes. */
export const knownTurns = async (
  tx: Tx,
  pairs: readonly Pick<PastTurn, 'classId' | 'personId'>[],
): Promise<(classId: string, personId: string) => PastTurn | undefined> => {
  const { rows } =
    pairs.length === 0
      ? { rows: [] }
      : await tx.query<PastTurn>(
          `select t.* from unnest($1::uuid[], $2::uuid[]) as n (c, p) cross join lateral (
       select ${turnColumns} from enrollment.past_turn where class_id = n.c and person_id = n.p and not revoked limit 1) t`,
          [pairs.map(({ classId }) => classId), pairs.map(({ personId }) => personId)],
        );
  const found = new Map(rows.map((row) => [pairKey(row.classId, row.personId), row]));
  return (classId, personId) => found.get(pairKey(classId, personId));
};

/** Locks the classes of these rows in the order of their codes; those never heard of are made, and count as revoked until they are told of. */
export const lockClasses = async (tx: Tx, rows: ReadonlyMap<string, PlannedTurn>, importId: string): Promise<Map<string, PastClass>> => {
  const lock = (): Promise<{ rows: PastClass[] }> =>
    tx.query<PastClass>(`select ${classColumns} from enrollment.past_class where code = any($1::text[]) order by code for update`, [
      [...rows.keys()],
    ]);
  let locked = await lock();
  if (locked.rows.length < rows.size) {
    const known = new Set(locked.rows.map(({ code }) => code));
    const news = [...rows].filter(([code]) => !known.has(code)).sort(([a], [b]) => (a < b ? -1 : 1));
    await tx.query(
      `insert into enrollment.past_class (id, code, program_code, line, host_unit_id, valid_from, valid_to, import_id, turns, revoked, sequence)
       select id, code, program_code, line, host_unit_id, f, t, $8, 0, true, 0
       from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::date[], $7::date[]) as n (id, code, program_code, line, host_unit_id, f, t)
       on conflict (code) do nothing`,
      [
        news.map(([code]) => uuidv5(code, PAST_CLASS)),
        news.map(([code]) => code),
        news.map(([, row]) => row.programCode),
        news.map(([, row]) => row.line),
        news.map(([, row]) => row.hostUnitId ?? row.unitId),
        news.map(([, row]) => row.from),
        news.map(([, row]) => row.to),
        importId,
      ],
    );
    locked = await lock();
  }
  expectRows('past-class-lock', rows.size, locked.rows.length);
  return new Map(locked.rows.map((row) => [row.code, row]));
};

/** Locks the classes of these turns, in the order of their codes. */
export const lockClassesOf = async (tx: Tx, turns: readonly string[]): Promise<Map<string, PastClass>> => {
  const { rows } = await tx.query<PastClass>(
    `select ${classColumns} from enrollment.past_class where id in (select class_id from enrollment.past_turn where id = any($1::uuid[])) order by code for update`,
    [turns],
  );
  return new Map(rows.map((row) => [row.id, row]));
};

const turnValues = (turns: readonly PastTurn[]): string[][] => [
  turns.map(({ id }) => id),
  turns.map(({ classId }) => classId),
  turns.map(({ personId }) => personId),
  turns.map(({ unitId }) => unitId),
  turns.map(({ documentNo }) => documentNo),
];

const insertion = `insert into enrollment.past_turn (id, class_id, person_id, unit_id, document_no, import_id, revoked, sequence)
  select id, class_id, person_id, unit_id, document_no, $6, false, 1
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[]) as n (id, class_id, person_id, unit_id, document_no)`;

/** Records turns of classes that nothing was told of yet: there are none to conflict with, and not looking for any saves a fifth of the insertion. */
export const insertFirstTurns = async (tx: Tx, turns: readonly PastTurn[], importId: string): Promise<void> => {
  if (turns.length === 0) return;
  const { rowCount } = await tx.query(insertion, [...turnValues(turns), importId]);
  expectRows('past-turn-insert', turns.length, rowCount);
};

/** Records turns; answers the ids of those that were new. Their classes are locked. */
export const insertTurns = async (tx: Tx, turns: readonly PastTurn[], importId: string): Promise<ReadonlySet<string>> => {
  if (turns.length === 0) return new Set();
  const { rows } = await tx.query<{ id: string }>(`${insertion} on conflict do nothing returning id`, [...turnValues(turns), importId]);
  return new Set(rows.map(({ id }) => id));
};

/** The numbers of the facts told of turns that were taken back, by id. */
export const revokedTurns = async (tx: Tx, ids: readonly string[]): Promise<Map<string, number>> => {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.query<{ id: string; sequence: number }>(
    'select id, sequence from enrollment.past_turn where id = any($1::uuid[]) and revoked',
    [ids],
  );
  return new Map(rows.map(({ id, sequence }) => [id, sequence]));
};

/** Records turns again that were taken back. Their classes are locked. */
export const reviveTurns = async (tx: Tx, turns: readonly PastTurn[], importId: string): Promise<void> => {
  if (turns.length === 0) return;
  const { rowCount } = await tx.query(
    `update enrollment.past_turn t set class_id = n.class_id, person_id = n.person_id, unit_id = n.unit_id, document_no = n.document_no, import_id = $6, revoked = false,
       sequence = t.sequence + 1
     from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[]) as n (id, class_id, person_id, unit_id, document_no) where t.id = n.id and t.revoked`,
    [...turnValues(turns), importId],
  );
  expectRows('past-turn-revive', turns.length, rowCount);
};

/** Takes back what an import recorded of these turns; answers them with the numbers of the facts to tell. Their classes are locked. */
export const revokeTurns = async (tx: Tx, ids: readonly string[], importId: string): Promise<PastTurn[]> =>
  (
    await tx.query<PastTurn>(
      `update enrollment.past_turn set revoked = true, sequence = sequence + 1 where id = any($1::uuid[]) and import_id = $2 and not revoked returning ${turnColumns}`,
      [ids, importId],
    )
  ).rows;

export const saveClasses = async (tx: Tx, classes: readonly PastClass[], importId: string): Promise<void> => {
  if (classes.length === 0) return;
  const { rowCount } = await tx.query(
    // The import of a class is the one that told of it last.
    `update enrollment.past_class c set program_code = n.program_code, line = n.line, host_unit_id = n.host_unit_id, valid_from = n.f, valid_to = n.t, turns = n.turns,
       import_id = case when n.sequence > c.sequence then $10 else c.import_id end, revoked = n.revoked, sequence = n.sequence
     from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::date[], $6::date[], $7::int[], $8::boolean[], $9::int[])
       as n (id, program_code, line, host_unit_id, f, t, turns, revoked, sequence) where c.id = n.id`,
    [
      classes.map(({ id }) => id),
      classes.map(({ programCode }) => programCode),
      classes.map(({ line }) => line),
      classes.map(({ hostUnitId }) => hostUnitId),
      classes.map(({ from }) => from),
      classes.map(({ to }) => to),
      classes.map(({ turns }) => turns),
      classes.map(({ revoked }) => revoked),
      classes.map(({ sequence }) => sequence),
      importId,
    ],
  );
  expectRows('past-class-save', classes.length, rowCount);
};

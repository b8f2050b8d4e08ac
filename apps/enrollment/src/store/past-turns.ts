import type { Order } from '@khue/host/aggregate';
import type { Tx } from '@khue/messaging/command';
import { together } from '@khue/messaging/database';
import { added, amended, changed, expectRows } from '@khue/messaging/rows';
import { v5 as uuidv5 } from 'uuid';
import { turnKey, type PastClass, type PastTurn, type PastTurnCommand, type PastTurns, type RecordPastTurn } from '../domain/past-turns.ts';

// Statements of imports have no names: a plan made while a table is empty would read it whole for each chunk of a million rows.

// Drawn once; the id of a class of the past follows from its code, so that it is the same after it was taken back and recorded again.
const PAST_CLASS = '2f0c6a55-9f0b-4d0f-8a41-61c1f5d8b7e3';

const classColumns = `id, code, program_code as "programCode", line, host_unit_id as "hostUnitId", valid_from as "from", valid_to as "to", import_id as "importId", turns, revoked, sequence`;
const turnColumns = `id, class_id as "classId", person_id as "personId", unit_id as "unitId", document_no as "documentNo", import_id as "importId", revoked, sequence`;

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
const standingPersons = async (tx: Tx, persons: readonly string[]): Promise<Map<string, string>> => {
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

/** Turns on record of these persons in these classes. */
export const knownTurns = async (tx: Tx, pairs: readonly Pick<PastTurn, 'classId' | 'personId'>[]): Promise<readonly PastTurn[]> => {
  if (pairs.length === 0) return [];
  const { rows } = await tx.query<PastTurn>(
    `select t.* from unnest($1::uuid[], $2::uuid[]) as n (c, p) cross join lateral (
       select ${turnColumns} from enrollment.past_turn where class_id = n.c and person_id = n.p and not revoked limit 1) t`,
    [pairs.map(({ classId }) => classId), pairs.map(({ personId }) => personId)],
  );
  return rows;
};

/**
 * Locks the classes of what is recorded or taken back in the order of their codes, and reads under their locks what stands there. Classes never heard of are made, and
 * count as revoked until they are told of; they have no turns to look for, nor have those that were never told of. A batch records or takes back.
 */
export const loadPastTurns = async (tx: Tx, orders: readonly Order<PastTurnCommand>[]): Promise<PastTurns> => {
  const commands = orders.map(({ command }) => command);
  const recording = commands.filter((command) => command.type === 'RecordPastTurn');
  const takenBack = commands.flatMap((command) => (command.type === 'TakeBackPastTurn' ? [command.turnId] : []));
  const locked = [...(await lockClasses(tx, recording)), ...(await lockClassesOf(tx, takenBack))];
  const classes = new Map(locked.map((past) => [past.id, past]));
  const byCode = new Map(locked.map((past) => [past.code, past]));
  const ofKnown = recording.flatMap(({ turnId, turn }) => {
    const past = byCode.get(turn.classCode);
    return past && past.sequence > 0 ? [{ turnId, classId: past.id, personId: turn.personId }] : [];
  });
  const persons = await standingPersons(tx, [...new Set(recording.map(({ turn }) => turn.personId))]);
  const pairs = ofKnown.flatMap(({ classId, personId }) => ({ classId, personId: persons.get(personId) ?? personId }));
  const [ofIds, ofPairs] = await together(tx, () => [turnsById(tx, [...ofKnown.map(({ turnId }) => turnId), ...takenBack]), knownTurns(tx, pairs)]);
  const found = [...ofIds, ...ofPairs];
  return {
    classes,
    classIds: new Map(locked.map(({ code, id }) => [code, id])),
    persons,
    turns: new Map(found.map((turn) => [turn.id, turn])),
    held: new Map(found.flatMap(({ id, classId, personId, revoked }) => (revoked ? [] : [[turnKey(classId, personId), id]]))),
  };
};

const lockClasses = async (tx: Tx, recording: readonly RecordPastTurn[]): Promise<readonly PastClass[]> => {
  const first = new Map<string, RecordPastTurn>();
  for (const command of recording) if (!first.has(command.turn.classCode)) first.set(command.turn.classCode, command);
  if (first.size === 0) return [];
  const lock = (): Promise<{ rows: PastClass[] }> =>
    tx.query<PastClass>(`select ${classColumns} from enrollment.past_class where code = any($1::text[]) order by code for update`, [
      [...first.keys()],
    ]);
  let locked = await lock();
  if (locked.rows.length < first.size) {
    const known = new Set(locked.rows.map(({ code }) => code));
    const news = [...first].filter(([code]) => !known.has(code)).sort(([a], [b]) => (a < b ? -1 : 1));
    await tx.query(
      `insert into enrollment.past_class (id, code, program_code, line, host_unit_id, valid_from, valid_to, import_id, turns, revoked, sequence)
       select id, code, program_code, line, host_unit_id, f, t, import_id, 0, true, 0
       from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::date[], $7::date[], $8::uuid[])
         as n (id, code, program_code, line, host_unit_id, f, t, import_id)
       on conflict (code) do nothing`,
      [
        news.map(([code]) => uuidv5(code, PAST_CLASS)),
        news.map(([code]) => code),
        news.map(([, { turn }]) => turn.programCode),
        news.map(([, { turn }]) => turn.line),
        news.map(([, { turn }]) => turn.hostUnitId ?? turn.unitId),
        news.map(([, { turn }]) => turn.from),
        news.map(([, { turn }]) => turn.to),
        news.map(([, { importId }]) => importId),
      ],
    );
    locked = await lock();
  }
  expectRows('past-class-lock', first.size, locked.rows.length);
  return locked.rows;
};

const lockClassesOf = async (tx: Tx, turns: readonly string[]): Promise<readonly PastClass[]> => {
  if (turns.length === 0) return [];
  const { rows } = await tx.query<PastClass>(
    `select ${classColumns} from enrollment.past_class where id in (select class_id from enrollment.past_turn where id = any($1::uuid[])) order by code for update`,
    [turns],
  );
  return rows;
};

const turnsById = async (tx: Tx, ids: readonly string[]): Promise<readonly PastTurn[]> => {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<PastTurn>(
    // As one condition, the planner reads the whole of a table of less than some 100,000 rows for each chunk.
    `select t.* from unnest($1::uuid[]) as n (i) cross join lateral (select ${turnColumns} from enrollment.past_turn where id = n.i limit 1) t`,
    [ids],
  );
  return rows;
};

export const savePastTurns = async (tx: Tx, now: PastTurns, before: PastTurns): Promise<void> => {
  // A turn of a class nobody had told of can't meet another, and not looking for one saves a fifth of the insertion; of the others `load` has looked.
  const others = amended(now.turns, before.turns);
  await together(tx, () => [
    insertTurns(tx, added(now.turns, before.turns)),
    reviveTurns(
      tx,
      others.filter(({ revoked }) => !revoked),
    ),
    revokeTurns(
      tx,
      others.filter(({ revoked }) => revoked),
    ),
    saveClasses(tx, changed(now.classes, before.classes)),
  ]);
};

const givenTurns = `unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::int[])
  as n (id, class_id, person_id, unit_id, document_no, import_id, sequence)`;

const turnValues = (turns: readonly PastTurn[]): unknown[][] => [
  turns.map(({ id }) => id),
  turns.map(({ classId }) => classId),
  turns.map(({ personId }) => personId),
  turns.map(({ unitId }) => unitId),
  turns.map(({ documentNo }) => documentNo),
  turns.map(({ importId }) => importId),
  turns.map(({ sequence }) => sequence),
];

const insertTurns = async (tx: Tx, turns: readonly PastTurn[]): Promise<void> => {
  if (turns.length === 0) return;
  const { rowCount } = await tx.query(
    `insert into enrollment.past_turn (id, class_id, person_id, unit_id, document_no, import_id, revoked, sequence)
     select id, class_id, person_id, unit_id, document_no, import_id, false, sequence from ${givenTurns}`,
    turnValues(turns),
  );
  expectRows('past-turn-insert', turns.length, rowCount);
};

/** Records turns again that were taken back: perhaps for another person, if two records became one meanwhile. */
const reviveTurns = async (tx: Tx, turns: readonly PastTurn[]): Promise<void> => {
  if (turns.length === 0) return;
  const { rowCount } = await tx.query(
    `update enrollment.past_turn t set class_id = n.class_id, person_id = n.person_id, unit_id = n.unit_id, document_no = n.document_no, import_id = n.import_id,
       revoked = false, sequence = n.sequence from ${givenTurns} where t.id = n.id`,
    turnValues(turns),
  );
  expectRows('past-turn-revive', turns.length, rowCount);
};

const revokeTurns = async (tx: Tx, turns: readonly PastTurn[]): Promise<void> => {
  if (turns.length === 0) return;
  const { rowCount } = await tx.query(
    'update enrollment.past_turn t set revoked = true, sequence = n.sequence from unnest($1::uuid[], $2::int[]) as n (id, sequence) where t.id = n.id',
    [turns.map(({ id }) => id), turns.map(({ sequence }) => sequence)],
  );
  expectRows('past-turn-revoke', turns.length, rowCount);
};

const saveClasses = async (tx: Tx, classes: readonly PastClass[]): Promise<void> => {
  if (classes.length === 0) return;
  const { rowCount } = await tx.query(
    `update enrollment.past_class c set program_code = n.program_code, line = n.line, host_unit_id = n.host_unit_id, valid_from = n.f, valid_to = n.t, turns = n.turns,
       import_id = n.import_id, revoked = n.revoked, sequence = n.sequence
     from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::date[], $6::date[], $7::int[], $8::boolean[], $9::int[], $10::uuid[])
       as n (id, program_code, line, host_unit_id, f, t, turns, revoked, sequence, import_id) where c.id = n.id`,
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
      classes.map(({ importId }) => importId),
    ],
  );
  expectRows('past-class-save', classes.length, rowCount);
};

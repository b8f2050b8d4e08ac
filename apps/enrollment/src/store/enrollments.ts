import type { Tx } from '@khue/messaging/command';
import { jsonArray, together } from '@khue/messaging/database';
import type { Directory } from '../domain/access.ts';
import type { EnrollmentCommand } from '../domain/enrollment.ts';
import { atKey, initialEnrollments, type Enrollment, type Enrollments, type Learner } from '../domain/records.ts';
import { classesById, saveTaken } from './classes.ts';
import type { RuleBook } from './rule-sets.ts';
import { expectRows } from './series.ts';

const enrollmentColumns = `e.id, e.class_id as "classId", e.person_id as "personId", e.unit_id as "unitId", e.state, e.eligibility, e.waivers, e.seat, e.seat_sequence as "seatSequence",
  e.reason, e.entered_by as "enteredBy", e.entered_at as "enteredAt", e.approved_by as "approvedBy", e.approved_at as "approvedAt", e.grant_id as "grantId", e.version, e.sequence`;

/** Where a row of a split unit stands, beside the row itself: asked for afterwards, it was a turn to the server of its own. */
interface Placed {
  readonly assigned: string | null;
}
const assignedTo = (row: string): string =>
  `(select a.to_unit_id from directory.assignment a where a.from_unit_id = ${row}.unit_id and a.person_id = ${row}.person_id) as assigned`;

/** Commands that count or give places of a class work under the lock of its row. */
const countsPlaces = (command: EnrollmentCommand): boolean =>
  command.type === 'ApproveNomination' ||
  command.type === 'WithdrawEnrollment' ||
  (command.type === 'NoteSeat' && (command.seat === 'refused' || command.seat === 'released'));

/** Locks in this order: classes by id, enrollments by id, pairs of class and person. Cards, rules and assignments are read as they are. */
export const loadEnrollments = async (
  tx: Tx,
  commands: readonly EnrollmentCommand[],
  directory: Directory,
  ruleBook: RuleBook,
): Promise<Enrollments> => {
  const nominations = commands.filter((command) => command.type === 'NominateLearner');
  const named = commands.filter((command) => command.type !== 'NominateLearner');
  const ids = [...new Set(named.map(({ enrollmentId }) => enrollmentId))];
  // The class and the person of an enrollment never change, so they may be read before anything is locked.
  const places = await readPlaces(tx, ids);
  const classOf = new Map(places.map(({ id, classId }) => [id, classId]));
  const lock = commands.filter(countsPlaces).map(({ enrollmentId }) => classOf.get(enrollmentId));
  const wanted = [...classOf.values(), ...nominations.map(({ classId }) => classId)];
  const judges = commands.some(({ type }) => type === 'NominateLearner' || type === 'RecheckNomination' || type === 'WaiveRule');
  const persons = [...nominations, ...places].map(({ personId }) => personId);
  const [classes, enrollments, , twins, learners, sets] = await together(tx, () => [
    classesById(tx, wanted, new Set(lock.filter((id) => id !== undefined))),
    lockEnrollments(tx, ids),
    lockPairs(tx, nominations),
    readTwins(tx, nominations),
    judges ? readLearners(tx, persons) : [],
    judges ? ruleBook.published(tx) : [],
  ]);
  const placed = [...learners, ...enrollments].filter((row): row is typeof row & { assigned: string } => row.assigned !== null);
  return initialEnrollments({
    ...directory,
    classes,
    enrollments: enrollments.map(({ assigned: _, ...row }) => row),
    twins,
    learners: new Map(learners.map((it) => [it.personId, it])),
    assigned: new Map(placed.map(({ unitId, personId, assigned }) => [atKey(unitId, personId), assigned])),
    ruleSets: sets,
  });
};

const readPlaces = async (tx: Tx, ids: readonly string[]): Promise<Pick<Enrollment, 'id' | 'classId' | 'personId'>[]> => {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<Pick<Enrollment, 'id' | 'classId' | 'personId'>>({
    name: 'enrollment-places',
    text: 'select id, class_id as "classId", person_id as "personId" from enrollment.enrollment where id = any($1::uuid[])',
    values: [ids],
  });
  return rows;
};

const lockEnrollments = async (tx: Tx, ids: readonly string[]): Promise<(Enrollment & Placed)[]> => {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<Enrollment & Placed>({
    name: 'enrollment-lock',
    text: `select ${enrollmentColumns}, ${assignedTo('e')} from enrollment.enrollment e where id = any($1::uuid[]) order by id for no key update`,
    values: [ids],
  });
  return rows;
};

/**
 * A person is nominated to a class once at a time: who nominates holds the pair until the end of the transaction. Under the lock of the class's row,
 * nominations of all units to one class would wait for each other, and those of one batch for all classes of another.
 */
const lockPairs = async (tx: Tx, nominations: readonly Pick<Enrollment, 'classId' | 'personId'>[]): Promise<void> => {
  if (nominations.length === 0) return;
  await tx.query({
    name: 'enrollment-pairs-lock',
    text: `select pg_advisory_xact_lock(key) from (
        select distinct hashtextextended('nomination ' || c || ' ' || p, 0) as key from unnest($1::uuid[], $2::uuid[]) as n (c, p) order by key) pairs`,
    values: [nominations.map(({ classId }) => classId), nominations.map(({ personId }) => personId)],
  });
};

/** Enrollments that stand between a nomination's person and its class. To be asked behind the lock of the pair. */
const readTwins = async (tx: Tx, nominations: readonly Pick<Enrollment, 'classId' | 'personId'>[]) => {
  if (nominations.length === 0) return [];
  const { rows } = await tx.query<Pick<Enrollment, 'id' | 'classId' | 'personId'>>({
    name: 'enrollment-twins',
    text: `select e.* from unnest($1::uuid[], $2::uuid[]) as n (c, p) cross join lateral (
        select id, class_id as "classId", person_id as "personId" from enrollment.enrollment
        where class_id = n.c and person_id = n.p and state not in ('turned-down', 'withdrawn') limit 1) e`,
    values: [nominations.map(({ classId }) => classId), nominations.map(({ personId }) => personId)],
  });
  return rows;
};

const readLearners = async (tx: Tx, persons: readonly string[]): Promise<(Learner & Placed)[]> =>
  (
    await tx.query<Learner & Placed>({
      name: 'person-learners',
      text: `select person_id as "personId", unit_id as "unitId", facts, merged_into as "mergedInto", ${assignedTo('p')} from cards.person p
        where person_id = any($1::uuid[])`,
      values: [[...new Set(persons)]],
    })
  ).rows;

/** Where rows of split units stand, by unit and person, for rows that are stored nowhere yet. */
export const readAssigned = async (tx: Tx, rows: readonly { readonly unitId: string; readonly personId: string }[]): Promise<Map<string, string>> => {
  if (rows.length === 0) return new Map();
  const found = await tx.query<{ unitId: string; personId: string; toUnitId: string }>({
    name: 'assignment-of',
    text: `select a.* from unnest($1::uuid[], $2::uuid[]) as n (u, p) cross join lateral (
        select from_unit_id as "unitId", person_id as "personId", to_unit_id as "toUnitId" from directory.assignment where from_unit_id = n.u and person_id = n.p limit 1) a`,
    values: [rows.map(({ unitId }) => unitId), rows.map(({ personId }) => personId)],
  });
  return new Map(found.rows.map(({ unitId, personId, toUnitId }) => [atKey(unitId, personId), toUnitId]));
};

export const saveEnrollments = async (tx: Tx, { enrollments, classes, changed }: Enrollments): Promise<void> => {
  const pick = (ids: ReadonlySet<string>): Enrollment[] => [...ids].map((id) => enrollments.get(id)).filter((row) => row !== undefined);
  await together(tx, () => [
    saveTaken(
      tx,
      [...changed.classes].map((id) => classes.get(id)).filter((it) => it !== undefined),
    ),
    insert(tx, pick(changed.added)),
    update(tx, pick(changed.amended)),
    updateJudgment(tx, pick(changed.judged)),
  ]);
};

const insert = async (tx: Tx, rows: readonly Enrollment[]): Promise<void> => {
  if (rows.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'enrollment-insert',
    text: `insert into enrollment.enrollment (id, class_id, person_id, unit_id, state, verdict, eligibility, waivers, seat, seat_sequence, reason,
        entered_by, entered_at, approved_by, approved_at, grant_id, version, sequence)
      select id, class_id, person_id, unit_id, state, verdict, eligibility, waivers, seat, seat_sequence, reason,
        entered_by, entered_at, approved_by, approved_at, grant_id, version, sequence
      from rows from (unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[]), jsonb_array_elements($7::jsonb), jsonb_array_elements($8::jsonb),
          unnest($9::text[], $10::bigint[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], $15::timestamptz[], $16::uuid[], $17::int[], $18::int[]))
        as n (id, class_id, person_id, unit_id, state, verdict, eligibility, waivers, seat, seat_sequence, reason,
          entered_by, entered_at, approved_by, approved_at, grant_id, version, sequence)`,
    values: [
      rows.map(({ id }) => id),
      rows.map(({ classId }) => classId),
      rows.map(({ personId }) => personId),
      rows.map(({ unitId }) => unitId),
      rows.map(({ state }) => state),
      ...judgment(rows),
      rows.map(({ seat }) => seat),
      rows.map(({ seatSequence }) => seatSequence),
      rows.map(({ reason }) => reason),
      rows.map(({ enteredBy }) => enteredBy),
      rows.map(({ enteredAt }) => enteredAt),
      ...decision(rows),
      rows.map(({ version }) => version),
      rows.map(({ sequence }) => sequence),
    ],
  });
  expectRows('enrollment-insert', rows.length, rowCount);
};

const update = async (tx: Tx, rows: readonly Enrollment[]): Promise<void> => {
  if (rows.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'enrollment-update',
    text: `update enrollment.enrollment e set state = n.state, seat = n.seat, seat_sequence = n.seat_sequence, reason = n.reason, approved_by = n.approved_by,
        approved_at = n.approved_at, grant_id = n.grant_id, version = n.version, sequence = n.sequence
      from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[], $8::uuid[], $9::int[], $10::int[])
        as n (id, state, seat, seat_sequence, reason, approved_by, approved_at, grant_id, version, sequence) where e.id = n.id`,
    values: [
      rows.map(({ id }) => id),
      rows.map(({ state }) => state),
      rows.map(({ seat }) => seat),
      rows.map(({ seatSequence }) => seatSequence),
      rows.map(({ reason }) => reason),
      ...decision(rows),
      rows.map(({ version }) => version),
      rows.map(({ sequence }) => sequence),
    ],
  });
  expectRows('enrollment-update', rows.length, rowCount);
};

/** What a check found is written when it is new, not with each step. */
const updateJudgment = async (tx: Tx, rows: readonly Enrollment[]): Promise<void> => {
  if (rows.length === 0) return;
  const { rowCount } = await tx.query({
    name: 'enrollment-judgment',
    text: `update enrollment.enrollment e set verdict = n.verdict, eligibility = n.eligibility, waivers = n.waivers
      from rows from (unnest($1::uuid[], $2::text[]), jsonb_array_elements($3::jsonb), jsonb_array_elements($4::jsonb)) as n (id, verdict, eligibility, waivers) where e.id = n.id`,
    values: [rows.map(({ id }) => id), ...judgment(rows)],
  });
  expectRows('enrollment-judgment', rows.length, rowCount);
};

const judgment = (rows: readonly Enrollment[]): [string[], string, string] => [
  rows.map(({ eligibility }) => eligibility.verdict),
  jsonArray(rows.map(({ eligibility }) => JSON.stringify(eligibility))),
  jsonArray(rows.map(({ waivers }) => JSON.stringify(waivers))),
];
const decision = (rows: readonly Enrollment[]): [(string | null)[], (string | null)[], (string | null)[]] => [
  rows.map(({ approvedBy }) => approvedBy),
  rows.map(({ approvedAt }) => approvedAt),
  rows.map(({ grantId }) => grantId),
];

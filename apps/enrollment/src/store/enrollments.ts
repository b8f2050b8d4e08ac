import type { Order } from '@khue/host/aggregate';
import type { Tx } from '@khue/messaging/command';
import { together } from '@khue/messaging/database';
import { added, amended, changed, columns, insertRows, updateRows } from '@khue/messaging/rows';
import type { EnrollmentCommand } from '../domain/enrollment.ts';
import { atKey, initialEnrollments, type Enrollment, type Enrollments, type Learner } from '../domain/records.ts';
import { classesById, saveTaken } from './classes.ts';
import type { RuleBook } from './rule-sets.ts';

const types = {
  id: 'uuid',
  classId: 'uuid',
  personId: 'uuid',
  unitId: 'uuid',
  state: 'text',
  eligibility: 'jsonb',
  waivers: 'jsonb',
  seat: 'text',
  seatSequence: 'bigint',
  reason: 'text',
  enteredBy: 'text',
  enteredAt: 'timestamptz',
  approvedBy: 'text',
  approvedAt: 'timestamptz',
  grantId: 'uuid',
  version: 'int',
  sequence: 'int',
} as const;
const enrollmentColumns = columns<Enrollment>(types);
/** As it is stored: the verdict also stands alone, for lists. */
type StoredEnrollment = Enrollment & { readonly verdict: string };
const storedColumns = columns<StoredEnrollment>({ ...types, verdict: 'text' });
/** What a step changes; what was found is written apart, when it is new. */
const stepColumns = enrollmentColumns.only(
  'id',
  'state',
  'seat',
  'seatSequence',
  'reason',
  'approvedBy',
  'approvedAt',
  'grantId',
  'version',
  'sequence',
);
const judgmentColumns = storedColumns.only('id', 'verdict', 'eligibility', 'waivers');

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
export const loadEnrollments = async (tx: Tx, orders: readonly Order<EnrollmentCommand>[], ruleBook: RuleBook): Promise<Enrollments> => {
  const commands = orders.map(({ command }) => command);
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
    text: `select ${enrollmentColumns.selected}, ${assignedTo('e')} from enrollment.enrollment e where id = any($1::uuid[]) order by id for no key update`,
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

export const saveEnrollments = async (tx: Tx, now: Enrollments, before: Enrollments): Promise<void> => {
  const steps = amended(now.enrollments, before.enrollments);
  const judged = steps.filter((row) => {
    const was = before.enrollments.get(row.id);
    return row.eligibility !== was?.eligibility || row.waivers !== was.waivers;
  });
  await together(tx, () => [
    saveTaken(tx, changed(now.classes, before.classes)),
    insertRows(tx, 'enrollment-insert', 'enrollment.enrollment', storedColumns, added(now.enrollments, before.enrollments).map(stored)),
    updateRows(tx, 'enrollment-update', 'enrollment.enrollment', stepColumns, 'id', steps),
    updateRows(tx, 'enrollment-judgment', 'enrollment.enrollment', judgmentColumns, 'id', judged.map(stored)),
  ]);
};

const stored = (row: Enrollment): StoredEnrollment => ({ ...row, verdict: row.eligibility.verdict });

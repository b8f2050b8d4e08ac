import type { listedEnrollment, readEnrollmentRecord } from '@khue/contracts/http/enrollment';
import { placeAfter, toPage, type Paging } from '@khue/host/cursor';
import type { Pool } from 'pg';
import type { z } from 'zod';
import type { Placed } from '../domain/access.ts';
import type { StoredEligibility } from '../domain/findings.ts';
import { reachSql, type Reach } from './reach.ts';

export interface LearnerFilter extends Paging {
  readonly classId?: string | undefined;
  readonly unitId?: string | undefined;
  readonly personId?: string | undefined;
  readonly state?: string | undefined;
}

type Listed = z.input<typeof listedEnrollment>;

const joins = `left join cards.person p on p.person_id = e.person_id
  left join directory.assignment a on a.from_unit_id = e.unit_id and a.person_id = e.person_id`;

const live = `e.id, 'live' as provenance, e.state, e.class_id as "classId", c.code as "classCode", c.program_code as "programCode", c.line, c.valid_from as "from",
  c.valid_to as "to", e.person_id as "personId", e.unit_id as "unitId", e.seat, e.reason, null as "documentNo", null as "importId", e.entered_by as "enteredBy",
  e.entered_at as "enteredAt", e.approved_by as "approvedBy", e.approved_at as "approvedAt", e.version, p.name as "personName"`;
const fromLive = `from enrollment.enrollment e join enrollment.class c on c.id = e.class_id ${joins}`;

const past = `e.id, 'imported' as provenance, case when e.revoked then 'revoked' else 'recorded' end as state, e.class_id as "classId", c.code as "classCode",
  c.program_code as "programCode", c.line, c.valid_from as "from", c.valid_to as "to", e.person_id as "personId", e.unit_id as "unitId", null as seat, null as reason,
  e.document_no as "documentNo", e.import_id as "importId", null as "enteredBy", null as "enteredAt", null as "approvedBy", null as "approvedAt", e.sequence as version,
  p.name as "personName"`;
const fromPast = `from enrollment.past_turn e join enrollment.past_class c on c.id = e.class_id ${joins}`;

/** The conditions of a list; a person stands for those merged into them too. */
const conditions = (reach: Reach, { classId, unitId, personId }: LearnerFilter, values: unknown[]): string[] => {
  const found = [reachSql(reach, values)];
  if (classId !== undefined) found.push(`e.class_id = $${values.push(classId)}`);
  if (unitId !== undefined) found.push(`e.unit_id = $${values.push(unitId)}`);
  if (personId !== undefined)
    found.push(
      `e.person_id in (select $${values.push(personId)}::uuid union select person_id from cards.person where merged_into = $${values.length})`,
    );
  return found;
};

/** Live ones, the newest first. */
const listLive = async (
  pool: Pool,
  reach: Reach,
  filter: LearnerFilter,
  states: readonly string[],
  after: string | null,
  limit: number,
): Promise<Listed[]> => {
  const values: unknown[] = [states];
  const where = ['e.state = any($1)', ...conditions(reach, filter, values)];
  if (after !== null) where.push(`e.id < $${values.push(after)}`);
  const { rows } = await pool.query<Listed>(
    `select ${live}, e.verdict ${fromLive} where ${where.join(' and ')} order by e.id desc limit $${values.push(limit)}`,
    values,
  );
  return rows;
};

/** Turns of the past, class by class: the order of an index, whatever the filter. */
const listPast = async (
  pool: Pool,
  reach: Reach,
  filter: LearnerFilter,
  revoked: boolean,
  after: readonly [string, string] | null,
  limit: number,
): Promise<Listed[]> => {
  const values: unknown[] = [];
  const where = [revoked ? 'e.revoked' : 'not e.revoked', ...conditions(reach, filter, values)];
  if (after !== null) where.push(`(e.class_id, e.person_id) > ($${values.push(after[0])}, $${values.push(after[1])})`);
  const { rows } = await pool.query<Listed>(
    `select ${past}, null as verdict ${fromPast} where ${where.join(' and ')} order by e.class_id, e.person_id limit $${values.push(limit)}`,
    values,
  );
  return rows;
};

const every = ['nominated', 'approved', 'queued', 'turned-down', 'admitted', 'withdrawn'] as const;
const approved = ['approved', 'queued', 'turned-down', 'admitted', 'withdrawn'] as const;

/** Nominations in the caller's reach, the newest first, whatever became of them. */
export const listNominations = async (pool: Pool, reach: Reach, filter: LearnerFilter) => {
  const [after] = placeAfter(filter, 'id') ?? [null];
  const rows = await listLive(pool, reach, filter, filter.state === undefined ? every : [filter.state], after, filter.limit + 1);
  return toPage(rows, filter.limit, ({ id }) => [id]);
};

/** Enrollments in the caller's reach: live ones, the newest first, and behind them the turns of the past. */
export const listEnrollments = async (pool: Pool, reach: Reach, filter: LearnerFilter & { readonly provenance?: string | undefined }) => {
  const { state, provenance, limit } = filter;
  const place = placeAfter(filter, 'text', 'id', 'id');
  const isPast = state === 'recorded' || state === 'revoked';
  const wantsLive = place?.[0] !== 'past' && provenance !== 'imported' && !isPast;
  const wantsPast = provenance !== 'live' && (state === undefined || isPast);
  const rows = wantsLive ? await listLive(pool, reach, filter, state === undefined ? approved : [state], place?.[1] ?? null, limit + 1) : [];
  if (wantsPast && rows.length <= limit) {
    const after = place?.[0] === 'past' ? ([place[1], place[2]] as const) : null;
    rows.push(...(await listPast(pool, reach, filter, state === 'revoked', after, limit + 1 - rows.length)));
  }
  return toPage(rows, limit, ({ provenance: of, id, classId, personId }) => (of === 'live' ? ['live', id, id] : ['past', classId, personId]));
};

/** `eligibility` as it is stored: `RuleBook.worded` has the words. Null for a turn of the past. */
export type ShownEnrollment = Omit<z.input<typeof readEnrollmentRecord>, 'eligibility'> & Placed & { readonly eligibility: StoredEligibility | null };

const withScope = `c.host_unit_id as "hostUnitId", a.to_unit_id as assigned`;

/** A live enrollment with its answer; scope is the caller's to check. */
export const readNomination = async (pool: Pool, id: string): Promise<ShownEnrollment | undefined> =>
  (
    await pool.query<ShownEnrollment>({
      name: 'enrollment-shown',
      text: `select ${live}, e.eligibility, e.waivers, ${withScope} ${fromLive} where e.id = $1`,
      values: [id],
    })
  ).rows[0];

/** A live enrollment or a turn of the past; scope is the caller's to check. */
export const readEnrollment = async (pool: Pool, id: string): Promise<ShownEnrollment | undefined> =>
  (await readNomination(pool, id)) ??
  (
    await pool.query<ShownEnrollment>({
      name: 'past-turn-shown',
      text: `select ${past}, null as eligibility, '[]'::jsonb as waivers, ${withScope} ${fromPast} where e.id = $1`,
      values: [id],
    })
  ).rows[0];

/** Seconds since the approval of the oldest enrollment that quota has not answered; 0 while there is none. */
export const oldestWaiting = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ seconds: number | null }>(
    `select extract(epoch from now() - min(approved_at))::float8 as seconds from enrollment.enrollment where state = 'approved'`,
  );
  return Math.max(0, rows[0]?.seconds ?? 0);
};

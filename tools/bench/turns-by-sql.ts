import type { UnitTable } from '@khue/contracts/units';
import { isInSubtree, standsAt, type Structure } from '@khue/reporting/domain';
import type pg from 'pg';

export type Grouping = 'line' | 'unit' | 'all';

/** What is asked of reporting. */
export interface Question {
  readonly from: number;
  readonly to: number;
  readonly structure: Structure;
  /** Whose subtree; undefined: the whole city. */
  readonly unit?: string;
  readonly by: 'line' | 'unit';
}

export interface Counted {
  readonly key: string;
  readonly classes: number;
  readonly turns: number;
  readonly people: number;
  readonly live: number;
  readonly imported: number;
}

interface Place {
  readonly unitId: string;
  readonly day: string | null;
  readonly assignedTo: string | null;
  readonly key: string;
}

const keys: Readonly<Record<Grouping, string>> = { line: 'c.line', unit: 'p.key', all: `'all'` };

/** The answer counted over the raw rows, the groups and their total at the same time on two connections: what reporting did before it had columns, joined better. */
export const countBySql = async (pool: pg.Pool, units: UnitTable, question: Question, today: string): Promise<readonly [Counted[], Counted[]]> => {
  const period = [`${question.from}-01-01`, `${question.to}-12-31`] as const;
  const places = question.unit === undefined && question.by !== 'unit' ? undefined : await placesOf(pool, units, question, period, today);
  return Promise.all([count(pool, period, places, question.by), count(pool, period, places, 'all')]);
};

/** Where the rows of the period stand, for those that stand in the subtree. */
const placesOf = async (
  pool: pg.Pool,
  units: UnitTable,
  { structure, unit }: Question,
  [from, to]: readonly [string, string],
  today: string,
): Promise<readonly Place[]> => {
  const then = structure === 'then';
  const { rows } = await pool.query<Omit<Place, 'key'>>(
    `select distinct t.unit_id as "unitId", ${then ? 'c.from_date' : 'null::date'} as day, a.to_unit_id as "assignedTo"
     from reporting.turn t join reporting.class c on c.id = t.class_id
       left join directory.assignment a on a.from_unit_id = t.unit_id and a.person_id = t.person_id
     where c.from_date between $1 and $2`,
    [from, to],
  );
  return rows.flatMap((row): Place[] => {
    const day = then ? (row.day ?? from) : today;
    const key = standsAt(units, structure, row.unitId, day, row.assignedTo);
    return unit === undefined || isInSubtree(units, key, unit, day) ? [{ ...row, key }] : [];
  });
};

const count = async (
  pool: pg.Pool,
  [from, to]: readonly [string, string],
  places: readonly Place[] | undefined,
  grouping: Grouping,
): Promise<Counted[]> => {
  // Equal columns only, so that the planner may hash them: with `or` and `is not distinct from` it tried each row against each place of its unit, for minutes.
  const nobody = `'00000000-0000-0000-0000-000000000000'::uuid`;
  const place = `left join directory.assignment a on a.from_unit_id = t.unit_id and a.person_id = t.person_id
    join p on p.unit_id = t.unit_id and coalesce(p.assigned_to, ${nobody}) = coalesce(a.to_unit_id, ${nobody})
      ${places?.some(({ day }) => day !== null) ? 'and p.day = c.from_date' : ''}`;
  const { rows } = await pool.query<Counted>(
    `with p as (select * from unnest($3::uuid[], $4::date[], $5::uuid[], $6::text[]) as p (unit_id, day, assigned_to, key))
     select ${keys[grouping]} as key, count(distinct c.id)::int as classes, count(t.id)::int as turns,
       count(distinct coalesce(m.kept_id, t.person_id))::int as people,
       count(t.id) filter (where not t.imported)::int as live, count(t.id) filter (where t.imported)::int as imported
     from reporting.class c ${places ? 'join' : 'left join'} reporting.turn t on t.class_id = c.id
       left join reporting.merged m on m.person_id = t.person_id ${places ? place : ''}
     where c.from_date between $1 and $2 group by 1 order by 1`,
    [
      from,
      to,
      places?.map((row) => row.unitId) ?? [],
      places?.map((row) => row.day) ?? [],
      places?.map((row) => row.assignedTo) ?? [],
      places?.map((row) => row.key) ?? [],
    ],
  );
  return rows;
};

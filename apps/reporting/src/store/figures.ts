import type { Pool } from 'pg';
import { countColumns } from './counting.ts';
import type { Mirror } from './mirror.ts';
import { remembering } from './remembered.ts';
import type { Counted, Figure, Grouping, Selection } from './selection.ts';

const keys: Readonly<Record<Grouping | 'all', string>> = {
  line: 'c.line',
  program: 'c.program_code',
  year: 'extract(year from c.from_date)::text',
  place: 'p.key',
  all: `'all'`,
};

/** Rows of one unit in classes that began on one day (any day: null), assigned to one successor or none. */
interface Combination {
  readonly unitId: string;
  readonly day: string | null;
  readonly assignedTo: string | null;
}

/** The combinations of unit, first day (`days`) and assignment that occur. */
const combinations = async (pool: Pool, { from, to }: Selection, days: boolean): Promise<Combination[]> => {
  const { rows } = await pool.query<Combination>(
    `select distinct t.unit_id as "unitId", ${days ? 'c.from_date' : 'null::date'} as day, a.to_unit_id as "assignedTo"
     from reporting.turn t join reporting.class c on c.id = t.class_id
       left join directory.assignment a on a.from_unit_id = t.unit_id and a.person_id = t.person_id
     where c.from_date between $1 and $2`,
    [from, to],
  );
  return rows;
};

/** Classes, turns and people by `grouping`. A class without turns counts as a class where rows are not picked by place. */
const countBy = async (
  pool: Pool,
  { from, to }: Selection,
  places: readonly (Combination & { readonly key: string })[] | undefined,
  grouping: Grouping | 'all',
): Promise<Figure[]> => {
  // Equal columns only, which the planner may hash: with `or` and `is not distinct from` each row was tried against each place of its unit, past the time limit.
  const nobody = `'00000000-0000-0000-0000-000000000000'::uuid`;
  const place = places
    ? `join p on p.unit_id = t.unit_id and coalesce(p.assigned_to, ${nobody}) = coalesce(a.to_unit_id, ${nobody})
         ${places.some(({ day }) => day !== null) ? 'and p.day = c.from_date' : ''}`
    : '';
  const { rows } = await pool.query<Figure>(
    `with p as (select * from unnest($3::uuid[], $4::date[], $5::uuid[], $6::text[]) as p (unit_id, day, assigned_to, key))
     select ${keys[grouping]} as key, count(distinct c.id)::int as classes, count(t.id)::int as turns,
       count(distinct coalesce(m.kept_id, t.person_id))::int as people,
       count(t.id) filter (where not t.imported)::int as live, count(t.id) filter (where t.imported)::int as imported
     from reporting.class c ${places ? 'join' : 'left join'} reporting.turn t on t.class_id = c.id
       left join reporting.merged m on m.person_id = t.person_id
       ${places ? 'left join directory.assignment a on a.from_unit_id = t.unit_id and a.person_id = t.person_id' : ''} ${place}
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

const nothing: Figure = { key: 'all', classes: 0, turns: 0, people: 0, live: 0, imported: 0 };

/** Figures over the recorded turns, by SQL. People are distinct within each figure; figures of people are never to be added. */
export const figuresOf = (pool: Pool) => ({
  count: async (selection: Selection, grouping: Grouping): Promise<Counted> => {
    const { places } = selection;
    const placed =
      places &&
      (await combinations(pool, selection, places.spans !== undefined)).flatMap((row) => {
        const key = places.keyOf(row.unitId, row.day, row.assignedTo);
        return key === undefined ? [] : [{ ...row, key }];
      });
    const [groups, [total = nothing]] = await Promise.all([countBy(pool, selection, placed, grouping), countBy(pool, selection, placed, 'all')]);
    return { groups, total };
  },

  programNames: async (): Promise<ReadonlyMap<string, string>> => {
    const { rows } = await pool.query<{ code: string; name: string }>(
      'select distinct on (code) code, name from reporting.program order by code, version desc',
    );
    return new Map(rows.map((row) => [row.code, row.name]));
  },

  /** Pots of a year with the accounts of their units. */
  plan: async (year: number, programCode: string | undefined): Promise<PlanRow[]> => {
    const { rows } = await pool.query<PlanRow>(
      `with children as (select parent_id, sum(allotted)::int as passed_on from reporting.account where parent_id is not null group by 1),
         seats as (select account_id, count(*) filter (where state = 'held')::int as held, count(*) filter (where state = 'confirmed')::int as confirmed,
           count(*) filter (where state = 'queued')::int as queued from reporting.seat group by 1)
       select p.id as "potId", p.year, p.program_code as "programCode", p.document_no as "documentNo", p.size, a.unit_id as "unitId", a.allotted,
         coalesce(c.passed_on, 0) as "passedOn", coalesce(s.held, 0) as held, coalesce(s.confirmed, 0) as confirmed, coalesce(s.queued, 0) as queued
       from reporting.pot p join reporting.account a on a.pot_id = p.id left join children c on c.parent_id = a.id left join seats s on s.account_id = a.id
       where p.year = $1 and ($2::text is null or p.program_code = $2) order by p.program_code, p.id, a.id`,
      [year, programCode ?? null],
    );
    return rows;
  },
});

export type Figures = ReturnType<typeof figuresOf>;

/** The same figures, counted in memory where the turns are there. */
export const figuresIn = (mirror: Pick<Mirror, 'read'>, bySql: Figures): Figures => {
  const count = remembering(countColumns);
  return {
    ...bySql,
    count: async (selection, grouping) => (await mirror.read((columns) => count(columns, selection, grouping))) ?? bySql.count(selection, grouping),
  };
};

export interface PlanRow {
  readonly potId: string;
  readonly year: number;
  readonly programCode: string;
  readonly documentNo: string;
  readonly size: number;
  readonly unitId: string;
  readonly allotted: number;
  readonly passedOn: number;
  readonly held: number;
  readonly confirmed: number;
  readonly queued: number;
}

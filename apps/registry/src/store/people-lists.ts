import type { ReadableUnits } from '@khue/contracts/grants';
import { placeAfter, toPage, type Paging } from '@khue/host/cursor';
import type { Pool } from 'pg';
import type { ListedPerson, OpenDuplicate } from '../domain/person.ts';
import type { Page } from './reads.ts';

const listedColumns = (table: string): string =>
  `${table}.id, ${table}.unit_id as "unitId", ${table}.name, ${table}.birth, ${table}.sex, ${table}.identity_number as "identityNumber",
   ${table}.merged_into as "mergedInto", ${table}.version`;

export interface PeopleFilter {
  readonly readable: ReadableUnits;
  readonly unitId?: string | undefined;
  /** A part of the name without diacritics. */
  readonly fold?: string | undefined;
}

/**
 * People of the readable units by given name, as Vietnamese lists have them. The filter is the law of `readableUnits`, by set; only conditions that
 * matter stand in the statement, so that each shape of it keeps its own plan.
 */
export const listPeople = async (pool: Pool, { readable, unitId, fold }: PeopleFilter, paging: Paging): Promise<Page<ListedPerson>> => {
  const after = placeAfter(paging, 'text', 'text', 'text', 'id');
  const values: unknown[] = [];
  const value = (given: unknown): string => `$${values.push(given)}`;
  const conditions = ['p.merged_into is null', scopeOf(readable, value)];
  if (unitId !== undefined) conditions.push(`p.unit_id = ${value(unitId)}`);
  if (fold !== undefined) conditions.push(`p.fold like ${value(`%${fold.replace(/[\\%_]/g, '\\$&')}%`)}`);
  if (after) {
    const [given, middle, family, id] = after;
    conditions.push(`(p.given collate "vi-x-icu", p.middle collate "vi-x-icu", p.family collate "vi-x-icu", p.id)
      > (${value(given)}, ${value(middle)}, ${value(family)}, ${value(id)}::uuid)`);
  }
  const { rows } = await pool.query<ListedPerson & { given: string; middle: string; family: string }>(
    `select ${listedColumns('p')}, p.given, p.middle, p.family
     from registry.people p ${readable.assignedOf.length > 0 ? 'left join registry.assignments a on a.person_id = p.id and a.from_unit_id = p.unit_id' : ''}
     where ${conditions.join(' and ')}
     order by p.given collate "vi-x-icu", p.middle collate "vi-x-icu", p.family collate "vi-x-icu", p.id limit ${value(paging.limit + 1)}`,
    values,
  );
  return toPage(rows, paging.limit, ({ given, middle, family, id }) => [given, middle, family, id]);
};

const scopeOf = ({ whole, assignedOf }: ReadableUnits, value: (given: unknown) => string): string => {
  const parts = [`p.unit_id = any(${value(whole)}::uuid[])`];
  const pairs = assignedOf.flatMap(({ unitId, assignedTo }) => assignedTo.map((to) => [unitId, to] as const));
  if (pairs.length > 0) {
    parts.push(
      `(p.unit_id, a.to_unit_id) in (select * from unnest(${value(pairs.map(([from]) => from))}::uuid[], ${value(pairs.map(([, to]) => to))}::uuid[]))`,
    );
  }
  const unassigned = assignedOf.filter((split) => split.unassigned).map(({ unitId }) => unitId);
  if (unassigned.length > 0) parts.push(`(a.to_unit_id is null and p.unit_id = any(${value(unassigned)}::uuid[]))`);
  return `(${parts.join(' or ')})`;
};

/** Open pairs both of whose people stand in these units, in the order they were found. */
export const listDuplicates = async (pool: Pool, units: readonly string[], paging: Paging): Promise<Page<OpenDuplicate>> => {
  const after = placeAfter(paging, 'instant', 'id');
  const { rows } = await pool.query<{ id: string; foundAt: string; exactly: string; one: ListedPerson; other: ListedPerson }>(
    `select d.id, d.found_at as "foundAt", d.found_at::text as exactly,
       (select to_json(row) from (select ${listedColumns('p')}) row) as one, (select to_json(row) from (select ${listedColumns('o')}) row) as other
     from registry.duplicates d join registry.people p on p.id = d.person_id join registry.people o on o.id = d.other_id
     where d.state = 'open' and p.merged_into is null and o.merged_into is null and p.unit_id = any($1::uuid[]) and o.unit_id = any($1::uuid[])
       ${after ? 'and (d.found_at, d.id) > ($3::timestamptz, $4::uuid)' : ''}
     order by d.found_at, d.id limit $2`,
    [units, paging.limit + 1, ...(after ?? [])],
  );
  const page = toPage(rows, paging.limit, (row) => [row.exactly, row.id]);
  return {
    next: page.next,
    items: page.items.map(({ id: pair, foundAt: at, one, other }) => ({ id: pair, state: 'open', people: [one, other], foundAt: at })),
  };
};

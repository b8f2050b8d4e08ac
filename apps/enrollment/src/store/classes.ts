import type { classRecord } from '@khue/contracts/http/enrollment-catalog';
import type { Order } from '@khue/host/aggregate';
import { placeAfter, toPage, type Paging } from '@khue/host/cursor';
import type { Tx } from '@khue/messaging/command';
import { together } from '@khue/messaging/database';
import { columns, expectRows, updateRows } from '@khue/messaging/rows';
import type { Pool } from 'pg';
import type { z } from 'zod';
import { codeKey, seriesNamed, type Classes, type LiveClass, type OpenClass } from '../domain/classes.ts';
import { programsByCode } from './catalog.ts';
import { lockSeries, saveSeries } from './series.ts';

const classColumns = columns<LiveClass>({
  id: 'uuid',
  code: 'text',
  programId: 'uuid',
  programCode: 'text',
  programVersion: 'int',
  line: 'text',
  level: 'text',
  form: 'text',
  hostUnitId: 'uuid',
  // unnest would take the lists of organizers apart: they travel as JSON.
  organizers: 'json',
  size: 'int',
  taken: 'int',
  from: ['valid_from', 'date'],
  to: ['valid_to', 'date'],
  version: 'int',
});

/** Locks the counters of the numbers that may be given, and, where a code is the caller's own, the codes of its host. */
export const loadClasses = async (tx: Tx, orders: readonly Order<OpenClass>[]): Promise<Classes> => {
  const commands = orders.map(({ command }) => command);
  const programs = await programsByCode(
    tx,
    commands.map(({ programCode }) => programCode),
  );
  const named = commands.filter((command): command is OpenClass & { code: string } => command.code !== undefined);
  await lockSeries(
    tx,
    named.map(({ hostUnitId }) => ({ kind: 'class-code', key: hostUnitId })),
  );
  const series = commands.map((command) => seriesNamed(command, programs.get(command.programCode) ?? [])).filter((key) => key !== undefined);
  const lastNo = await lockSeries(
    tx,
    series.map((key) => ({ kind: 'class', key })),
  );
  const { rows } = await tx.query<{ host: string; code: string }>({
    name: 'class-codes',
    text: `select host_unit_id as host, code from enrollment.class where (host_unit_id, code) in (select * from unnest($1::uuid[], $2::text[]))`,
    values: [named.map(({ hostUnitId }) => hostUnitId), named.map(({ code }) => code)],
  });
  return { programs, lastNo, codes: new Set(rows.map(({ host, code }) => codeKey(host, code))), opened: new Map() };
};

export const saveClasses = async (tx: Tx, { opened, lastNo }: Classes): Promise<void> => {
  if (opened.size === 0) return;
  await saveSeries(tx, 'class', lastNo);
  const { rowCount } = await tx.query({
    name: 'class-save',
    text: `insert into enrollment.class (${classColumns.names})
      select ${classColumns.names.replace('organizers', 'array(select json_array_elements_text(organizers)::uuid)')} from ${classColumns.given}`,
    values: classColumns.values([...opened.values()]),
  });
  expectRows('class-save', opened.size, rowCount);
};

type ShownClass = z.input<typeof classRecord>;

/** Classes of today and of the past in one shape; a past one counts its turns as places taken. */
const shown = `select c.id, c.code, 'live' as provenance, 'open' as state, c.program_code as "programCode", c.program_version as "programVersion", c.line, c.level, c.form,
    c.host_unit_id as "hostUnitId", c.organizers, c.size, c.taken, c.valid_from as "from", c.valid_to as "to", null::uuid as "importId", c.version
  from enrollment.class c
  union all
  select p.id, p.code, 'imported', case when p.revoked then 'revoked' else 'past' end, p.program_code, null, p.line, null, null,
    p.host_unit_id, '{}', null, p.turns, p.valid_from, p.valid_to, p.import_id, p.sequence
  from enrollment.past_class p`;

export interface ClassFilter extends Paging {
  readonly code?: string | undefined;
  readonly programCode?: string | undefined;
  readonly hostUnitId?: string | undefined;
  readonly year?: number | undefined;
  readonly provenance?: string | undefined;
}

/** Newest first. Revoked classes of the past are found by id alone. */
export const listClasses = async (pool: Pool, filter: ClassFilter) => {
  const [afterFrom, afterId] = placeAfter(filter, 'day', 'id') ?? [null, null];
  const { rows } = await pool.query<ShownClass>(
    `select * from (${shown}) c where state <> 'revoked'
       and ($1::date is null or "from" < $1 or ("from" = $1 and id > $2::uuid))
       and ($3::text is null or code = $3) and ($4::text is null or "programCode" = $4) and ($5::uuid is null or "hostUnitId" = $5)
       and ($6::int is null or "from" >= make_date($6, 1, 1) and "from" < make_date($6 + 1, 1, 1)) and ($7::text is null or provenance = $7)
     order by "from" desc, id limit $8`,
    [
      afterFrom,
      afterId,
      filter.code ?? null,
      filter.programCode ?? null,
      filter.hostUnitId ?? null,
      filter.year ?? null,
      filter.provenance ?? null,
      filter.limit + 1,
    ],
  );
  return toPage(rows, filter.limit, (it) => [it.from, it.id]);
};

export const readClass = async (pool: Pool, id: string): Promise<ShownClass | undefined> =>
  (await pool.query<ShownClass>(`select * from (${shown}) c where id = $1`, [id])).rows[0];

/** Classes by id; those of `lock` locked in their order, for places are given under that lock. */
export const classesById = async (tx: Tx, ids: readonly string[], lock: ReadonlySet<string>): Promise<LiveClass[]> => {
  const seen = [...new Set(ids)].filter((id) => !lock.has(id));
  const read = async (name: string, these: readonly string[], locking = ''): Promise<LiveClass[]> => {
    if (these.length === 0) return [];
    const text = `select ${classColumns.selected} from enrollment.class where id = any($1::uuid[]) order by id${locking}`;
    return (await tx.query<LiveClass>({ name, text, values: [these] })).rows;
  };
  const [locked, others] = await together(tx, () => [read('class-lock', [...lock], ' for no key update'), read('class-read', seen)]);
  return [...locked, ...others];
};

export const saveTaken = (tx: Tx, classes: readonly LiveClass[]): Promise<void> =>
  updateRows(tx, 'class-taken', 'enrollment.class', classColumns.only('id', 'taken'), 'id', classes);

import type { Pool } from 'pg';

/** What a reader has seen: of which table, and of which transactions. */
export interface Seen {
  readonly table: string;
  /** Transactions from this one on had not ended, nor had the running ones below it. */
  readonly before: number;
  readonly running: readonly number[];
  readonly directory: number;
}

/** What a reader has not seen yet. Ids come as bytes: 16 each, as many as a record has, one record after the other. */
export interface News {
  readonly seen: Seen;
  /** Turns written since: their number (8 bytes), class, person, unit, and whether imported (1). */
  readonly turns: Buffer;
  /** Numbers of turns that are gone. */
  readonly gone: readonly number[];
  /** These as a whole, or null where none of them changed. */
  readonly classes: readonly { readonly id: string; readonly line: string; readonly programCode: string; readonly from: string }[] | null;
  /** Merged and kept person. */
  readonly merged: Buffer | null;
  /** Unit, person, and the unit they were assigned to. */
  readonly assigned: Buffer | null;
}

const bytes = (record: string): string => `coalesce(string_agg(${record}, ''), '')`;
const turns = `select ${bytes('int8send(no) || uuid_send(class_id) || uuid_send(person_id) || uuid_send(unit_id) || boolsend(imported)')} from reporting.turn`;
const classes = `select coalesce(json_agg(json_build_object('id', id, 'line', line, 'programCode', program_code, 'from', from_date)), '[]') from reporting.class`;
const merged = `select ${bytes('uuid_send(person_id) || uuid_send(kept_id)')} from reporting.merged`;
const assigned = `select ${bytes('uuid_send(from_unit_id) || uuid_send(person_id) || uuid_send(to_unit_id)')} from directory.assignment`;

/** The table that the name means; told apart from the one that the statement's snapshot sees, which is another in the moment of a rebuild's swap. */
const named = `'reporting.turn'::regclass::oid::int8`;

/**
 * Rows that the last snapshot did not see and this one does. Not those newer than the newest seen: a transaction that began earlier commits later.
 * Rows of a restored dump name transactions that are still to come here; they are no news.
 */
const unseen = (last: Seen | undefined): string =>
  last
    ? `where (written_in >= ${last.before}${last.running.length > 0 ? ` or written_in in (${last.running.join()})` : ''})
         and written_in < pg_snapshot_xmax(pg_current_snapshot())::text::int8`
    : 'where false';

// One statement: one round trip, and one snapshot for all of it. Server and timeline tell a database that was restored, the table's oid one that was rebuilt.
const newsSince = (last: Seen | undefined): string => `
  with change as materialized (select what, turn_no from reporting.change ${unseen(last)})
  select pg_current_snapshot()::text as snapshot, ${named} as named, c.oid::int8 as oid, v.number as directory,
    concat_ws(' ', (select system_identifier from pg_control_system()), left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), c.oid) as "table",
    (${turns} ${unseen(last)}) as turns,
    (select coalesce(json_agg(turn_no), '[]') from change where what = 'turn-gone') as gone,
    case when ${!last} or exists (select from change where what = 'class') then (${classes}) end as classes,
    case when ${!last} or exists (select from change where what = 'merged') then (${merged}) end as merged,
    case when v.number <> ${last?.directory ?? -1} then (${assigned}) end as assigned
  from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join directory.version v where n.nspname = 'reporting' and c.relname = 'turn'`;

interface Row extends Omit<News, 'seen'> {
  readonly snapshot: string;
  readonly named: number;
  readonly oid: number;
  readonly directory: number;
  readonly table: string;
}

/** What was written since; undefined where that can't be said: another table, or a database that was set back. */
export const readNews = async (pool: Pool, last: Seen | undefined): Promise<News | undefined> => {
  const { rows } = await pool.query<Row>(newsSince(last));
  const { snapshot, named: name, oid, directory, table, ...news } = rows[0] as Row;
  const [, before, running] = snapshot.split(':') as [string, string, string];
  if (name !== oid || (last && (table !== last.table || Number(before) < last.before))) return undefined;
  return { ...news, seen: { table, before: Number(before), running: running === '' ? [] : running.split(',').map(Number), directory } };
};

/** Blocks of the table read at a time: some 9,000 turns. */
const blocks = 128;

/**
 * All turns, part by part, each part as it is when it is read: what was written meanwhile must be asked for as news since before. Undefined when
 * the table is no longer the one that was seen.
 */
export async function* allTurns(pool: Pool, { table }: Seen): AsyncGenerator<Buffer | undefined> {
  for (let block = 0, end = 1; block < end; block += blocks) {
    const { rows } = await pool.query<{ turns: Buffer; named: string; end: number }>(
      `select (${turns} where ctid >= '(${block},0)' and ctid < '(${block + blocks},0)') as turns, ${named}::text as named,
         pg_relation_size('reporting.turn') / current_setting('block_size')::int as end`,
    );
    const [read] = rows as [(typeof rows)[0]];
    if (!table.endsWith(` ${read.named}`)) yield undefined;
    end = read.end;
    yield read.turns;
  }
}

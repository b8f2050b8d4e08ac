import type { Tx } from './command.ts';
import { jsonArray } from './database.ts';

/** The PostgreSQL type of a member's column, or how it is told from its member: `['place_no', 'int']`. */
type Column = string | readonly [name: string, type: string];

/** How rows of one shape travel: each column is named once, and every statement about the table is worded from here. */
export interface Columns<Row> {
  /** `id, program_code`: for `insert into … (…)` and `select … from` the given rows. */
  readonly names: string;
  /** `id, program_code as "programCode"`: what a read answers, with the members' names. */
  readonly selected: string;
  /** `rows from (unnest($1::uuid[], …)) as given (id, …)`: the rows as they were handed over, from the first parameter on. */
  readonly given: string;
  /** `program_code = given.program_code`: all but these, for an update by the given rows. */
  readonly set: (...but: readonly (keyof Row & string)[]) => string;
  /** `program_code = excluded.program_code`: all but these, for `on conflict … do update`. */
  readonly excluded: (...but: readonly (keyof Row & string)[]) => string;
  /** The parameters that `given` speaks of. */
  readonly values: (rows: readonly Row[]) => unknown[];
  readonly column: (member: keyof Row & string) => string;
  /** A part of them, for a statement that touches no more. */
  readonly only: <Member extends keyof Row & string>(...members: readonly Member[]) => Columns<Pick<Row, Member>>;
}

const snake = (member: string): string => member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * The columns of a table by the members of its record, each with its PostgreSQL type. A member is called as its column, in snake case, unless it says otherwise.
 * Documents (`jsonb`) travel as one parameter for all rows (`jsonArray`).
 */
export const columns = <Row>(types: { readonly [Member in keyof Row & string]: Column }): Columns<Row> => {
  const all = Object.entries<Column>(types).map(([member, column]) => {
    const [name, type] = typeof column === 'string' ? [snake(member), column] : column;
    return { member: member as keyof Row & string, name, type, isDocument: type === 'jsonb' || type === 'json' };
  });
  const list = all.map(({ name }) => name).join(', ');
  // Documents last: `rows from` takes functions side by side, and one unnest for all the plain columns.
  const plain = all.filter(({ isDocument }) => !isDocument);
  const documents = all.filter(({ isDocument }) => isDocument);
  const sources = [
    ...(plain.length > 0 ? [`unnest(${plain.map(({ type }, at) => `$${at + 1}::${type}[]`).join(', ')})`] : []),
    ...documents.map(({ type }, at) => `${type}_array_elements($${plain.length + at + 1}::${type})`),
  ];
  const assigned = (source: string, but: readonly string[]): string =>
    all.flatMap(({ member, name }) => (but.includes(member) ? [] : [`${name} = ${source}.${name}`])).join(', ');
  return {
    names: list,
    selected: all.map(({ member, name }) => (name === member ? name : `${name} as "${member}"`)).join(', '),
    given: `rows from (${sources.join(', ')}) as given (${[...plain, ...documents].map(({ name }) => name).join(', ')})`,
    set: (...but) => assigned('given', but),
    excluded: (...but) => assigned('excluded', but),
    values: (rows) => [
      ...plain.map(({ member }) => rows.map((row) => row[member])),
      ...documents.map(({ member }) => jsonArray(rows.map((row) => JSON.stringify(row[member]) ?? null))),
    ],
    column: (member) => all.find((one) => one.member === member)?.name as string,
    only: (...members) => columns(Object.fromEntries(members.map((member) => [member, types[member]])) as never),
  };
};

/** Inserts rows by set; none is no statement. `name` is the prepared statement's. Throws where other than all were written. */
export const insertRows = async <Row>(tx: Tx, name: string, table: string, of: Columns<Row>, rows: readonly Row[]): Promise<void> => {
  if (rows.length === 0) return;
  const { rowCount } = await tx.query({
    name,
    text: `insert into ${table} (${of.names}) select ${of.names} from ${of.given}`,
    values: of.values(rows),
  });
  expectRows(name, rows.length, rowCount);
};

/** Inserts rows by set, or amends these members of those whose `id` is there; none is no statement. Throws where other than all were written. */
export const upsertRows = async <Row>(
  tx: Tx,
  name: string,
  table: string,
  of: Columns<Row>,
  rows: readonly Row[],
  ...amended: readonly (keyof Row & string)[]
): Promise<void> => {
  if (rows.length === 0) return;
  const { rowCount } = await tx.query({
    name,
    text: `insert into ${table} (${of.names}) select ${of.names} from ${of.given} on conflict (id) do update set ${of.only(...amended).excluded()}`,
    values: of.values(rows),
  });
  expectRows(name, rows.length, rowCount);
};

/** Updates rows by set, found by `key`; none is no statement. Throws where other than all were written. */
export const updateRows = async <Row>(
  tx: Tx,
  name: string,
  table: string,
  of: Columns<Row>,
  key: keyof Row & string,
  rows: readonly Row[],
): Promise<void> => {
  if (rows.length === 0) return;
  const column = of.column(key);
  const { rowCount } = await tx.query({
    name,
    text: `update ${table} as row set ${of.set(key)} from ${of.given} where row.${column} = given.${column}`,
    values: of.values(rows),
  });
  expectRows(name, rows.length, rowCount);
};

/** Throws where a statement by set touched other rows than it was given. */
export const expectRows = (what: string, wanted: number, got: number | null): void => {
  if (got !== wanted) throw new Error(`${what}: ${got} rows of ${wanted}`);
};

/** The records that a batch replaced or added, found by identity against what was loaded: records are replaced, never changed. */
export const changed = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] => pick(now, (id, record) => before.get(id) !== record);

/** The records that were not there before. */
export const added = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] => pick(now, (id) => !before.has(id));

/** The records that were there and are others now. */
export const amended = <T>(now: ReadonlyMap<string, T>, before: ReadonlyMap<string, T>): T[] =>
  pick(now, (id, record) => before.has(id) && before.get(id) !== record);

const pick = <T>(records: ReadonlyMap<string, T>, wanted: (id: string, record: T) => boolean): T[] => {
  const picked: T[] = [];
  for (const [id, record] of records) if (wanted(id, record)) picked.push(record);
  return picked;
};

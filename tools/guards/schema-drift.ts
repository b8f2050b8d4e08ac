import type { Client } from 'pg';

export interface Column {
  /** As PostgreSQL's format_type words it. */
  readonly type: string;
  readonly nullable: boolean;
  readonly hasDefault: boolean;
}

export interface Table {
  /** `<schema>.<table>` */
  readonly name: string;
  readonly columns: ReadonlyMap<string, Column>;
  readonly primaryKey: readonly string[];
  readonly unique: readonly (readonly string[])[];
}

const columnsQuery = `select n.nspname || '.' || c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
    not a.attnotnull as nullable, a.atthasdef or a.attidentity <> '' as default
  from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any($1) order by 1, a.attnum`;
// Whole columns of all rows: what a partial index or one over an expression holds, Prisma has no word for.
const keysQuery = `select n.nspname || '.' || c.relname as table, i.indisprimary as primary,
    array(select a.attname::text from unnest(i.indkey) with ordinality k(attnum, place) join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where k.place <= i.indnkeyatts order by k.place) as columns
  from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
  where i.indisunique and i.indpred is null and i.indexprs is null and n.nspname = any($1)`;

/** The schemas of a database, but for PostgreSQL's own. */
export const schemasOf = async (client: Client): Promise<readonly string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')`,
  );
  return rows.map(({ name }) => name);
};

/** The tables of these schemas as the database has them. */
export const databaseTables = async (client: Client, schemas: readonly string[]): Promise<readonly Table[]> => {
  const columns = await client.query<{ table: string; column: string; type: string; nullable: boolean; default: boolean }>(columnsQuery, [schemas]);
  const keys = await client.query<{ table: string; primary: boolean; columns: string[] }>(keysQuery, [schemas]);
  return [...Map.groupBy(columns.rows, ({ table }) => table)].map(([name, rows]) => ({
    name,
    columns: new Map(rows.map(({ column, type, nullable, default: hasDefault }) => [column, { type, nullable, hasDefault }])),
    primaryKey: keys.rows.find((key) => key.table === name && key.primary)?.columns ?? [],
    unique: keys.rows.filter((key) => key.table === name && !key.primary).map((key) => key.columns),
  }));
};

const words = (columns: readonly string[]): string => `(${columns.join(', ')})`;
const sorted = (columns: readonly string[]): string => [...columns].sort().join();

/** Where the model and the database differ, one sentence each. The order of columns says nothing; checks, foreign keys and indexes that are not unique are the SQL's alone. */
export const schemaDrift = (model: readonly Table[], database: readonly Table[]): readonly string[] => {
  const actual = new Map(database.map((table) => [table.name, table]));
  const known = new Set(model.map(({ name }) => name));
  return [
    ...database.filter(({ name }) => !known.has(name)).map(({ name }) => `${name}: a table that schema.prisma does not have`),
    ...model.flatMap((table) => {
      const there = actual.get(table.name);
      return there ? tableDrift(table, there) : [`${table.name}: a model without a table`];
    }),
  ];
};

const tableDrift = (model: Table, table: Table): readonly string[] => [
  ...[...table.columns.keys()]
    .filter((name) => !model.columns.has(name))
    .map((name) => `${table.name}.${name}: a column that schema.prisma does not have`),
  ...[...model.columns].flatMap(([name, column]) => {
    const there = table.columns.get(name);
    if (!there) return [`${table.name}.${name}: a field without a column`];
    return [
      ...(there.type === column.type ? [] : [`${table.name}.${name}: ${column.type} in schema.prisma, ${there.type} in the database`]),
      ...(there.nullable === column.nullable
        ? []
        : [
            `${table.name}.${name}: ${column.nullable ? 'optional' : 'required'} in schema.prisma, ${there.nullable ? 'nullable' : 'not null'} in the database`,
          ]),
      ...(column.hasDefault && !there.hasDefault ? [`${table.name}.${name}: schema.prisma counts on a default that the database does not give`] : []),
    ];
  }),
  ...(sorted(model.primaryKey) === sorted(table.primaryKey)
    ? []
    : [`${table.name}: primary key ${words(model.primaryKey)} in schema.prisma, ${words(table.primaryKey)} in the database`]),
  ...model.unique
    .filter((key) => ![...table.unique, table.primaryKey].some((there) => sorted(there) === sorted(key)))
    .map((key) => `${table.name}: ${words(key)} is unique in schema.prisma, not in the database`),
];

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from '@khue/host/config';
import type { Column, Table } from './schema-drift.ts';

interface Field {
  readonly name: string;
  readonly dbName?: string | null;
  readonly kind: 'scalar' | 'object' | 'enum' | 'unsupported';
  readonly type: string;
  readonly isList: boolean;
  readonly isRequired: boolean;
  readonly isId: boolean;
  readonly isUnique: boolean;
  readonly nativeType?: readonly [string, readonly string[]] | null;
  readonly default?: unknown;
}

interface Model {
  readonly name: string;
  readonly dbName: string | null;
  readonly schema: string | null;
  readonly fields: readonly Field[];
  readonly primaryKey: { readonly fields: readonly string[] } | null;
  readonly uniqueIndexes: readonly { readonly fields: readonly string[] }[];
}

/** As PostgreSQL's format_type words them. */
const plainTypes: Readonly<Record<string, string>> = {
  String: 'text',
  Boolean: 'boolean',
  Int: 'integer',
  BigInt: 'bigint',
  Float: 'double precision',
  Decimal: 'numeric(65,30)',
  DateTime: 'timestamp(3) without time zone',
  Json: 'jsonb',
  Bytes: 'bytea',
};
const nativeTypes: Readonly<Record<string, (size: string) => string>> = {
  Uuid: () => 'uuid',
  Text: () => 'text',
  Citext: () => 'citext',
  Xml: () => 'xml',
  Inet: () => 'inet',
  Json: () => 'json',
  JsonB: () => 'jsonb',
  ByteA: () => 'bytea',
  Boolean: () => 'boolean',
  SmallInt: () => 'smallint',
  Integer: () => 'integer',
  BigInt: () => 'bigint',
  Oid: () => 'oid',
  Real: () => 'real',
  DoublePrecision: () => 'double precision',
  Money: () => 'money',
  Date: () => 'date',
  Decimal: (size) => `numeric${size}`,
  VarChar: (size) => `character varying${size}`,
  Char: (size) => `character${size || '(1)'}`,
  Bit: (size) => `bit${size || '(1)'}`,
  VarBit: (size) => `bit varying${size}`,
  Timestamp: (size) => `timestamp${size} without time zone`,
  Timestamptz: (size) => `timestamp${size} with time zone`,
  Time: (size) => `time${size} without time zone`,
  Timetz: (size) => `time${size} with time zone`,
};

const typeOf = (field: Field): string => {
  const [native, sizes = []] = field.nativeType ?? [];
  // Six digits of a second are what PostgreSQL keeps unasked.
  const size = sizes.length > 0 && !(native?.startsWith('Time') && sizes[0] === '6') ? `(${sizes.join(',')})` : '';
  const name = native ? nativeTypes[native]?.(size) : plainTypes[field.type];
  return `${name ?? `${field.type} ${native ?? ''}, which the comparison does not know`}${field.isList ? '[]' : ''}`;
};

/** A default that the database gives, not the client: uuid() and cuid() are the client's. */
const databaseDefault = ({ default: value }: Field): boolean =>
  value !== undefined &&
  (typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    ['now', 'autoincrement', 'dbgenerated'].includes((value as { name: string }).name));

const tableOf = (model: Model): Table => {
  const columnName = (name: string): string => model.fields.find((field) => field.name === name)?.dbName ?? name;
  const stored = model.fields.filter(({ kind }) => kind !== 'object');
  const columns = stored.map((field): [string, Column] => [
    columnName(field.name),
    { type: typeOf(field), nullable: !field.isRequired, hasDefault: databaseDefault(field) },
  ]);
  const single = (which: 'isId' | 'isUnique'): string[][] => stored.filter((field) => field[which]).map((field) => [columnName(field.name)]);
  return {
    name: `${model.schema ?? 'public'}.${model.dbName ?? model.name}`,
    columns: new Map(columns),
    primaryKey: model.primaryKey?.fields.map(columnName) ?? single('isId')[0] ?? [],
    unique: [...single('isUnique'), ...model.uniqueIndexes.map(({ fields }) => fields.map(columnName))],
  };
};

const quoted = (path: string): string => `'${path}'`;

/** The tables that a schema.prisma describes. Needs no engine: Prisma's own parser is a part of its command. */
export const prismaTables = async (schema: string): Promise<readonly Table[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'khue-prisma-'));
  try {
    const [file, model] = [join(folder, 'schema.prisma'), join(folder, 'model.json')];
    const generator = `${quoted(process.execPath)} ${quoted(fileURLToPath(new URL('prisma-metadata.ts', import.meta.url)))}`;
    await writeFile(file, `${schema}\ngenerator metadata {\n  provider = ${JSON.stringify(generator)}\n  output = ${JSON.stringify(model)}\n}\n`);
    const prisma = fileURLToPath(new URL('../../node_modules/prisma/build/index.js', import.meta.url));
    const env = { ...environment(), PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' };
    await new Promise<void>((resolve, reject) => {
      execFile(process.execPath, [prisma, 'generate', '--schema', file, '--generator', 'metadata'], { cwd: folder, env }, (error, _stdout, stderr) =>
        error ? reject(new Error(`prisma could not read the schema: ${stderr}`, { cause: error })) : resolve(),
      );
    });
    return (JSON.parse(await readFile(model, 'utf8')) as { models: Model[] }).models.map(tableOf);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

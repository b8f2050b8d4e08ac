import pg from 'pg';

/** A schema as text, by names that need no qualification within it: equal for two schemas of one structure. */
export interface SchemaText {
  readonly tables: readonly string[];
  /** What the tables can't be made with by LIKE, in the order it is to be run. */
  readonly statements: readonly string[];
  readonly grants: readonly string[];
  /** Columns, checks and not-nulls: copied by LIKE, here to be compared. */
  readonly columns: readonly string[];
}

/**
 * Makes `to` an empty copy of the schema `from`: tables, constraints and indexes under their own names (projections say ON CONFLICT ON CONSTRAINT,
 * later migrations drop by name), views, triggers, rights. LIKE alone leaves out foreign keys and rights and renames indexes. To be called in a
 * transaction of the owner; answers the structure. Throws when the schema holds what isn't copied, and when the copy differs.
 */
export const copySchema = async (owner: pg.Client, from: string, to: string): Promise<SchemaText> => {
  await refuseOthers(owner, from);
  const text = await describeSchema(owner, from);
  await owner.query(`create schema ${pg.escapeIdentifier(to)}`);
  await lookIn(owner, to);
  for (const table of text.tables) {
    const name = pg.escapeIdentifier(table);
    await owner.query(`create table ${name} (like ${pg.escapeIdentifier(from)}.${name} including all excluding indexes)`);
  }
  for (const statement of [...text.statements, ...text.grants]) await owner.query(statement.replace('%schema%', pg.escapeIdentifier(to)));
  const copied = await describeSchema(owner, to);
  if (!sameSchema(copied, text)) throw new Error(`the copy of schema ${from} differs from it: ${firstDifference(copied, text)}`);
  return text;
};

export const sameSchema = (one: SchemaText, other: SchemaText): boolean => JSON.stringify(one) === JSON.stringify(other);

const lines = ({ tables, statements, grants, columns }: SchemaText): readonly string[] => [...tables, ...statements, ...grants, ...columns];
const firstDifference = (one: SchemaText, other: SchemaText): string =>
  lines(other).find((line) => !lines(one).includes(line)) ?? lines(one).find((line) => !lines(other).includes(line)) ?? 'order';

const lookIn = async (owner: pg.Client, schema: string): Promise<void> => {
  await owner.query(`set local search_path to ${pg.escapeIdentifier(schema)}`);
};

/** Reads the structure of a schema; to be called in a transaction, whose search path it sets. */
export const describeSchema = async (owner: pg.Client, schema: string): Promise<SchemaText> => {
  // The catalog's own functions leave out the schema of what the search path finds.
  await lookIn(owner, schema);
  const list = async (sql: string): Promise<string[]> => (await owner.query<{ line: string }>(sql, [schema])).rows.map(({ line }) => line);
  return {
    tables: await list(`select relname::text as line from pg_class where relnamespace = $1::regnamespace and relkind = 'r' order by relname`),
    statements: [
      ...(await list(
        `select format('alter table %I set (%s)', relname, array_to_string(reloptions, ', ')) as line
         from pg_class where relnamespace = $1::regnamespace and relkind = 'r' and reloptions is not null order by relname`,
      )),
      // Foreign keys last: they need the keys they point to.
      ...(await list(
        `select format('alter table %I add constraint %I %s', c.relname, con.conname, pg_get_constraintdef(con.oid)) as line
         from pg_constraint con join pg_class c on c.oid = con.conrelid
         where c.relnamespace = $1::regnamespace and con.contype in ('p', 'u', 'x') order by c.relname, con.conname`,
      )),
      ...(await list(
        `select pg_get_indexdef(i.indexrelid, 0, true) as line from pg_index i join pg_class c on c.oid = i.indexrelid
         where c.relnamespace = $1::regnamespace and not exists (select from pg_constraint con where con.conindid = i.indexrelid and con.contype in ('p', 'u', 'x'))
         order by c.relname`,
      )),
      ...(await list(
        `select format('alter table %I add constraint %I %s', c.relname, con.conname, pg_get_constraintdef(con.oid)) as line
         from pg_constraint con join pg_class c on c.oid = con.conrelid
         where c.relnamespace = $1::regnamespace and con.contype = 'f' order by c.relname, con.conname`,
      )),
      ...(await list(
        `select format('create view %I %s as %s', relname, 'with (' || nullif(array_to_string(reloptions, ', '), '') || ')', pg_get_viewdef(oid)) as line
         from pg_class where relnamespace = $1::regnamespace and relkind = 'v' order by oid`,
      )),
      // Their functions stand elsewhere and serve both: functions in the schema are refused.
      ...(await list(
        `select pg_get_triggerdef(t.oid, true) as line from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where c.relnamespace = $1::regnamespace and not t.tgisinternal order by c.relname, t.tgname`,
      )),
    ],
    grants: await list(
      `with given as (
         select 1 as place, '' as name, 'schema %schema%' as object, '' as part, a.* from pg_namespace n, aclexplode(n.nspacl) a where n.nspname = $1 and a.grantee <> n.nspowner
         union all
         select 2, c.relname, format('%I', c.relname), '', a.* from pg_class c, aclexplode(c.relacl) a
         where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'v') and a.grantee <> c.relowner
         union all
         select 3, c.relname, format('%I', c.relname), format('(%I)', att.attname), a.* from pg_class c join pg_attribute att on att.attrelid = c.oid, aclexplode(att.attacl) a
         where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'v') and a.grantee <> c.relowner)
       select format('grant %s %s on %s to %s%s', privilege_type, part, object, case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
         case when is_grantable then ' with grant option' else '' end) as line
       from given order by place, name, part, privilege_type, grantee`,
    ),
    columns: await list(
      `select format('%I.%I %s collate %s not null %s identity %s generated %s default %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
         a.attcollation::regcollation, a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid)) as line
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
       where c.relnamespace = $1::regnamespace and c.relkind = 'r'
       union all
       select format('%I %I %s', c.relname, con.conname, pg_get_constraintdef(con.oid)) from pg_constraint con join pg_class c on c.oid = con.conrelid
       where c.relnamespace = $1::regnamespace and con.contype in ('c', 'n')
       order by line`,
    ),
  };
};

/** What a projection may not have, for it would be missing afterwards, or go with the old schema without anybody noticing. */
const refuseOthers = async (owner: pg.Client, schema: string): Promise<void> => {
  const { rows } = await owner.query<{ what: string }>(
    `with tables as (select oid, relname from pg_class where relnamespace = $1::regnamespace and relkind = 'r')
     select format('%s of kind %s', relname, relkind) as what from pg_class c where relnamespace = $1::regnamespace and relkind not in ('r', 'i', 'v', 't')
       and not (relkind = 'S' and exists (select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid and deptype = 'i'))
     union all select format('function %s', proname) from pg_proc where pronamespace = $1::regnamespace
     union all select format('type %s', typname) from pg_type where typnamespace = $1::regnamespace and typtype in ('e', 'd', 'r')
     union all select format('trigger %s that is not simply on', tgname) from pg_trigger join tables on tables.oid = tgrelid where not tgisinternal and tgenabled <> 'O'
     union all select format('policy %s', polname) from pg_policy join tables on tables.oid = polrelid
     union all select format('heir %s', inhrelid::regclass) from pg_inherits join tables on tables.oid in (inhrelid, inhparent)
     union all select format('foreign key %s of %s', conname, conrelid::regclass) from pg_constraint join tables on tables.oid = confrelid
       where contype = 'f' and conrelid not in (select oid from tables)
     union all select distinct format('view %s', r.ev_class::regclass) from pg_depend d join tables on tables.oid = d.refobjid
       join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid join pg_class v on v.oid = r.ev_class
       where d.refclassid = 'pg_class'::regclass and v.relnamespace <> $1::regnamespace`,
    [schema],
  );
  if (rows.length > 0) throw new Error(`schema ${schema} can't be rebuilt beside itself, it has: ${rows.map(({ what }) => what).join(', ')}`);
};

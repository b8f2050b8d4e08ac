import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { identityRef } from '@khue/host/identity-ref';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { pastPeople } from '../seed/history.ts';
import type { PastCity, TurnsFile } from './past-city.ts';

/** Tables like enrollment's and the log's, with their indexes, and what the statements look up: persons by number, units by code. */
export const prepareSqlImport = async (owner: pg.Client, { city, scale, identityKey, units }: PastCity): Promise<void> => {
  await owner.query(`
    create schema bench;
    create table bench.staging (number text, name text, class text, program text, unit text, host text, valid_from text, valid_to text, document_no text);
    create table bench.past_class (like enrollment.past_class including all);
    create table bench.past_turn (like enrollment.past_turn including all);
    create table bench.log (like messaging.log including all);
    create table bench.head (like messaging.head including all);
    create table bench.unit (code text primary key, id uuid not null);
    create table bench.person (number text primary key, id uuid not null);
    insert into bench.head values ('*', 0);`);
  await owner.query('insert into bench.unit select * from unnest($1::text[], $2::uuid[])', [[...units.keys()], [...units.values()]]);
  const numbers = [...pastPeople(city, scale)].map(({ identityNumber }) => identityNumber);
  await owner.query(
    `insert into bench.person select n.number, p.person_id from unnest($1::text[], $2::text[]) as n (number, reference) join cards.person p on p.identity_ref = n.reference`,
    [numbers, numbers.map((number) => identityRef(identityKey, number))],
  );
  await owner.query('analyze bench.unit, bench.person');
};

/** Copies the file and makes classes, turns and numbered events of it in one transaction; answers the milliseconds. Ids follow from the row, as the door's do. */
export const sqlImport = async (owner: pg.Client, { pieces, rows, classes }: TurnsFile): Promise<number> => {
  await owner.query('truncate bench.staging');
  const began = performance.now();
  await owner.query('begin');
  await pipeline(Readable.from(pieces), owner.query(copyFrom('copy bench.staging from stdin with (format csv, header)')));
  const made = await owner.query(classesAndTurns);
  await owner.query('commit');
  const took = performance.now() - began;
  const { rows: counted } = await owner.query<{ events: number }>(
    `select count(*)::int as events from bench.log where position > (select max(position) from bench.log) - $1`,
    [rows + classes],
  );
  if (made.rowCount !== 1 || counted[0]?.events !== rows + classes) throw new Error(`SQL made ${counted[0]?.events} events of ${rows} rows`);
  return took;
};

const classesAndTurns = `
  with import as (select uuidv7() as id), classes as (
    insert into bench.past_class (id, code, program_code, line, host_unit_id, valid_from, valid_to, import_id, turns, revoked, sequence)
    select md5(s.class)::uuid, s.class, min(s.program), min(s.program), (select id from bench.unit where code = min(s.host)), to_date(min(s.valid_from), 'DD/MM/YYYY'),
      to_date(min(s.valid_to), 'DD/MM/YYYY'), (select id from import), count(*), false, 1
    from bench.staging s group by s.class
    returning *
  ), turns as (
    insert into bench.past_turn (id, class_id, person_id, unit_id, import_id, revoked, sequence, document_no)
    select md5(s.class || s.number)::uuid, c.id, p.id, u.id, c.import_id, false, 1, s.document_no
    from bench.staging s join classes c on c.code = s.class join bench.person p on p.number = s.number join bench.unit u on u.code = s.unit
    returning *
  ), events as (
    select 0 as place, id::text as subject, 'enrollment.past-class-recorded' as type, json_build_object('classId', id, 'code', code, 'programCode', program_code,
      'line', line, 'hostUnitId', host_unit_id, 'from', valid_from, 'to', valid_to, 'importId', import_id) as data from classes
    union all
    select 1, id::text, 'enrollment.turn-recorded', json_build_object('turnId', id, 'classId', class_id, 'personId', person_id, 'unitId', unit_id, 'importId', import_id,
      'documentNo', document_no) from turns
  ), logged as (
    insert into bench.log (topic, subject, sequence, type, version, event_id, time, context, data, position, previous)
    select 'khue.enrollment.facts', subject, 1, type, 1, uuidv7(), now(), '{"correlationid":"c","causationid":"c","actor":"board"}', data, at, at - 1
    from (select *, row_number() over (order by place) + (select position from bench.head where topic = '*') as at from events) numbered
    returning position
  )
  update bench.head set position = (select max(position) from logged) where topic = '*'`;

import type { Pool } from 'pg';
import type { Backlog, LogReader, Stamped } from './bus.ts';

/** A backlog is counted up to here: nobody decides differently at a higher figure, and counting it would cost. */
export const countedAtMost = 100_000;

interface Row {
  readonly position: number;
  readonly previous: number;
  readonly topic: string;
  readonly subject: string;
  readonly sequence: number;
  readonly type: string;
  readonly version: number;
  readonly eventId: string;
  readonly time: string;
  readonly context: string;
  readonly data: string;
}

/** Reads the log of the service whose database `pool` is; `source` is the envelope's, `khue/<city>/<service>`. */
export const createLogReader = (pool: Pool, source: string): LogReader => ({
  read: async (topic, after, limit) => {
    const { rows } = await pool.query<Row>({
      name: 'log-read',
      // context and data as they were written: parsing them here only to print them again would be the dearest part of the way.
      text: `select position, previous, topic, subject, sequence, type, version, event_id as "eventId", time, context::text, data::text
        from messaging.log where topic = $1 and position > $2 order by position limit $3`,
      values: [topic, after, limit],
    });
    return rows.map((row) => stamped(row, source));
  },
  hear: async (topic, after, limit, heard) => {
    const { rows } = await pool.query<Row & { readonly data: string | null }>({
      name: 'log-hear',
      text: `select position, previous, topic, subject, sequence, type, version, event_id as "eventId", time, context::text,
          case when type = any($4) then data::text end as data
        from messaging.log where topic = $1 and position > $2 order by position limit $3`,
      values: [topic, after, limit, [...heard]],
    });
    return rows.map((row) => (row.data === null ? headOf(row) : stamped(row, source)));
  },
  head: async (topic) => {
    const { rows } = await pool.query<{ position: number }>({
      name: 'log-head',
      text: 'select position from messaging.head where topic = $1',
      values: [topic],
    });
    return rows[0]?.position ?? 0;
  },
  backlog: async (topic, after) => {
    const { rows } = await pool.query<Backlog>({
      name: 'log-backlog',
      text: `select count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(time)), 0)::float8 as "oldestSeconds"
        from (select time from messaging.log where topic = $1 and position > $2 order by position limit $3) waiting`,
      values: [topic, after, countedAtMost],
    });
    return rows[0] ?? { rows: 0, oldestSeconds: 0 };
  },
});

const headOf = ({ position, previous, topic, subject, type }: Omit<Row, 'data'>): Omit<Stamped, 'json'> => ({
  position,
  previous,
  topic,
  subject,
  type,
});

const stamped = (row: Row, source: string): Stamped => ({ ...headOf(row), json: envelopeJson(row, source) });

/** The envelope as text. `context` is an object of ours (correlationid, causationid, actor, traceparent), spliced in as it is. */
const envelopeJson = (row: Row, source: string): string => {
  const context = row.context.slice(1, -1);
  return (
    `{"specversion":"1.0","id":"${row.eventId}","source":"${source}","type":${JSON.stringify(row.type)},"subject":${JSON.stringify(row.subject)},` +
    `"time":"${row.time}","datacontenttype":"application/json","dataversion":${row.version},"sequence":${row.sequence},"position":${row.position},` +
    `${context}${context ? ',' : ''}"data":${row.data}}`
  );
};

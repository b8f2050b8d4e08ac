import { fileURLToPath } from 'node:url';
import { defineEvent, knownEvents, type Envelope, type Received } from '@khue/contracts/envelope';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { Delivery, Log } from './bus.ts';
import type { Tx } from './command.ts';
import type { ConsumerGroup } from './consumer.ts';
import { migrate } from './migrate.ts';

/** The smallest contract with an effect that shows when it is doubled, lost or out of order. */
export const counted = defineEvent({ type: 'sample.counted', version: 1, topic: 'khue.sample.facts', data: z.object({ amount: z.int() }) });
export const topic = counted.topic;
const migrations = fileURLToPath(new URL('../migrations', import.meta.url));

/** The messaging schema and a projection `tally` with whatever a projection may have: keys, identity, checks, a foreign key, an index, a view. */
export const tallySchema = async (ownerUrl: string, appRole: string): Promise<void> => {
  await migrate({ ownerUrl, appRole, folders: [migrations] });
  const owner = new pg.Client({ connectionString: ownerUrl });
  await owner.connect();
  await owner.query(`
    create schema tally;
    create table tally.subject (subject text primary key, total bigint not null constraint total_in_range check (total < 1000000), version int not null default 1);
    create table tally.entry (
      id bigint generated always as identity primary key,
      subject text not null constraint entry_of_subject references tally.subject deferrable initially deferred,
      sequence int not null,
      position bigint not null,
      amount int not null,
      doubled bigint generated always as (amount * 2) stored
    );
    create index entry_by_subject on tally.entry (subject, id) where amount > 0;
    create view tally.busy as select subject, count(*) as entries from tally.entry group by subject;
    grant usage on schema tally to ${appRole};
    grant select, insert, update, delete on all tables in schema tally to ${appRole};`);
  await owner.end();
};

/** What a test wants the handler to do with an event, before its effect. */
export type Mood = (event: Received, tx: Tx) => unknown;

/** Adds up amounts by subject, by unqualified names and without any guard of its own against doubling. */
export const tallyGroup = (mood: Mood = () => undefined, group = 'tally'): ConsumerGroup => ({
  group,
  topics: [topic],
  known: knownEvents(counted),
  searchPath: ['tally'],
  apply: async (tx, events) => {
    for (const event of events) {
      await mood(event, tx);
      const { amount } = event.data as { amount: number };
      await tx.query(
        `insert into subject as s (subject, total) values ($1, $2) on conflict (subject) do update set total = s.total + excluded.total, version = s.version + 1`,
        [event.subject, amount],
      );
      await tx.query('insert into entry (subject, sequence, position, amount) values ($1, $2, $3, $4)', [
        event.subject,
        event.sequence,
        event.position,
        amount,
      ]);
    }
  },
});

export const envelopeOf = (position: number, subject: string, sequence: number, data: unknown, more: Partial<Envelope> = {}): Envelope => ({
  specversion: '1.0',
  id: uuidv7(),
  source: 'khue/ha-noi/sample',
  type: counted.type,
  subject,
  time: '2026-11-23T01:02:03.000Z',
  datacontenttype: 'application/json',
  dataversion: 1,
  sequence,
  position,
  correlationid: 'correlation',
  causationid: 'cause',
  actor: 'board',
  data,
  ...more,
});

/** Deliveries of one partition at positions 1, 2, 3 …, one for each subject named; amounts are the positions. */
export const deliveriesOf = (subjects: readonly string[], { partition = 0, from = 1 }: { partition?: number; from?: number } = {}): Delivery[] => {
  const sequences = new Map<string, number>();
  return subjects.map((subject, place) => {
    const position = from + place;
    const sequence = (sequences.get(subject) ?? 0) + 1;
    sequences.set(subject, sequence);
    return {
      topic,
      partition,
      position,
      previous: position - 1,
      subject,
      message: envelopeOf(position, subject, sequence, { amount: position }),
      nextOffset: position + 1,
    };
  });
};

/** The same deliveries with another message at one position. */
export const withMessage = (deliveries: readonly Delivery[], position: number, message: (envelope: Envelope) => unknown): Delivery[] =>
  deliveries.map((delivery) => (delivery.position === position ? { ...delivery, message: message(delivery.message as Envelope) } : delivery));

/** Positions in the order in which their effects were written, by subject. */
export const effects = async (pool: pg.Pool, schema = 'tally'): Promise<Record<string, number[]>> => {
  const { rows } = await pool.query<{ subject: string; positions: number[] }>(
    `select subject, array_agg(position::int order by id) as positions from ${pg.escapeIdentifier(schema)}.entry group by subject order by subject`,
  );
  return Object.fromEntries(rows.map(({ subject, positions }) => [subject, positions]));
};

export interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: object;
  readonly message: string;
}

export const capturedLog = (): Log & { readonly lines: Line[] } => {
  const lines: Line[] = [];
  const at = (level: Line['level']) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
};

import type { Pool } from 'pg';
import { registryPeople } from '@khue/contracts/events/registry';
import type { Delivery } from './bus.ts';
import type { Tx } from './command.ts';
import { subjectKey, type Verdict } from './sift.ts';

/**
 * How long the payload of a parked card is kept, in days. Cards are personal data and the registry has the newest one; the row stays, so that
 * the subject goes on waiting, and a rebuild of the group brings its card. Parked facts hold no personal data and stay until they are redriven.
 */
export const parkedCardsKeptDays = 30;

/** The reason of a parked card without payload. */
export const payloadExpired = 'payload-expired';

/** A parked event without its payload, which may hold personal data. */
export interface ParkedEvent {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  readonly subject: string;
  /** `behind-parked`, or what the reader or the handler said: codes and paths, never values. */
  readonly reason: string;
  readonly attempts: number;
  readonly parkedAt: string;
}

export interface ParkedFilter {
  readonly group?: string | undefined;
  readonly topic?: string | undefined;
  readonly subject?: string | undefined;
}

// Kafka keys and positions of unreadable messages are a stranger's: text of PostgreSQL takes neither NUL nor half a surrogate pair.
const storable = (text: string): string => text.toWellFormed().replaceAll('\u0000', '\ufffd');

/** Parks events, in the transaction that moves the watermark past them. Parking what is parked changes nothing. */
export const park = async (tx: Tx, group: string, rows: readonly (Verdict & { readonly delivery: Delivery })[]): Promise<void> => {
  if (rows.length === 0) return;
  await tx.query({
    name: 'parking-park',
    text: `insert into messaging.parked (group_name, topic, partition, position, subject, message, reason, attempts)
      select $1, * from unnest($2::text[], $3::int[], $4::bigint[], $5::text[], $6::json[], $7::text[], $8::int[])
      on conflict (group_name, topic, position) do nothing`,
    values: [
      group,
      rows.map(({ delivery }) => delivery.topic),
      rows.map(({ delivery }) => delivery.partition),
      rows.map(({ delivery }) => delivery.position),
      rows.map(({ delivery }) => storable(delivery.subject)),
      rows.map(({ delivery }) => JSON.stringify(delivery.message) ?? 'null'),
      rows.map(({ reason }) => storable(reason)),
      rows.map(({ attempts }) => attempts),
    ],
  });
};

/** Which subjects of the deliveries have a parked event in the group, as `subjectKey`s. To be asked under the lock of the watermarks. */
export const parkedSubjects = async (tx: Tx, group: string, deliveries: readonly Delivery[]): Promise<ReadonlySet<string>> => {
  const distinct = new Map(deliveries.map((delivery) => [`${delivery.topic} ${storable(delivery.subject)}`, delivery]));
  const { rows } = await tx.query<{ topic: string; subject: string }>({
    name: 'parking-subjects',
    text: `select topic, subject from unnest($2::text[], $3::text[]) as wanted (topic, subject)
      where exists (select from messaging.parked p where p.group_name = $1 and p.topic = wanted.topic and p.subject = wanted.subject)`,
    values: [group, [...distinct.values()].map(({ topic }) => topic), [...distinct.values()].map(({ subject }) => storable(subject))],
  });
  const found = new Set(rows.map(subjectKey));
  // Back to the keys as they came: two that can't be told apart in the table wait for each other, which keeps their order.
  return new Set(deliveries.filter(({ topic, subject }) => found.has(subjectKey({ topic, subject: storable(subject) }))).map(subjectKey));
};

/** Takes out what a group has parked of erased persons' cards. */
export const purgeErased = async (tx: Tx, group: string, erased: readonly Delivery[]): Promise<void> => {
  if (erased.length === 0) return;
  await tx.query('delete from messaging.parked where group_name = $1 and topic = $2 and subject = any($3)', [
    group,
    registryPeople,
    erased.map(({ subject }) => storable(subject)),
  ]);
};

/** Parked events whose subject is the person or whose payload names the person's id: the search a data subject may ask for. */
export const parkedOfPerson = async (db: Pool | Tx, personId: string): Promise<readonly ParkedEvent[]> => {
  // Whole table on purpose: parking is small, the question rare, and an index on payloads would keep their words.
  const { rows } = await db.query<ParkedEvent>(
    `${listed} where subject = $1 or position($1 in message::text) > 0 order by group_name, topic, position`,
    [personId],
  );
  return rows;
};

/** Blanks the payloads of cards that were parked too long; answers how many. To be run once a day. */
export const expireParkedCards = async (pool: Pool, now: Date): Promise<number> => {
  const { rowCount } = await pool.query(
    `update messaging.parked set message = 'null', reason = $4
     where topic = $1 and reason <> $4 and parked_at < $2::timestamptz - make_interval(days => $3)`,
    [registryPeople, now.toISOString(), parkedCardsKeptDays, payloadExpired],
  );
  return rowCount ?? 0;
};

const listed = `select group_name as "group", topic, partition, position, subject, reason, attempts, parked_at as "parkedAt" from messaging.parked`;

/** Parked events in the order of their groups, topics and positions, at most `limit`, after a row of the page before. */
export const listParked = async (
  db: Pool | Tx,
  { group, topic, subject }: ParkedFilter = {},
  limit = 1_000,
  after?: Pick<ParkedEvent, 'group' | 'topic' | 'position'>,
): Promise<readonly ParkedEvent[]> => {
  const { rows } = await db.query<ParkedEvent>(
    `${listed} where ($1::text is null or group_name = $1) and ($2::text is null or topic = $2) and ($3::text is null or subject = $3)
      and ($4::text is null or (group_name, topic, position) > ($4, $5, $6::bigint))
     order by group_name, topic, position limit $7`,
    [group, topic, subject, after?.group, after?.topic, after?.position, limit],
  );
  return rows;
};

/** How many events each group has parked (metric `khue_parked_messages`); groups without any are absent. */
export const countParked = async (db: Pool | Tx): Promise<readonly { readonly group: string; readonly messages: number }[]> => {
  const { rows } = await db.query<{ group: string; messages: number }>(
    'select group_name as "group", count(*) as messages from messaging.parked group by group_name order by group_name',
  );
  return rows;
};

import type { Pool } from 'pg';
import { inTransaction } from './database.ts';
import { partitionOf, partitionsPerTopic } from './kafka-partition.ts';
import { relayLease } from './lease.ts';

/** What Kafka has acknowledged of a topic: up to which position, and the last position in each partition. */
export interface Sent {
  readonly position: number;
  readonly partitions: ReadonlyMap<number, number>;
}

/** The topic's own cursor among the rows of its partitions. */
const cursor = -1;

/** Asks for the cursors of several topics. */
export const readSent = async (pool: Pool, topics: readonly string[]): Promise<ReadonlyMap<string, Sent>> => {
  const { rows } = await pool.query<{ topic: string; partition: number; position: number }>({
    name: 'sent-read',
    text: 'select topic, partition, position from messaging.sent where topic = any($1)',
    values: [topics],
  });
  return new Map(
    topics.map((topic) => {
      const own = rows.filter((row) => row.topic === topic);
      return [
        topic,
        {
          position: own.find((row) => row.partition === cursor)?.position ?? 0,
          partitions: new Map(own.filter((row) => row.partition !== cursor).map((row) => [row.partition, row.position])),
        },
      ];
    }),
  );
};

export interface Move {
  readonly topic: string;
  /** Where the cursor must stand: an operator or the next holder of the lease may have moved it. */
  readonly from: number;
  readonly to: number;
  /** Last positions of the partitions that got something. */
  readonly partitions: ReadonlyMap<number, number>;
}

/**
 * Moves cursors behind what was acknowledged, all or none. Answers false when the lease has another term or a cursor stands elsewhere: then they must be read
 * anew. Lazily: what a power cut takes back is sent again, and dropped by the groups.
 */
export const moveSent = async (pool: Pool, term: number, moves: readonly Move[]): Promise<boolean> => {
  const partitions = moves.flatMap((move) => [...move.partitions].map(([partition, position]) => ({ topic: move.topic, partition, position })));
  const { rowCount } = await pool.query({
    name: 'sent-move',
    text: `with lazily as materialized (
        select set_config('synchronous_commit', 'off', true)
      ), wanted as (
        select topic, was, now from unnest($2::text[], $3::bigint[], $4::bigint[]) as wanted (topic, was, now)
      ), locked as materialized (
        select topic, position from messaging.sent where topic = any($2) and partition = ${cursor} order by topic for update
      ), allowed as materialized (
        select from lazily where exists (select 1 from messaging.lease where name = '${relayLease}' and term = $1)
          and not exists (select 1 from wanted left join locked using (topic) where coalesce(locked.position, 0) <> wanted.was)
      )
      insert into messaging.sent as sent (topic, partition, position)
      select topic, ${cursor}, now from wanted, allowed
      union all
      select topic, partition, position from unnest($5::text[], $6::int[], $7::bigint[]) as of_partition (topic, partition, position), allowed
      on conflict (topic, partition) do update set position = excluded.position`,
    values: [
      term,
      moves.map((move) => move.topic),
      moves.map((move) => move.from),
      moves.map((move) => move.to),
      partitions.map((row) => row.topic),
      partitions.map((row) => row.partition),
      partitions.map((row) => row.position),
    ],
  });
  return (rowCount ?? 0) > 0;
};

/**
 * Has everything of a topic above `position` sent again, after Kafka lost what it had acknowledged (it acknowledges before its disk does). Groups drop what they
 * have applied. Safe beside a running relay. Throws when the cursor is not beyond `position`.
 */
export const moveBack = async (pool: Pool, topic: string, position: number): Promise<void> => {
  const partitions = await lastOfPartitions(pool, topic, position);
  await inTransaction(pool, async (tx) => {
    const { rowCount } = await tx.query(`update messaging.sent set position = $2 where topic = $1 and partition = ${cursor} and position > $2`, [
      topic,
      position,
    ]);
    if (rowCount !== 1) throw new Error(`nothing of ${topic} above position ${position} was sent yet: the cursor moves back only`);
    await tx.query(`delete from messaging.sent where topic = $1 and partition <> ${cursor}`, [topic]);
    await tx.query('insert into messaging.sent (topic, partition, position) select $1, * from unnest($2::int[], $3::bigint[])', [
      topic,
      [...partitions.keys()],
      [...partitions.values()],
    ]);
  });
};

const stride = 5_000;

/** The last position at or below `position` in each partition, found by reading the log backwards. */
const lastOfPartitions = async (pool: Pool, topic: string, position: number): Promise<ReadonlyMap<number, number>> => {
  const found = new Map<number, number>();
  for (let below = position + 1; found.size < partitionsPerTopic;) {
    const { rows } = await pool.query<{ position: number; subject: string }>(
      'select position, subject from messaging.log where topic = $1 and position < $2 order by position desc limit $3',
      [topic, below, stride],
    );
    for (const row of rows) {
      const partition = partitionOf(row.subject);
      if (!found.has(partition)) found.set(partition, row.position);
    }
    if (rows.length < stride) return found;
    below = rows.at(-1)?.position ?? 0;
  }
  return found;
};

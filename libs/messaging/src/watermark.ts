import type { Pool } from 'pg';
import type { Delivery, Reached } from './bus.ts';
import type { Tx } from './command.ts';

/** What a group has applied of one partition; `position` null: nothing yet. */
export interface Watermark {
  readonly topic: string;
  readonly partition: number;
  readonly position: number | null;
  readonly nextOffset: number | null;
}

/** How often a handler may end its process before the event at the head is parked. */
export const deaths = {
  /** Starts with the whole batch; after so many that nobody came back from, the events go one by one. */
  whole: 2,
  /**
   * Starts with the same event alone before it is parked. Two: another group's killer in the same process takes down innocents in flight,
   * and the pause before a suspect's start (at random up to `spread` ms) makes it unlikely that this hits the same one twice.
   */
  alone: 2,
  spread: 1_000,
} as const;

/** Names a partition within a group. */
export const partitionKey = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}/${partition}`;

const columns = (deliveries: readonly { readonly topic: string; readonly partition: number }[]): [string[], number[]] => {
  const distinct = [...new Map(deliveries.map((delivery) => [partitionKey(delivery), delivery])).values()];
  return [distinct.map(({ topic }) => topic), distinct.map(({ partition }) => partition)];
};

// A process that dies takes nothing with it that the server had; only the server's own power cut does, and then a count is lost and no event.
const lazily = `lazily as materialized (select set_config('synchronous_commit', 'off', true))`;

/**
 * Counts a start of the handler on each partition, before it starts, in a transaction of its own that doesn't wait for the disk; makes the rows
 * of partitions that are new to the group. Answers the suspects: partitions where several starts of others at this same head never came
 * back, with their number. A suspect isn't counted here but by `countAlone`, when its event really starts.
 */
export const countStarts = async (
  pool: Pool,
  group: string,
  consumer: string,
  deliveries: readonly Delivery[],
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await pool.query<{ topic: string; partition: number; attempts: number; counted: boolean }>({
    name: 'watermark-count-starts',
    text: `with ${lazily}
      insert into messaging.watermark as w (group_name, topic, partition, attempts, attempted_by)
      select $1, topic, partition, 1, $4 from unnest($2::text[], $3::int[]) as given (topic, partition), lazily order by topic, partition
      on conflict (group_name, topic, partition) do update set
        attempts = case when w.attempted_by = $4 then 1 when w.attempts < $5 then w.attempts + 1 else w.attempts end,
        attempted_by = case when w.attempts < $5 then $4 else w.attempted_by end
      returning topic, partition, attempts, attempted_by = $4 as counted`,
    values: [group, ...columns(deliveries), consumer, deaths.whole],
  });
  return new Map(rows.filter((row) => !row.counted).map((row) => [partitionKey(row), row.attempts]));
};

/** Counts the start of a handler with one suspect's event alone; lazily, like `countStarts`. */
export const countAlone = async (pool: Pool, group: string, consumer: string, { topic, partition }: Delivery): Promise<void> => {
  await pool.query({
    name: 'watermark-count-alone',
    text: `with ${lazily}
      update messaging.watermark set attempts = greatest($5, attempts + case when attempted_by = $4 then 0 else 1 end), attempted_by = $4
      from lazily where group_name = $1 and topic = $2 and partition = $3`,
    values: [group, topic, partition, consumer, deaths.whole + 1],
  });
};

/** Takes back this consumer's counts, so that who takes over the partitions doesn't hold a failure of the database for deaths of ours. */
export const uncount = async (pool: Pool, group: string, consumer: string): Promise<void> => {
  await pool.query('update messaging.watermark set attempts = 0 where group_name = $1 and attempted_by = $2 and attempts > 0', [group, consumer]);
};

/** The code of the error of a watermark that went while we waited for it (a rebuild, an operator): the same passes or is counted anew. */
const gone = '40001';

/**
 * Locks the watermarks of the deliveries' partitions until the transaction ends, in one order for all. Who holds them is the only one who
 * applies events of these partitions: a zombie and a redrive wait here.
 */
export const lockWatermarks = async (tx: Tx, group: string, deliveries: readonly Delivery[]): Promise<ReadonlyMap<string, Watermark>> => {
  const wanted = columns(deliveries);
  const { rows } = await tx.query<Watermark>({
    name: 'watermark-lock',
    text: `select topic, partition, position, next_offset as "nextOffset" from messaging.watermark
      where group_name = $1 and (topic, partition) in (select * from unnest($2::text[], $3::int[])) order by topic, partition for update`,
    values: [group, ...wanted],
  });
  if (rows.length !== wanted[0].length) throw Object.assign(new Error('a watermark is gone'), { code: gone });
  return new Map(rows.map((row) => [partitionKey(row), row]));
};

/** Locks all watermarks a group has of a topic. */
export const lockTopic = async (tx: Tx, group: string, topic: string): Promise<void> => {
  await tx.query('select 1 from messaging.watermark where group_name = $1 and topic = $2 order by topic, partition for update', [group, topic]);
};

/**
 * Moves the locked watermarks of the deliveries' partitions to the last fresh one in each, and forgets the counted start: whoever is here came
 * back. That goes for partitions where nothing was fresh too, or redelivery alone would make them suspects.
 */
export const moveWatermarks = async (tx: Tx, group: string, deliveries: readonly Delivery[], fresh: readonly Delivery[]): Promise<void> => {
  const [topics, partitions] = columns(deliveries);
  const last = new Map(fresh.map((delivery) => [partitionKey(delivery), delivery]));
  const moved = topics.map((topic, place) => last.get(partitionKey({ topic, partition: partitions[place] ?? 0 })));
  const { rowCount } = await tx.query({
    name: 'watermark-move',
    text: `update messaging.watermark w set attempts = 0, position = coalesce(n.position, w.position),
        next_offset = case when n.position is null then w.next_offset else n.next_offset end
      from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) as n (topic, partition, position, next_offset)
      where w.group_name = $1 and w.topic = n.topic and w.partition = n.partition`,
    values: [group, topics, partitions, moved.map((delivery) => delivery?.position ?? null), moved.map((delivery) => delivery?.nextOffset ?? null)],
  });
  if (rowCount !== topics.length) throw new Error(`moved ${rowCount} of ${topics.length} watermarks`);
};

/** What the group has durably applied of a partition; undefined: nothing yet. */
export const readReached = async (pool: Pool, group: string, topic: string, partition: number): Promise<Reached | undefined> => {
  const { rows } = await pool.query<Reached>(
    'select position, next_offset as "nextOffset" from messaging.watermark where group_name = $1 and topic = $2 and partition = $3 and position is not null',
    [group, topic, partition],
  );
  return rows[0];
};

/** All watermarks of a group. */
export const readWatermarks = async (pool: Pool | Tx, group: string): Promise<readonly Watermark[]> => {
  const { rows } = await pool.query<Watermark>(
    'select topic, partition, position, next_offset as "nextOffset" from messaging.watermark where group_name = $1 order by topic, partition',
    [group],
  );
  return rows;
};

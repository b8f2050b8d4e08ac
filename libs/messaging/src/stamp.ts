import type { ClientBase, Pool } from 'pg';
import type { Lease } from './lease.ts';

/** What one stamping did. */
export interface StampedBatch {
  readonly rows: number;
  /** Highest id among them; null when there was nothing to stamp. */
  readonly lastId: number | null;
}

/**
 * Gives the first `limit` events without a position, by id above `floor`, the next positions: gapless over the service, and to each the position before
 * it on its topic. One statement in a transaction of the lease, in one round trip. `order by id` keeps the order of each subject, for whoever writes an event
 * holds its subject's row lock until commit. Connections of the lease's pool must know the statement (`knowStamping`).
 */
export const stamp = async (lease: Lease, floor: number, limit: number): Promise<StampedBatch> => {
  const [result] = await lease.transact(`execute relay_stamp(${floor}, ${limit})`);
  const done = result?.rows[0] as StampedBatch | undefined;
  return done ?? { rows: 0, lastId: null };
};

/** Has each connection of a pool learn the stamping statement before its first use. */
export const knowStamping = (pool: Pool): void => {
  Object.assign(pool.options, { onConnect: (client: ClientBase) => client.query(`prepare relay_stamp (bigint, int) as ${stampStatement}`) });
};

/**
 * $1 floor, $2 limit. Rows are found again by their place: joined by id, a plan made for an empty log reads the whole backlog for each batch (6.5 s for
 * 1,000 of 20,000). Nobody else changes rows without a position, so their places hold; were it otherwise, the
 * last line fails, and half a batch doesn't commit with the whole batch's positions. Shown for the test of its plan.
 */
export const stampStatement = `
  with picked as materialized (
    select id, topic, ctid as place from messaging.log where position is null and id > $1 order by id limit $2
  ), numbered as (
    select place, topic, coalesce((select position from messaging.head where topic = '*'), 0) + row_number() over (order by id) as position from picked
  ), chained as materialized (
    select n.place, n.position,
      coalesce(lag(n.position) over (partition by n.topic order by n.position), (select h.position from messaging.head h where h.topic = n.topic), 0) as previous
    from numbered n
  ), stamped as (
    update messaging.log l set position = c.position, previous = c.previous
    from chained c where l.ctid = c.place and l.position is null
    returning l.id, l.topic, l.position
  ), heads as (
    insert into messaging.head (topic, position)
    select coalesce(topic, '*'), max(position) from stamped group by grouping sets ((topic), ()) having count(*) > 0
    on conflict (topic) do update set position = excluded.position
  )
  select case when count(*) = (select count(*) from picked) then count(*) else format('stamped %s only', count(*))::bigint end as rows, max(id) as "lastId" from stamped`;

/**
 * Settings of the relay's own connections. While the log is empty, as at a first start, the planner prefers to read it whole and sort, and keeps that
 * plan: with 200,000 rows waiting that was a third of the rate.
 */
export const plannerSettings = '-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off';

/** Jumps the positions of a service ahead, after its database was restored from a backup: what was announced and then lost keeps its numbers. */
export const jumpAhead = async (pool: Pool, stride = restoreStride): Promise<number> => {
  const { rows } = await pool.query<{ position: number }>(
    `insert into messaging.head as head (topic, position) values ('*', $1) on conflict (topic) do update set position = head.position + $1 returning position`,
    [stride],
  );
  return rows[0]?.position ?? stride;
};

/** More than any service writes between two backups. */
export const restoreStride = 100_000_000;

/**
 * The id below which the log holds no event without a position and never will again. Stamped rows stay in the index of unstamped ones while anyone holds
 * an old snapshot; reading from 0 would step over all of them each time. Ids are drawn before they are committed, so the floor waits for the
 * transactions that were writing to the log when it was chosen; not for old snapshots, or a long report would stop it.
 */
export interface Floor {
  readonly id: () => number;
  /** To be told of each stamping that began after the last `look`. */
  stamped(batch: StampedBatch, limit: number): void;
  /** Asks who is writing; to be called now and then, between stampings. */
  look(): Promise<void>;
  reset(): void;
}

export const createFloor = (pool: Pool): Floor => {
  let floor = 0;
  let highest = 0;
  let candidate: { readonly id: number; readonly writers: readonly string[] } | undefined;
  let clear = 0;
  return {
    id: () => floor,
    stamped: ({ rows, lastId }, limit) => {
      // A full batch may have left events between its last id and the cleared one.
      if (clear > floor) floor = rows < limit ? clear : Math.min(clear, lastId ?? floor);
      highest = Math.max(highest, lastId ?? 0);
    },
    look: async () => {
      if (candidate) {
        const { writers, id } = candidate;
        const now = await writersOf(pool);
        if (writers.some((writer) => now.includes(writer))) return;
        clear = id;
        candidate = undefined;
      }
      if (highest > clear) candidate = { id: highest, writers: await writersOf(pool) };
    },
    reset: () => {
      floor = highest = clear = 0;
      candidate = undefined;
    },
  };
};

const writersOf = async (pool: Pool): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ writer: string }>({
    name: 'log-writers',
    text: `select distinct virtualtransaction as writer from pg_locks
      where locktype = 'relation' and relation = 'messaging.log'::regclass and mode = 'RowExclusiveLock' and pid <> pg_backend_pid()
        and database = (select oid from pg_database where datname = current_database())`,
  });
  return rows.map((row) => row.writer);
};

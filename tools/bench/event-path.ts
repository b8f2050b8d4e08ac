import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { provision } from '@khue/infra/postgres/provision';
import type { Bus, Log } from '@khue/messaging/bus';
import { openPool } from '@khue/messaging/database';
import { createGather } from '@khue/messaging/gather';
import { migrate } from '@khue/messaging/migrate';
import { startRelay } from '@khue/messaging/relay';
import pg from 'pg';
import { consumerTables, counters, effects, group, producerTables, raise, service, topic } from './counters.ts';

/** Two databases, of a service that raises counters and of one that keeps each raise, with rows stored before anything is measured. */
export interface EventPath {
  readonly producerUrl: string;
  readonly consumerUrl: string;
  /** Counters, events in the log and effects there were at the beginning. */
  readonly stored: number;
  asOwner<Row extends pg.QueryResultRow>(side: 'producer' | 'consumer', text: string): Promise<Row[]>;
}

const messagingMigrations = fileURLToPath(new URL('../../libs/messaging/migrations', import.meta.url));

// The id of the n-th counter, scattered over its index, in the form of a UUID of version 8.
const counterId = `overlay(overlay(md5(n::text) placing '8' from 13) placing '8' from 17)::uuid`;

/** Makes both databases on a server and fills them: one counter, event and effect for each row, everything stamped, sent and applied. */
export const openEventPath = async (adminUrl: string, name: string, stored: number, bus: 'embedded' | 'kafka' = 'embedded'): Promise<EventPath> => {
  const sides = { producer: `${name}_producer`, consumer: `${name}_consumer` };
  const secret = () => randomBytes(9).toString('hex');
  const urls = await provision(
    adminUrl,
    Object.values(sides),
    Object.fromEntries(Object.values(sides).map((database) => [database, { owner: secret(), app: secret() }])),
  );
  const asOwner: EventPath['asOwner'] = async (side, text) => {
    const owner = new pg.Client({ connectionString: urls[sides[side]]?.ownerUrl });
    await owner.connect();
    try {
      return (await owner.query(text)).rows;
    } finally {
      await owner.end();
    }
  };
  for (const [side, tables] of [
    ['producer', producerTables],
    ['consumer', consumerTables],
  ] as const) {
    const appRole = `${sides[side]}_app`;
    await migrate({ ownerUrl: urls[sides[side]]?.ownerUrl ?? '', appRole, folders: [messagingMigrations] });
    await asOwner(side, tables.replaceAll('${app}', appRole));
  }
  await asOwner(
    'producer',
    `insert into counter select ${counterId}, 1 from generate_series(1, ${stored}) n;
     insert into messaging.log (topic, subject, sequence, type, version, event_id, time, context, data, position, previous)
     select '${topic}', ${counterId}, 1, '${service}.raised', 1, uuidv7(), now(), '{"correlationid":"c","causationid":"c","actor":"bench"}',
       json_build_object('counterId', ${counterId}, 'value', 1), n, n - 1 from generate_series(1, ${stored}) n;
     insert into messaging.head values ('*', ${stored}), ('${topic}', ${stored});
     insert into messaging.sent values ('${topic}', -1, ${stored})`,
  );
  await asOwner('consumer', `insert into effect (subject, sequence, position) select ${counterId}, 1, n from generate_series(1, ${stored}) n`);
  // On Kafka the group's partitions are empty, and it takes the first message of each as it comes.
  if (bus === 'embedded')
    await asOwner(
      'consumer',
      `insert into messaging.watermark (group_name, topic, partition, position) values ('${group}', '${topic}', 0, ${stored})`,
    );
  for (const side of ['producer', 'consumer'] as const) await asOwner(side, 'vacuum analyze');
  return { producerUrl: urls[sides.producer]?.appUrl ?? '', consumerUrl: urls[sides.consumer]?.appUrl ?? '', stored, asOwner };
};

export const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Commands under way at once: three flushes of 64 and as many that wait. */
const atOnce = 384;

export interface Written {
  readonly firstCommit: number;
  readonly lastCommit: number;
}

/** Raises counters through the flush, as fast as it takes them. Times are those of `performance.now()`. */
export const write = async ({ producerUrl, stored }: EventPath, events: number, committed: () => void): Promise<Written> => {
  const pool = openPool({ url: producerUrl, name: 'bench-writer', max: 5 });
  const failures: unknown[] = [];
  let firstCommit = 0;
  const gather = createGather({
    pool,
    aggregate: counters,
    replayable: () => false,
    committed: () => {
      firstCommit ||= performance.now();
      committed();
    },
    onError: (error) => failures.push(error),
  });
  // Only those that will be raised, far apart in the table: with all million of them in its memory the writer itself was slower, and the figure with it.
  const { rows: ids } = await pool.query<{ id: string }>(
    `select ${counterId} as id from (select 1 + k * 7919 % ${stored} as n from generate_series(0, ${Math.min(events, stored) - 1}::bigint) k) chosen`,
  );
  let left = events;
  // Each as often as the others.
  const next = (n: number): string => ids[n % ids.length]?.id ?? '';
  const clerk = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const answer = await gather.handle(raise(next(left)));
      if (!answer.ok) throw new Error(`a raise was refused: ${answer.code}`, { cause: failures[0] });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, clerk));
  const lastCommit = performance.now();
  await gather.close();
  await pool.end();
  return { firstCommit, lastCommit };
};

export interface Carried extends Written {
  readonly lastEffect: number;
}

/** Who applies the events: `until` resolves when so many more have been applied. */
export interface Appliers {
  until(events: number): Promise<void>;
  stop(): Promise<void>;
}

/** Counts what was applied against what is awaited. */
export const countdown = (): { readonly applied: (events: number) => void; readonly until: Appliers['until'] } => {
  let left = 0;
  let done: () => void = () => undefined;
  return {
    applied: (events) => {
      left -= events;
      if (left <= 0) done();
    },
    until: (events) => {
      left = events;
      return new Promise((resolve) => (done = resolve));
    },
  };
};

/** Applies in this process. */
export const applyHere = async ({ consumerUrl }: EventPath, bus: Bus): Promise<Appliers> => {
  const pool = openPool({ url: consumerUrl, name: 'bench-effects' });
  const { applied, until } = countdown();
  const running = await bus.subscribe(effects(pool, quiet, applied).subscription);
  return {
    until,
    stop: async () => {
      await running.stop();
      await pool.end();
    },
  };
};

/** Writes, relays and applies; ends with the last effect. Throws unless each event has had one effect, in the order of its counter. */
export const carry = async (path: EventPath, events: number, bus: Bus, appliers: Appliers): Promise<Carried> => {
  const relay = await startRelay({ url: path.producerUrl, service, city: 'bench', topics: [topic], bus, holder: 'bench', log: quiet });
  try {
    const done = appliers.until(events);
    const written = await write(path, events, relay.wake);
    await done;
    return { ...written, lastEffect: performance.now() };
  } finally {
    await relay.stop();
  }
};

/** What came of a run's events, against the counters they raised. */
export const lostAndDoubled = async (path: EventPath): Promise<{ readonly lost: number; readonly doubled: number; readonly swapped: number }> => {
  const [effect] = await path.asOwner<{ rows: number; different: number; swapped: number }>(
    'consumer',
    `select count(*)::int as rows, count(distinct (subject, sequence))::int as different, count(*) filter (where sequence < before)::int as swapped
     from (select subject, sequence, lag(sequence) over (partition by subject order by id) as before from effect) ordered`,
  );
  const [counter] = await path.asOwner<{ raised: number }>('producer', 'select sum(value)::int as raised from counter');
  const { rows = 0, different = 0, swapped = 0 } = effect ?? {};
  return { lost: (counter?.raised ?? 0) - different, doubled: rows - different, swapped };
};

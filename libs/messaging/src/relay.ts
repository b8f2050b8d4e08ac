import type { Pool } from 'pg';
import type { Backlog, Bus, Log, Publisher } from './bus.ts';
import { openPool } from './database.ts';
import { holdLease, relayLease, type LeaseOptions } from './lease.ts';
import { countedAtMost, createLogReader } from './log-reader.ts';
import { backoff, createSignal, rest, type Signal } from './signal.ts';
import { createFloor, knowStamping, plannerSettings, stamp } from './stamp.ts';

export interface RelayOptions {
  /** The service's database, as its runtime role. The relay has connections of its own: stamping, lease, reading. */
  readonly url: string;
  readonly service: string;
  readonly city: string;
  /** Topics this service produces. */
  readonly topics: readonly string[];
  readonly bus: Bus;
  /** Unique among processes that run, the same for a process that is started again: host and port it listens on. */
  readonly holder: string;
  readonly log: Log;
  readonly pollMs?: number;
  readonly batch?: number;
  readonly lease?: Pick<LeaseOptions, 'ttlMs' | 'trustMs' | 'heartbeatMs'>;
}

export interface Relay {
  /** Tells that events were committed. Without it they are found within `pollMs`. */
  wake(): void;
  stop(): Promise<void>;
  /** Committed events that have not left the service: without a position, or not acknowledged by the broker. Asks the database; rejects when it is away. */
  unsent(): Promise<Backlog>;
  /** Last position of the service's log. */
  position(): Promise<number>;
  state(): RelayState;
}

export interface RelayState {
  /** Whether this process stamps and sends; at most one of a service does. */
  readonly leading: boolean;
  readonly term: number;
  /** Events stamped since the start. */
  readonly stamped: number;
  /** Instant (ms) since when stamping or sending has been failing, or null. */
  readonly failingSince: number | null;
}

export const relayConnections = 3;
/** Batches of 100 gave 0.6 of the rate. */
const defaultBatch = 1_000;
const lookEveryMs = 2_000;

/**
 * Stamps the log of a service and has the bus carry it, under a lease, until stopped. Whatever fails is tried again; nothing is thrown. A signal from the
 * writers' process wakes it; one poll a second finds what others wrote (NOTIFY on every commit takes a lock that all commits share).
 */
export const startRelay = async (options: RelayOptions): Promise<Relay> => {
  const { service, city, topics, bus, holder, log, pollMs = 1_000, batch = defaultBatch } = options;
  const pool = openPool({ url: relayUrl(options.url), name: `${service}-relay`, max: relayConnections });
  knowStamping(pool);
  const stampSignal = createSignal();
  const sendSignal = createSignal();
  const floor = createFloor(pool);
  const trouble = createTrouble(log, service);
  const stopping = new AbortController();
  const stopped = stopping.signal;
  let stamped = 0;

  const lease = holdLease(pool, {
    name: relayLease,
    holder,
    ...options.lease,
    onChange: (held) => {
      log.info({ service, term: lease.term() }, held ? 'the relay leads' : 'the relay no longer leads');
      stampSignal.wake();
      sendSignal.wake();
    },
    onError: (error) => trouble.failed('lease', error),
  });
  const position = async (): Promise<number> =>
    (await pool.query<{ position: number }>(`select position from messaging.head where topic = '*'`)).rows[0]?.position ?? 0;
  const reader = createLogReader(pool, `khue/${city}/${service}`);
  const publisher: Publisher = await bus.connectProducer({
    service,
    topics,
    log: reader,
    pool,
    term: () => (lease.held() ? lease.term() : null),
    position,
    unsent: () => unsent(pool, floor.id(), publisher),
  });

  const stampAll = async (): Promise<void> => {
    let looked = performance.now();
    for (;;) {
      const done = await stamp(lease, floor.id(), batch);
      floor.stamped(done, batch);
      stamped += done.rows;
      if (done.rows > 0) sendSignal.wake();
      if (done.rows < batch || stopped.aborted || !lease.held()) return;
      if (performance.now() - looked > lookEveryMs) {
        await floor.look();
        looked = performance.now();
      }
    }
  };

  const loop = async (name: string, signal: Signal, pass: () => Promise<void>): Promise<void> => {
    let failures = 0;
    while (!stopped.aborted) {
      try {
        if (lease.held()) {
          await pass();
          trouble.passed(name);
          trouble.passed('lease');
        }
        failures = 0;
      } catch (error) {
        failures += 1;
        // A restored database may have lower ids than the one we knew.
        floor.reset();
        if (!stopped.aborted) trouble.failed(name, error);
      }
      // Writers' wakes don't shorten the wait after a failure, or a database that is away would be asked at their rate.
      await (failures > 0 ? rest(backoff(failures, { mostMs: 1_000 }), stopped) : signal.wait(pollMs));
    }
  };

  let lookedAt = 0;
  const loops = [
    loop('stamping', stampSignal, async () => {
      await stampAll();
      if (performance.now() - lookedAt > lookEveryMs) {
        await floor.look();
        lookedAt = performance.now();
      }
    }),
    loop('sending', sendSignal, () => publisher.publish()),
  ];

  let ended: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort();
    stampSignal.wake();
    sendSignal.wake();
    await publisher.close();
    await Promise.all(loops);
    await lease.release();
    await pool.end();
  };

  return {
    wake: stampSignal.wake,
    stop: () => (ended ??= stop()),
    unsent: () => unsent(pool, floor.id(), publisher),
    position,
    state: () => ({ leading: lease.held(), term: lease.term(), stamped, failingSince: trouble.since() }),
  };
};

/** Connections with the planner's and the lease's settings; a query parameter of the URL overrides what openPool sets. */
export const relayUrl = (url: string): string => {
  const changed = new URL(url);
  changed.searchParams.set('options', `${plannerSettings} -c synchronous_commit=on`);
  // The stamping transaction holds the lease's row; a slow disk must not make the heartbeat give up.
  changed.searchParams.set('lock_timeout', '4000');
  return changed.href.replaceAll('+', '%20');
};

const unsent = async (pool: Pool, floor: number, publisher: Publisher): Promise<Backlog> => {
  const { rows } = await pool.query<{ rows: number; oldest: number }>({
    name: 'relay-unstamped',
    text: `select count(*) as rows, coalesce(extract(epoch from clock_timestamp() - min(time)), 0)::float8 as oldest
      from (select time from messaging.log where position is null and id > $1 order by id limit $2) waiting`,
    values: [floor, countedAtMost],
  });
  const stamped = await publisher.backlog();
  return { rows: (rows[0]?.rows ?? 0) + stamped.rows, oldestSeconds: Math.max(0, rows[0]?.oldest ?? 0, stamped.oldestSeconds) };
};

interface Trouble {
  failed(name: string, error: unknown): void;
  passed(name: string): void;
  since(): number | null;
}

/** Says once that something fails and once that it passed, not at each try. */
const createTrouble = (log: Log, service: string): Trouble => {
  const failing = new Map<string, number>();
  return {
    failed: (name, err) => {
      if (failing.has(name)) return;
      failing.set(name, Date.now());
      log.error({ service, err }, `${name} fails; trying again until it passes`);
    },
    passed: (name) => {
      if (failing.delete(name)) log.info({ service }, `${name} passes again`);
    },
    since: () => (failing.size > 0 ? Math.min(...failing.values()) : null),
  };
};

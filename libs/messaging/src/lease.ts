import type { Pool, QueryResult } from 'pg';

/** Waits of a lease in milliseconds; the holder stops trusting itself (`trust`) well before others may take over (`ttl`). */
export const leaseTimes = { ttlMs: 10_000, trustMs: 7_000, heartbeatMs: 2_000 } as const;

/** The lease under which a service's log is stamped and sent. */
export const relayLease = 'relay';

export interface LeaseOptions {
  readonly name: string;
  /**
   * Who holds it. A holder of the same name takes its own lease over at once, in the next term: so a process that was killed and started
   * again need not wait. Two that run at the same time must have different names (host and port they listen on, for example).
   */
  readonly holder: string;
  readonly ttlMs?: number;
  readonly heartbeatMs?: number;
  readonly trustMs?: number;
  /** Called when the lease was gained (with its term) or can no longer be trusted. */
  readonly onChange?: (held: boolean) => void;
  readonly onError?: (error: unknown) => void;
}

export interface Lease {
  /** Whether this holder may still act, by its own monotonic clock. A process that was frozen finds false when it wakes. */
  held(): boolean;
  /** The term held now or last, 0 before the first. */
  term(): number;
  /**
   * Runs statements (SQL without parameters, `;` between them) in one transaction under the lease, in one round trip: the lease's row is locked first, until the
   * commit. Answers their results. Throws LeaseLost, with nothing written, when the term is another's or has expired by the database's clock.
   */
  transact(statements: string): Promise<readonly QueryResult[]>;
  /** Stops renewing and lets others in at once. */
  release(): Promise<void>;
}

/** What was about to be written under the lease may be another's by now: nothing was written. */
export class LeaseLost extends Error {
  constructor(name: string) {
    super(`the lease ${name} is no longer held`);
    this.name = 'LeaseLost';
  }
}

/**
 * Holds a lease for as long as it can: takes it, renews it, and takes it again after a loss, until released. Not a session lock: a frozen
 * holder keeps that one while its connection lives. What is written under it goes through `transact`.
 */
export const holdLease = (pool: Pool, options: LeaseOptions): Lease => {
  const { name, holder, ttlMs, heartbeatMs, trustMs, onChange, onError } = { ...leaseTimes, ...options };
  let term = 0;
  let trustedUntil = 0;
  let announced = false;
  let stopped = false;
  let next: NodeJS.Timeout | undefined;
  let distrust: NodeJS.Timeout | undefined;

  const held = (): boolean => performance.now() < trustedUntil;
  const announce = (): void => {
    if (announced === held()) return;
    announced = !announced;
    onChange?.(announced);
  };

  const beat = async (): Promise<void> => {
    // Taken before the question is sent: the database sets the end of the lease later than this, so we distrust ourselves first.
    const asked = performance.now();
    const granted = (term > 0 && (await renew(pool, name, term, ttlMs))) || (await take(pool, name, holder, ttlMs));
    if (!granted) {
      trustedUntil = 0;
      return;
    }
    term = granted;
    trustedUntil = asked + trustMs;
    clearTimeout(distrust);
    distrust = setTimeout(announce, trustMs + 1).unref();
  };

  let beating: Promise<void> = Promise.resolve();
  const loop = (): void => {
    beating = beat()
      .catch((error: unknown) => onError?.(error))
      .finally(() => {
        announce();
        if (!stopped) next = setTimeout(loop, heartbeatMs).unref();
      });
  };
  loop();

  return {
    held,
    term: () => term,
    transact: async (statements) => {
      try {
        return await inOneTrip(pool, `${checkIn(name, term)}; ${statements}`);
      } catch (error) {
        if ((error as { code?: unknown }).code !== divisionByZero) throw error;
        trustedUntil = 0;
        announce();
        throw new LeaseLost(name);
      }
    },
    release: async () => {
      stopped = true;
      clearTimeout(next);
      clearTimeout(distrust);
      await beating;
      clearTimeout(next);
      trustedUntil = 0;
      announce();
      if (term === 0) return;
      // Failing is no harm: the lease runs out by itself.
      await pool
        .query('update messaging.lease set expires_at = clock_timestamp() where name = $1 and term = $2', [name, term])
        .catch((error: unknown) => onError?.(error));
    },
  };
};

const divisionByZero = '22012';

// Fails by itself, so that what follows in the same round trip is not done. For update, not for share: a stamping whose client gave up on it may still run on
// the server, under this same term.
const checkIn = (name: string, term: number): string =>
  `select 1 / count(*) from (select from messaging.lease where name = '${name}' and term = ${term} and expires_at > clock_timestamp() for update) held`;

const inOneTrip = async (pool: Pool, statements: string): Promise<readonly QueryResult[]> => {
  const client = await pool.connect();
  let failed = true;
  // An error event without a listener ends the process; the query's own rejection says the same.
  const ignore = (): void => undefined;
  client.on('error', ignore);
  try {
    const results = (await client.query(`begin; ${statements}; commit`)) as unknown as readonly QueryResult[];
    failed = false;
    return results.slice(2, -1);
  } finally {
    client.off('error', ignore);
    // Rather than roll back what failed: the connection may be what failed.
    client.release(failed);
  }
};

// A term that has expired but that nobody took is renewed: nothing was written under another one.
const renew = async (pool: Pool, name: string, term: number, ttlMs: number): Promise<number | undefined> => {
  const { rows } = await pool.query<{ term: number }>({
    name: 'lease-renew',
    text: `update messaging.lease set expires_at = clock_timestamp() + $3 * interval '1 ms' where name = $1 and term = $2 returning term`,
    values: [name, term, ttlMs],
  });
  return rows[0]?.term;
};

const take = async (pool: Pool, name: string, holder: string, ttlMs: number): Promise<number | undefined> => {
  const { rows } = await pool.query<{ term: number }>({
    name: 'lease-take',
    text: `insert into messaging.lease as lease (name, term, holder, expires_at) values ($1, 1, $2, clock_timestamp() + $3 * interval '1 ms')
      on conflict (name) do update set term = lease.term + 1, holder = excluded.holder, expires_at = excluded.expires_at
      where lease.expires_at < clock_timestamp() or lease.holder = excluded.holder
      returning term`,
    values: [name, holder, ttlMs],
  });
  return rows[0]?.term;
};

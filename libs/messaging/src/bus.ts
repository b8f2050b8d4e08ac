import type { Pool } from 'pg';

/** One message as a bus hands it over; `message` is still unread (JSON value), so that a bad one can be parked as it came. */
export interface Delivery {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** The position before this one in its partition, 0 for the first; null where the bus can't know (compacted cards). */
  readonly previous: number | null;
  readonly subject: string;
  /** What the bus says of it beside the message; absent in what an older relay sent, and then the message alone says. */
  readonly type?: string | undefined;
  /** Undefined where the bus did not read it, because nobody in the group hears of its type. */
  readonly message: unknown;
  /** Kafka: the offset to read on from after this message. */
  readonly nextOffset: number | null;
}

export interface Reached {
  readonly position: number;
  readonly nextOffset: number | null;
}

export interface Subscription {
  readonly group: string;
  readonly topics: readonly string[];
  /** The types it hears of; of others the bus need not read the message, only hand over that it came. Absent: all. */
  readonly heard?: ReadonlySet<string> | undefined;
  /** What the group has durably applied, asked at each start, each assignment of a partition and after each failure. */
  readonly reached: (topic: string, partition: number) => Promise<Reached | undefined>;
  /**
   * Applies deliveries of one or more partitions, each partition's in position order, and has committed when it resolves. It may be called
   * again with what it was given before. It never throws for a bad message (it parks); it throws when nothing could be committed
   * (database away), and the bus then waits and offers the same again. Throws HoleFound when events are missing, having
   * committed what comes before and what other partitions brought: the bus then offers the other partitions and looks further on in this one
   * for the missing ones to be sent again. `leaving` tells it to stop between two transactions.
   */
  readonly consume: (batch: readonly Delivery[], leaving?: AbortSignal) => Promise<void>;
}

/** Between what a group has applied and what it is offered, events of the partition are missing. Applying on would hide a loss. */
export class HoleFound extends Error {
  readonly topic: string;
  readonly partition: number;
  /** What the group has applied. */
  readonly reached: number;
  /** The position that should have come before the offered one. */
  readonly previous: number;
  constructor(hole: { topic: string; partition: number; reached: number; previous: number }) {
    super(`${hole.topic}/${hole.partition}: events are missing between positions ${hole.reached} and ${hole.previous}`);
    this.name = 'HoleFound';
    this.topic = hole.topic;
    this.partition = hole.partition;
    this.reached = hole.reached;
    this.previous = hole.previous;
  }
}

/** Where a partition of a group's topics ends now. */
export interface Head {
  readonly topic: string;
  readonly partition: number;
  /** Whether who has applied this much has applied all of it; undefined: nothing yet. */
  readonly isReached: (reached: Reached | undefined) => boolean;
}

export interface RunningSubscription {
  /** Waits for the batch in flight. */
  stop(): Promise<void>;
  /** Messages that exist and that the group, with all its members, has not applied yet; null while the bus can't tell. */
  lag(): Promise<number | null>;
  /** The ends of all partitions of its topics; null while the bus can't tell. */
  heads(): Promise<readonly Head[] | null>;
  /** Instant (ms) since when this consumer has been dead while its broker answers, or null. */
  deadSince(): number | null;
}

/** A stamped event of a service's log, ready to travel. */
export interface Stamped {
  readonly position: number;
  /** The position before it on its topic, 0 for the first. */
  readonly previous: number;
  readonly topic: string;
  readonly subject: string;
  readonly type: string;
  /** The envelope as JSON text, built once and the same on every bus. */
  readonly json: string;
}

/** What a bus reads: the log of a producing service. */
export interface LogReader {
  /** Stamped events of one topic after a position, at most `limit`, in position order. */
  read(topic: string, after: number, limit: number): Promise<readonly Stamped[]>;
  /** The same for who hears of some types only: the envelopes of others are not made, and what they hold does not leave the database. */
  hear(
    topic: string,
    after: number,
    limit: number,
    heard: ReadonlySet<string>,
  ): Promise<readonly (Omit<Stamped, 'json'> & { readonly json?: string })[]>;
  /** The position of a topic's last stamped event, 0 where there is none. */
  head(topic: string): Promise<number>;
  /** What a topic has after a position: how many stamped events, counted up to a bound (see log-reader.ts), and the oldest one's age. */
  backlog(topic: string, after: number): Promise<Backlog>;
}

export interface Bus {
  /**
   * Producing side, called once by each service's relay. Embedded: keeps the reader for groups to pull from. Kafka: sends under the relay's
   * lease. Does not wait for a broker: services start while it is away.
   */
  connectProducer(producer: Producer): Promise<Publisher>;
  /** Resolves at once; a missing topic or broker is waited for in the background. */
  subscribe(subscription: Subscription): Promise<RunningSubscription>;
  /** What runs on this bus in this process. */
  producers(): readonly Producer[];
  subscriptions(): readonly RunningSubscription[];
  close(): Promise<void>;
}

export interface Producer {
  readonly service: string;
  readonly topics: readonly string[];
  readonly log: LogReader;
  /** Kafka keeps its cursor in the producer's database, moved by the holder of the lease only. */
  readonly pool: Pool;
  /** The term of the lease under which to send, null while another holds it. */
  readonly term: () => number | null;
  /** Last position of the service's log. */
  readonly position: () => Promise<number>;
  /** Committed events that have not left the service. */
  readonly unsent: () => Promise<Backlog>;
}

export interface Publisher {
  /**
   * Embedded: wakes the groups. Kafka: sends what is stamped and not sent, in position order; resolves when all is acknowledged and the cursor has
   * moved, rejects when the broker is away: call it again.
   */
  publish(): Promise<void>;
  /** Stamped events of these topics that still have to leave the service, counted up to a bound, and the oldest one's age. */
  backlog(): Promise<Backlog>;
  close(): Promise<void>;
}

export interface Backlog {
  readonly rows: number;
  readonly oldestSeconds: number;
}

/** Where buses and relays write; pino's logger is one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

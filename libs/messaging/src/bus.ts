import type { Envelope } from '@khue/contracts/envelope';

/** One message as a bus hands it over; `message` is still unread (JSON value), so that a bad one can be parked as it came. */
export interface Delivery {
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** The position before this one in its partition, 0 for the first; null where the bus can't know (compacted cards). */
  readonly previous: number | null;
  readonly subject: string;
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
  /** What the group has durably applied, asked at each start and each assignment of a partition. */
  readonly reached: (topic: string, partition: number) => Promise<Reached | undefined>;
  /**
   * Applies deliveries of one or more partitions, each partition's in position order, and has committed when it resolves. It may be called
   * again with what it was given before. It never throws for a bad message (it parks); it throws when nothing could be committed
   * (database away), and the bus then waits and offers the same again.
   */
  readonly consume: (batch: readonly Delivery[]) => Promise<void>;
}

export interface RunningSubscription {
  stop(): Promise<void>;
  /** Messages that exist and were not applied yet; null while the bus can't tell. */
  lag(): Promise<number | null>;
  /** Instant (ms) since when this consumer has been dead while its broker answers, or null. */
  deadSince(): number | null;
}

/** A stamped event of a service's log, ready to travel. */
export interface Stamped {
  readonly position: number;
  readonly previous: number;
  readonly topic: string;
  readonly subject: string;
  readonly message: Envelope;
}

/** What the embedded bus reads: the log of a producing service. */
export interface LogReader {
  /** Stamped events of one topic after a position, at most `limit`, in position order. */
  read(topic: string, after: number, limit: number): Promise<readonly Stamped[]>;
  head(topic: string): Promise<number>;
}

export interface Bus {
  /**
   * Producing side. Embedded: keeps the reader for groups to pull from. Kafka: creates the service's declared topics, sends in position order
   * under the relay's lease and moves its cursor. Called once by each service's relay.
   */
  connectProducer(producer: Producer): Promise<Publisher>;
  subscribe(subscription: Subscription): Promise<RunningSubscription>;
  close(): Promise<void>;
}

export interface Producer {
  readonly service: string;
  readonly topics: readonly string[];
  readonly log: LogReader;
}

export interface Publisher {
  /** Embedded: wakes the groups. Kafka: sends what is stamped and not sent; resolves when acknowledged and the cursor has moved. */
  publish(): Promise<void>;
  close(): Promise<void>;
}

import {
  HoleFound,
  type Bus,
  type Delivery,
  type Head,
  type Log,
  type LogReader,
  type Producer,
  type RunningSubscription,
  type Subscription,
} from './bus.ts';
import { backoff, createSignal, rest } from './signal.ts';

export interface EmbeddedBusOptions {
  readonly log: Log;
  /** How often a group looks by itself, should a wake be missing. */
  readonly pollMs?: number;
  /** Most events in one call of `consume`. */
  readonly batch?: number;
}

/** A topic as one group reads it. */
interface Reading {
  readonly topic: string;
  position: number | undefined;
  /** There may be more to read. */
  due: boolean;
  /** Monotonic time before which the topic rests, after a hole. */
  restUntil: number;
}

/**
 * The bus inside one process: there is no transport. Each group pulls what lies above its position from the log of the producing service; publishing
 * only wakes it. So a slow or failing group delays itself only, a new one starts at the beginning, and nothing can be lost between two stores.
 */
export const embeddedBus = (options: EmbeddedBusOptions): Bus => {
  const logs = new Map<string, LogReader>();
  const producers = new Set<Producer>();
  const groups = new Set<EmbeddedGroup>();
  const wake = (topics: readonly string[]): void => groups.forEach((group) => group.wake(topics));
  return {
    connectProducer: async (producer) => {
      const { service, topics, log } = producer;
      // Two replicas share a log; another service's would take the topic's place, and its readers would see an empty one.
      const owner = [...producers].find((one) => one.service !== service && one.topics.some((topic) => topics.includes(topic)));
      if (owner) throw new Error(`${service} can't produce ${topics.join(', ')}: ${owner.service} does`);
      producers.add(producer);
      for (const topic of topics) logs.set(topic, log);
      wake(topics);
      return {
        publish: async () => wake(topics),
        // What has a position has arrived: groups read the log itself.
        backlog: async () => ({ rows: 0, oldestSeconds: 0 }),
        close: async () => {
          producers.delete(producer);
          for (const topic of topics) {
            if (logs.get(topic) !== log) continue;
            // Another relay of the service goes on with the same log.
            const other = [...producers].find((one) => one.topics.includes(topic));
            if (other) logs.set(topic, other.log);
            else logs.delete(topic);
          }
          wake(topics);
        },
      };
    },
    subscribe: async (subscription) => {
      const running = startGroup(subscription, (topic) => logs.get(topic), options);
      const group: EmbeddedGroup = { ...running, stop: () => running.stop().finally(() => groups.delete(group)) };
      groups.add(group);
      return group;
    },
    producers: () => [...producers],
    subscriptions: () => [...groups],
    close: async () => {
      await Promise.all([...groups].map((group) => group.stop()));
    },
  };
};

interface EmbeddedGroup extends RunningSubscription {
  wake(topics: readonly string[]): void;
}

type LogOf = (topic: string) => LogReader | undefined;

const startGroup = (subscription: Subscription, logOf: LogOf, options: EmbeddedBusOptions): EmbeddedGroup => {
  const { log, pollMs = 1_000, batch = 1_000 } = options;
  const { group } = subscription;
  const readings = subscription.topics.map((topic): Reading => ({ topic, position: undefined, due: true, restUntil: 0 }));
  const signal = createSignal();
  const stopping = new AbortController();
  const stopped = stopping.signal;

  /** One round over the topics that are due. Returns whether there was something. */
  const pull = async (): Promise<boolean> => {
    const due = readings.filter((reading) => reading.due && reading.restUntil <= performance.now());
    const limit = Math.max(1, Math.floor(batch / Math.max(1, due.length)));
    const read = await Promise.all(due.map((reading) => readNext(reading, subscription, logOf, limit)));
    const offered = read.flat();
    if (offered.length === 0 || stopped.aborted) return false;
    try {
      await subscription.consume(offered, stopped);
    } catch (error) {
      if (!(error instanceof HoleFound)) throw error;
      // The other topics are offered again at once, without this one.
      for (const reading of due) Object.assign(reading, { position: undefined, due: true });
      // The consumer has said so. It is asked again now and then, for the missing may come back.
      for (const reading of due) if (reading.topic === error.topic) reading.restUntil = performance.now() + holeRestMs;
      return true;
    }
    for (const { topic, position } of offered) {
      const reading = due.find((candidate) => candidate.topic === topic);
      if (reading) reading.position = position;
    }
    return true;
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!stopped.aborted) {
      try {
        const more = await pull();
        if (failures > 0) log.info({ group }, 'the group goes on');
        failures = 0;
        if (more) continue;
      } catch (err) {
        failures += 1;
        if (failures === 1 && !stopped.aborted) log.error({ group, err }, 'the group could not apply anything; trying again until it can');
        // The failure may have come after the commit: ask again what was reached.
        for (const reading of readings) Object.assign(reading, { position: undefined, due: true });
      }
      if (failures > 0) await rest(backoff(failures), stopped);
      else if (!stopped.aborted && (await signal.wait(pollMs)) === 'timeout') readings.forEach((reading) => (reading.due = true));
    }
  };
  const running = run();

  return {
    wake: (topics) => {
      for (const reading of readings) if (topics.includes(reading.topic)) reading.due = true;
      signal.wake();
    },
    stop: async () => {
      stopping.abort();
      signal.wake();
      await running;
    },
    lag: async () => {
      const each = await Promise.all(
        readings.map(async ({ topic, position }) => logOf(topic)?.backlog(topic, position ?? (await subscription.reached(topic, 0))?.position ?? 0)),
      );
      return each.reduce((sum, backlog) => sum + (backlog?.rows ?? 0), 0);
    },
    heads: async () => {
      const logs = readings.map(({ topic }) => ({ topic, log: logOf(topic) }));
      const each = logs.map(async ({ topic, log }): Promise<Head | null> => {
        const head = await log?.head(topic);
        return head === undefined ? null : { topic, partition: 0, isReached: (reached) => (reached?.position ?? 0) >= head };
      });
      const heads = (await Promise.all(each)).filter((head) => head !== null);
      // A producer that isn't here yet may have much to tell.
      return heads.length === logs.length ? heads : null;
    },
    // It lives and dies with its process.
    deadSince: () => null,
  };
};

const readNext = async (reading: Reading, subscription: Subscription, logOf: LogOf, limit: number): Promise<readonly Delivery[]> => {
  // First, so that a wake during the read is not lost. A topic whose producer is not here yet is woken when it comes.
  reading.due = false;
  const log = logOf(reading.topic);
  if (!log) return [];
  reading.position ??= (await subscription.reached(reading.topic, 0))?.position ?? 0;
  const { heard } = subscription;
  const from = reading.position;
  const read = (): ReturnType<LogReader['hear']> => (heard ? log.hear(reading.topic, from, limit, heard) : log.read(reading.topic, from, limit));
  const events = await read().catch((error: unknown) => {
    // The producer has left meanwhile and closed its database.
    if (logOf(reading.topic) !== log) return [];
    throw error;
  });
  if (events.length === limit) reading.due = true;
  return events.map(({ topic, position, previous, subject, type, json }) => ({
    topic,
    partition: 0,
    position,
    previous,
    subject,
    type,
    message: json === undefined ? undefined : (JSON.parse(json) as unknown),
    nextOffset: null,
  }));
};

const holeRestMs = 1_000;

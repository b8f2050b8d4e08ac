import { createRequire } from 'node:module';
import kafkajs, { type Admin, type Consumer, type EachBatchPayload, type Kafka, type Producer } from 'kafkajs';
import type { Log } from './bus.ts';

// The one file that imports kafkajs (no longer maintained): its settings and its traps are here, each as measured.

export type { Admin, Consumer, EachBatchPayload, Producer };

export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly log: Log;
}

export interface KafkaClient {
  admin(): Admin;
  producer(): Producer;
  consumer(groupId: string): Consumer;
}

/** Asks the broker; rejects when it doesn't answer within `ms`. */
export type WithAdmin = <T>(work: (admin: Admin) => Promise<T>, ms?: number) => Promise<T>;

/** Every wait on a broker, in milliseconds. A frozen one accepts and says nothing. */
export const kafkaWaits = {
  connect: 3_000,
  request: 10_000,
  session: 10_000,
  heartbeat: 3_000,
  fetch: 500,
  ask: 5_000,
  send: 15_000,
  leave: 5_000,
} as const;

/** As many partitions of one fetch are handed over at the same time: all that a group can be assigned. */
export const partitionsAtOnce = 256;

/**
 * Retries inside the library. A consumer that was cut off comes back as the same member, without waiting for its old session to end: with the defaults 31 s after the
 * port of a broker that was away for 60 s. Sending gives up soon instead: its caller makes a new producer and reads the cursor again.
 */
const patient = { retries: 600, initialRetryTime: 250, maxRetryTime: 1_000 };
const brief = { retries: 4, initialRetryTime: 100, maxRetryTime: 500 };

export const kafkaClient = ({ brokers, clientId, log }: KafkaOptions): KafkaClient => {
  restWhenIdle();
  const logCreator = quietly(log);
  const open = (retry: typeof brief): Kafka =>
    new kafkajs.Kafka({
      brokers: [...brokers],
      clientId,
      connectionTimeout: kafkaWaits.connect,
      requestTimeout: kafkaWaits.request,
      retry,
      logLevel: kafkajs.logLevel.ERROR,
      logCreator,
    });
  return {
    admin: () => open(brief).admin(),
    producer: () =>
      open(brief).producer({
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
        retry: brief,
      }),
    // A client each: clients keep the committed offsets of a group they once saw.
    consumer: (groupId) =>
      open(patient).consumer({
        groupId,
        sessionTimeout: kafkaWaits.session,
        heartbeatInterval: kafkaWaits.heartbeat,
        rebalanceTimeout: 30_000,
        maxWaitTimeInMs: kafkaWaits.fetch,
        maxBytesPerPartition: 262_144,
        allowAutoTopicCreation: false,
        // Some errors would kill it for good without asking here, so it never restarts itself: its supervisor makes a new one.
        retry: { ...patient, restartOnFailure: async () => false },
      }),
  };
};

/** A broker that is away makes the library say so at each of its tries, in many words; once a minute is enough. What matters its callers tell in our own. */
const quietly = (log: Log): kafkajs.logCreator => {
  const said = new Map<string, number>();
  return () =>
    ({ namespace, log: { message } }) => {
      // A broker that is starting refuses like this for a second; whoever asked tries again and tells when it can't.
      if (message.startsWith('Response ')) return;
      const kind = /connect|timed out|broker/i.test(message) ? 'connection' : `${namespace} ${message.replaceAll(/\d+/g, '')}`;
      if (performance.now() - (said.get(kind) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
      said.set(kind, performance.now());
      const fields = { kafka: `${namespace}: ${message}` };
      if (message.startsWith('Offset out of range'))
        log.error(fields, 'events a group has to read next are gone from Kafka; reading again from the earliest there is');
      else log.warn(fields, 'the Kafka client says');
    };
};

interface RequestQueue {
  pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
  readonly restsWhenIdle?: true;
}

/** Without this each connection runs a timer every millisecond, also with nothing to send: 5 % of a core for an idle service, 1 % with it. */
const restWhenIdle = (): void => {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue };
  if (prototype.restsWhenIdle) return;
  const schedule = prototype.scheduleCheckPendingRequests;
  Object.defineProperty(prototype, 'restsWhenIdle', { value: true });
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
};

/** Where a partition begins and ends now, as offsets. */
export interface Bounds {
  readonly partition: number;
  readonly low: number;
  readonly high: number;
}

export const boundsOf = async (admin: Admin, topic: string): Promise<readonly Bounds[]> =>
  (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));

/** Answers `work`, or rejects when it takes longer; the library would retry for many times as long. What it still does afterwards is nobody's concern. */
export const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Kafka did not answer within ${ms} ms`)), ms);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
};

/** Waits for `work`, whatever comes of it, but not longer. */
export const atMost = async (ms: number, work: Promise<unknown>): Promise<void> => {
  await within(ms, work).catch(() => undefined);
};

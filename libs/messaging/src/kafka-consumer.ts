import type { Head, Log, RunningSubscription, Subscription } from './bus.ts';
import { boundsOf, kafkaWaits, type Bounds, type KafkaClient, type WithAdmin } from './kafka-client.ts';
import { watchLife } from './kafka-life.ts';
import { takeSeat, type Seat } from './kafka-seat.ts';
import { ensureTopics, isCompacted } from './kafka-topics.ts';
import { backoff, rest } from './signal.ts';
import type { TopicDeclaration } from './topics.ts';

export interface KafkaGroupOptions {
  readonly client: KafkaClient;
  readonly admin: WithAdmin;
  readonly declared: readonly TopicDeclaration[];
  readonly log: Log;
}

/** Runs one group until stopped, whatever becomes of brokers, topics and the library's consumer. */
export const startKafkaGroup = (subscription: Subscription, { client, admin, declared, log }: KafkaGroupOptions): RunningSubscription => {
  const { group, topics } = subscription;
  const stopping = new AbortController();
  const stopped = stopping.signal;
  const stop = once(stopped);
  let seat: Seat | undefined;
  let replace: () => void = () => undefined;
  const life = watchLife({ probe: () => admin((each) => each.describeCluster()), onDead: () => replace() });

  /** From joining the group to leaving it. Answers whether it was joined at all. */
  const sit = async (): Promise<boolean> => {
    // Before subscribing: the library's start throws when a topic isn't there.
    await admin((each) => ensureTopics(each, topics, declared), kafkaWaits.send);
    if (stopped.aborted) return false;
    const taken = (seat = takeSeat(subscription, { client, admin, log, compacted: (topic) => isCompacted(declared, topic), alive: life.sign }));
    try {
      await Promise.race([taken.ended, stop, new Promise<void>((resolve) => (replace = resolve))]);
    } finally {
      await taken.leave();
      seat = undefined;
    }
    return taken.joined();
  };

  const run = async (): Promise<void> => {
    for (let failures = 0; !stopped.aborted;) {
      const joined = await sit().catch((err: unknown) => {
        if (failures === 0 && !stopped.aborted) log.warn({ group, err }, 'the group is not reading; trying again until it does');
        return false;
      });
      failures = joined ? 1 : failures + 1;
      await rest(backoff(failures, { firstMs: 250, mostMs: 1_000 }), stopped);
    }
  };
  const running = run();

  return {
    stop: async () => {
      stopping.abort();
      await running;
      life.close();
    },
    lag: async () => {
      const places = seat?.standings();
      if (!places) return null;
      const mine = new Map(places.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]));
      // Of the whole group: while members come and go, some partitions are nobody's.
      const behind = async (topic: string, { partition, low, high }: Bounds): Promise<number> =>
        Math.max(0, high - (mine.get(`${topic}/${partition}`) ?? (await subscription.reached(topic, partition))?.nextOffset ?? low));
      const lagOf = async (topic: string): Promise<number> =>
        sum(await Promise.all((await admin((each) => boundsOf(each, topic))).map((end) => behind(topic, end))));
      return Promise.all(topics.map(lagOf)).then(sum, () => null);
    },
    heads: () => {
      const of = async (topic: string): Promise<Head[]> =>
        (await admin((each) => boundsOf(each, topic))).map(({ partition, low, high }) => ({
          topic,
          partition,
          isReached: (reached) => high === low || (reached?.nextOffset ?? 0) >= high,
        }));
      return Promise.all(topics.map(of)).then(
        (each) => each.flat(),
        () => null,
      );
    },
    deadSince: () => life.deadSince(),
  };
};

const once = (signal: AbortSignal): Promise<void> => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

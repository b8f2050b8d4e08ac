import type { Bus, Producer, RunningSubscription } from './bus.ts';
import { atMost, kafkaClient, kafkaWaits, within, type Admin, type KafkaClient, type KafkaOptions, type WithAdmin } from './kafka-client.ts';
import { startKafkaGroup } from './kafka-consumer.ts';
import { kafkaPublisher } from './kafka-publisher.ts';
import { topics as declaredTopics, type TopicDeclaration } from './topics.ts';

export interface KafkaBusOptions extends KafkaOptions {
  /** Topics that may be created; those of the services unless a test has its own. */
  readonly declared?: readonly TopicDeclaration[];
}

/** The bus of several processes: relays send to Apache Kafka, groups are its consumer groups. */
export const kafkaBus = ({ declared = declaredTopics, ...options }: KafkaBusOptions): Bus => {
  const client = kafkaClient(options);
  const { admin, close } = sharedAdmin(client);
  const producers = new Set<Producer>();
  const groups = new Set<RunningSubscription>();
  return {
    connectProducer: async (producer) => {
      producers.add(producer);
      const publisher = kafkaPublisher(producer, { client, admin, declared });
      return { ...publisher, close: () => publisher.close().finally(() => producers.delete(producer)) };
    },
    subscribe: async (subscription) => {
      const running = startKafkaGroup(subscription, { client, admin, declared, log: options.log });
      const group: RunningSubscription = { ...running, stop: () => running.stop().finally(() => groups.delete(group)) };
      groups.add(group);
      return group;
    },
    producers: () => [...producers],
    subscriptions: () => [...groups],
    close: async () => {
      await Promise.all([...groups].map((group) => group.stop()));
      await close();
    },
  };
};

/** One connection for questions about topics and offsets, made when needed and anew after a failure. */
const sharedAdmin = (client: KafkaClient): { admin: WithAdmin; close: () => Promise<void> } => {
  let open: Promise<Admin> | undefined;
  const connect = async (): Promise<Admin> => {
    const admin = client.admin();
    await admin.connect();
    return admin;
  };
  const drop = async (which: Promise<Admin> | undefined): Promise<void> => {
    if (open === which) open = undefined;
    const admin = await which?.catch(() => undefined);
    if (admin) await atMost(kafkaWaits.leave, admin.disconnect());
  };
  return {
    admin: async (work, ms = kafkaWaits.ask) => {
      const mine = (open ??= connect());
      try {
        return await within(ms, mine.then(work));
      } catch (error) {
        void drop(mine);
        throw error;
      }
    },
    close: () => atMost(kafkaWaits.leave, drop(open)),
  };
};

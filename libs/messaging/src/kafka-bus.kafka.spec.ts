import { busBreakage } from '@khue/testing/bus-breakage';
import { busContract, type BusKind } from '@khue/testing/bus-contract';
import { openBusTrial, upTo, type BusTrial } from '@khue/testing/bus-trial';
import { eventually } from '@khue/testing/eventually';
import { describeOnKafka } from '@khue/testing/kafka';
import { keptLog, type KeptLog } from '@khue/testing/messaging';
import { settled } from '@khue/testing/settled';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HoleFound, type Bus } from './bus.ts';
import { embeddedBus } from './embedded-bus.ts';
import { kafkaBus } from './kafka-bus.ts';
import { kafkaClient, type Admin, type Producer } from './kafka-client.ts';
import { partitionOf, partitionsPerTopic } from './kafka-partition.ts';
import { ensureTopics } from './kafka-topics.ts';
import { moveBack } from './sent.ts';

const declare = (name: string) => ({ name, partitions: partitionsPerTopic, config: { 'cleanup.policy': 'delete', 'retention.ms': '-1' } });

describeOnKafka('on Apache Kafka', (brokers) => {
  const client = kafkaClient({ brokers, clientId: 'contract', log: keptLog() });
  const open = (services: readonly string[], log: KeptLog): Bus =>
    kafkaBus({ brokers, clientId: 'contract', log, declared: services.map((service) => declare(`khue.${service}.facts`)) });
  const withAdmin = async (work: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = client.admin();
    await admin.connect();
    await work(admin).finally(() => admin.disconnect());
  };
  /** Takes the first records of the subject's partition away. */
  const deleteUpTo = (topic: string, subject: string, offset: number): Promise<void> =>
    withAdmin(async (admin) => {
      // The library deletes only in topics it has looked at.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: partitionOf(subject), offset: String(offset) }] });
    });

  const kind: BusKind = {
    brokers,
    open,
    // All of it is about one subject, so offsets in its partition are positions less one.
    lose: (_, topic, position) => deleteUpTo(topic, 'a', position),
    mend: (producer, topic, position) => moveBack(producer.pool, topic, position - 1),
  };
  busContract(kind);
  busBreakage(kind);

  describe('alone', () => {
    let trial: BusTrial;
    beforeEach(async () => {
      trial = await openBusTrial(open);
    });
    afterEach(() => trial.close());

    const send = async (work: (producer: Producer) => Promise<unknown>): Promise<void> => {
      const producer = client.producer();
      await producer.connect();
      await work(producer).finally(() => producer.disconnect());
    };

    test('one declaration makes one topic, however many processes start at once', async () => {
      await Promise.all(Array.from({ length: 20 }, () => withAdmin((admin) => ensureTopics(admin, [trial.topic], [declare(trial.topic)]))));
      await withAdmin(async (admin) => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [trial.topic] });
        expect(topics[0]?.partitions.length).toBe(partitionsPerTopic);
        await expect(ensureTopics(admin, [`${trial.topic}x`], [])).rejects.toThrow('neither there nor declared');
      });
    });

    test('topics that are neither there nor declared keep nobody from starting and typing: relay and group go on when they appear', async () => {
      const undeclared = await openBusTrial((_, log) => kafkaBus({ brokers, clientId: 'contract', log, declared: [] }));
      try {
        const relay = await undeclared.startRelay();
        const group = await undeclared.join('one');
        for (let n = 0; n < 5; n += 1) await undeclared.happen('a', 'b', `s-${n}`);
        await eventually(() => expect(relay.state().failingSince).not.toBeNull());
        await eventually(async () => expect((await relay.unsent()).rows).toBe(15));
        await eventually(() => expect(relay.state()).toMatchObject({ leading: true, stamped: 15 }));
        expect(group.deadSince()).toBeNull();
        expect(await undeclared.effects('one')).toBe(0);
        await withAdmin((admin) => ensureTopics(admin, [undeclared.topic], [declare(undeclared.topic)]));
        await settled(undeclared.bus);
        await undeclared.happen('a');
        await settled(undeclared.bus);
        await undeclared.expectAllOnceInOrder('one');
        expect(relay.state().failingSince).toBeNull();
      } finally {
        await undeclared.close();
      }
    });

    test('each event lies in the partition of its subject, sent by a producer whose repetitions the broker knows', async () => {
      await trial.startRelay();
      await trial.happen(...Array.from({ length: 100 }, (_, n) => `s-${n}`));
      await eventually(async () => expect((await trial.bus.producers()[0]?.unsent())?.rows).toBe(0));
      const found: { subject: string; partition: number; isIdempotent: boolean }[] = [];
      const consumer = client.consumer(`${trial.service}-reader`);
      await consumer.connect();
      try {
        await consumer.subscribe({ topic: trial.topic, fromBeginning: true });
        await consumer.run({
          eachMessage: async ({ partition, message }) => {
            // A number that the broker gave the producer; -1 without idempotence.
            const { producerId } = (message as typeof message & { batchContext: { producerId: string } }).batchContext;
            found.push({ subject: String(message.key), partition, isIdempotent: Number(producerId) >= 0 });
          },
        });
        await eventually(() => expect(found.length).toBe(100));
      } finally {
        await consumer.disconnect();
      }
      expect(found).toEqual(found.map(({ subject }) => ({ subject, partition: partitionOf(subject), isIdempotent: true })));
    });

    test('what several partitions hold is applied in one transaction', async () => {
      await trial.startRelay();
      const partitions: number[] = [];
      await trial.happen(...Array.from({ length: 300 }, (_, n) => `s-${n}`));
      await trial.join('one', (subscription) => ({
        ...subscription,
        consume: async (batch) => {
          await subscription.consume(batch);
          partitions.push(new Set(batch.map(({ partition }) => partition)).size);
        },
      }));
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
      expect(Math.max(...partitions)).toBe(partitionsPerTopic);
    });

    test('a message that no relay of ours sent is passed over, loudly', async () => {
      await trial.startRelay();
      await trial.join('one');
      await trial.happen('a');
      await settled(trial.bus);
      await send((producer) => producer.send({ topic: trial.topic, messages: [{ key: 'a', value: 'no event' }] }));
      await trial.happen('a');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
      expect(trial.log.lines.filter((line) => line.level === 'error').map((line) => line.message)).toEqual([
        'a message that no relay of ours sent: passed over',
      ]);
    });

    test('what a relay of before the header of the type has sent is read as before', async () => {
      await withAdmin((admin) => ensureTopics(admin, [trial.topic], [declare(trial.topic)]));
      const said = (position: number) => ({ position: String(position), previous: String(position - 1) });
      const messages = [
        { key: 'a', value: 'no event', headers: { ...said(1), type: `${trial.service}.unheard` } },
        { key: 'a', value: 'no event', headers: said(2) },
      ];
      await send((producer) => producer.send({ topic: trial.topic, messages: messages.map((each) => ({ ...each, partition: partitionOf('a') })) }));
      await trial.join('one');
      await eventually(async () => expect((await trial.parked('one')).map(({ position }) => position)).toEqual([2]));
    });

    test('a bug that ends the consumer of the library for good costs a new consumer and nothing else', async () => {
      await trial.startRelay();
      const { log } = trial;
      const { error } = log;
      // A TypeError in the handler itself, outside of what the group does.
      let bugs = 1;
      log.error = (fields, message) => {
        error(fields, message);
        if (bugs-- > 0) throw new TypeError('a bug of ours');
      };
      await trial.join('one');
      await trial.happen('a');
      await settled(trial.bus);
      await send((producer) => producer.send({ topic: trial.topic, messages: [{ key: 'a', value: 'no event' }] }));
      await eventually(() => expect(log.lines.map((line) => line.message)).toContain('the consumer ended; making a new one'));
      await trial.happen('a', 'b');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
    });

    test('a group whose next events are gone while it runs reads from the earliest, never from the end, and says so', async () => {
      await trial.startRelay();
      const gate = Promise.withResolvers<void>();
      await trial.join('one', (subscription) => ({ ...subscription, consume: (batch) => gate.promise.then(() => subscription.consume(batch)) }));
      await trial.happen('a');
      await eventually(async () => expect((await trial.bus.subscriptions()[0]?.lag()) ?? 0).toBe(1));
      await trial.happen('a', 'a', 'a', 'a');
      await eventually(async () => expect((await trial.bus.producers()[0]?.unsent())?.rows).toBe(0));
      await deleteUpTo(trial.topic, 'a', 3);
      gate.resolve();
      await eventually(() =>
        expect(trial.log.lines.some((line) => line.level === 'error' && line.message.includes('reading again from the earliest'))).toBe(true),
      );
      expect(await trial.applied('one', 'a')).toEqual([1]);
      await moveBack(trial.producer.pool, trial.topic, 1);
      await settled(trial.bus);
      expect(await trial.applied('one', 'a')).toEqual(upTo(5));
    });

    test('a log with an event missing is not sent on behind it, loudly', async () => {
      const stamping = embeddedBus({ log: trial.log });
      const relay = await trial.startRelay({ bus: stamping });
      await trial.happen('a', 'b', 'c');
      await eventually(async () => expect(await relay.unsent()).toEqual({ rows: 0, oldestSeconds: 0 }));
      await relay.stop();
      await trial.producer.asOwner('delete from messaging.log where position = 2');
      await trial.startRelay();
      await trial.join('one');
      await eventually(() => expect(trial.log.lines.filter((line) => line.fields.err instanceof HoleFound).length).toBe(1));
      await eventually(async () => expect(await trial.effects('one')).toBe(1));
    });

    test('two members share a group, and when one leaves the other goes on with its partitions', async () => {
      await trial.startRelay();
      const write = async (): Promise<void> => {
        for (let n = 0; n < 30; n += 1) await trial.happen(`s-${n % 11}`, `s-${n % 13}`);
      };
      const first = await trial.join('one');
      await write();
      await trial.join('one');
      await write();
      await settled(trial.bus);
      await first.stop();
      await write();
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
    });

    test('the cursor moves back only, and what was sent again is applied once', async () => {
      // No poll: the relay must notice with the next event it sends.
      await trial.startRelay({ pollMs: 3_600_000 });
      await trial.join('one');
      await trial.happen('a', 'b', 'c', 'd');
      await settled(trial.bus);
      await expect(moveBack(trial.producer.pool, trial.topic, 4)).rejects.toThrow('moves back only');
      await moveBack(trial.producer.pool, trial.topic, 0);
      await trial.happen('a');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
      let held = 0;
      await withAdmin(async (admin) => {
        for (const { high } of await admin.fetchTopicOffsets(trial.topic)) held += Number(high);
      });
      expect(held).toBe(4 + 5);
    });
  });
});

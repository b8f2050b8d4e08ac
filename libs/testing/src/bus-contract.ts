import { randomInt } from 'node:crypto';
import { knownEvents } from '@khue/contracts/envelope';
import type { Bus, Delivery, RunningSubscription, Subscription } from '@khue/messaging/bus';
import { createConsumer, type Consumer } from '@khue/messaging/consumer';
import { startRelay, type Relay, type RelayOptions } from '@khue/messaging/relay';
import { jumpAhead } from '@khue/messaging/stamp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { counterTable, keptLog, messagingDatabase, raise, raised, type MessagingDatabase } from './messaging.ts';
import { settled } from './settled.ts';

/** A kind of bus, with what a test needs to break it. */
export interface BusKind {
  /** Opens the bus as a process does at its start; `services` produce on it. */
  open(services: readonly string[], log: ReturnType<typeof keptLog>): Bus;
  /** Loses the event at a position of a topic of one subject, after it was stamped and published. */
  lose(producer: MessagingDatabase, topic: string, position: number): Promise<void>;
  /** Brings a lost event back, as an operator would. */
  mend(producer: MessagingDatabase, topic: string, position: number): Promise<void>;
}

interface Effect {
  readonly subject: string;
  readonly sequence: number;
  readonly position: number;
}

/** Without keys on purpose: what is applied twice shows as two rows. */
const effectTable = `create table effect (id bigint generated always as identity, group_name text, subject text, sequence int, position bigint);
  grant select, insert, delete on effect to \${app};`;
const quickLease = { ttlMs: 600, trustMs: 300, heartbeatMs: 100 };
const letters = (): string => Array.from({ length: 8 }, () => String.fromCharCode(97 + randomInt(26))).join('');

/** What every bus promises. One suite, run on each of them with real databases. */
export const busContract = (kind: BusKind): void => {
  let service: string;
  let topic: string;
  let producer: MessagingDatabase;
  let place: MessagingDatabase;
  let log: ReturnType<typeof keptLog>;
  let bus: Bus;
  const relays: Relay[] = [];
  const groups: RunningSubscription[] = [];

  beforeEach(async () => {
    service = letters();
    topic = `khue.${service}.facts`;
    log = keptLog();
    [producer, place] = await Promise.all([messagingDatabase({ tables: counterTable, max: 20 }), messagingDatabase({ tables: effectTable })]);
    bus = kind.open([service], log);
  });
  afterEach(async () => {
    await Promise.all(groups.splice(0).map((group) => group.stop()));
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await bus.close();
    await Promise.all([producer.close(), place.close()]);
  });

  const relay = async (more: Partial<RelayOptions> = {}): Promise<Relay> => {
    const options = { url: producer.url, service, city: 'ha-noi', topics: [topic], bus, holder: `holder-${relays.length}`, log, pollMs: 100, lease: quickLease, ...more };
    const started = await startRelay(options);
    relays.push(started);
    return started;
  };
  /** Commits events of these subjects, one each. */
  const happen = async (...subjects: string[]): Promise<void> => {
    await raise(producer.pool, service, subjects);
    relays.forEach((each) => each.wake());
  };
  const consumer = (group: string): Consumer =>
    createConsumer({
      pool: place.pool,
      group,
      topics: [topic],
      known: knownEvents(raised(service)),
      log,
      apply: async (tx, events) => {
        await tx.query('insert into effect (group_name, subject, sequence, position) select $1, * from unnest($2::text[], $3::int[], $4::bigint[])', [
          group,
          events.map((event) => event.subject),
          events.map((event) => event.sequence),
          events.map((event) => event.position),
        ]);
      },
    });
  const subscribe = async (subscription: Subscription): Promise<RunningSubscription> => {
    const running = await bus.subscribe(subscription);
    groups.push(running);
    return running;
  };
  const join = (group: string, change: (subscription: Subscription) => Subscription = (same) => same): Promise<RunningSubscription> =>
    subscribe(change(consumer(group).subscription));
  const effects = async (group: string): Promise<Effect[]> =>
    (await place.pool.query<Effect>('select subject, sequence, position from effect where group_name = $1 order by id', [group])).rows;
  const ofSubject = async (group: string, subject: string): Promise<number[]> => (await effects(group)).filter((effect) => effect.subject === subject).map((effect) => effect.sequence);
  const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);
  /** Each subject's events once and in order, as many as were committed. */
  const expectAllOnceInOrder = async (group: string): Promise<void> => {
    const written = await producer.pool.query<{ id: string; value: number }>('select id, value from counter');
    const applied = Map.groupBy(await effects(group), (effect) => effect.subject);
    for (const { id, value } of written.rows) expect([id, applied.get(id)?.map((effect) => effect.sequence)]).toEqual([id, upTo(value)]);
    expect(applied.size).toBe(written.rows.length);
  };

  describe('a group', () => {
    test('gets every event once, and those of a subject in the order of their commits, from many writers at once', async () => {
      await relay({ batch: 100 });
      await join('one');
      const writer = async (seed: number): Promise<void> => {
        for (let n = 0; n < 20; n += 1) await happen(...[1, 2, 3, 4].map((k) => `s-${(seed * 31 + n * 7 + k * 13) % 120}`));
      };
      await Promise.all(Array.from({ length: 16 }, (_, seed) => writer(seed)));
      await settled(bus);
      expect((await effects('one')).length).toBe(16 * 20 * 4);
      await expectAllOnceInOrder('one');
    });

    test('that joins late starts at the beginning', async () => {
      await relay();
      for (let n = 0; n < 5; n += 1) await happen('a', 'b');
      await settled(bus);
      await join('late');
      await settled(bus);
      await expectAllOnceInOrder('late');
    });

    test('that joins before there is a topic or a producer gets all of it once they come', async () => {
      await join('early');
      await raise(producer.pool, service, ['a', 'b', 'a']);
      await relay();
      await settled(bus);
      await expectAllOnceInOrder('early');
    });

    test('goes on where it stopped', async () => {
      await relay();
      const first = await join('one');
      await happen('a', 'b', 'a');
      await settled(bus);
      await first.stop();
      await happen('a', 'b');
      await join('one');
      await happen('c');
      await settled(bus);
      await expectAllOnceInOrder('one');
    });

    test('that is slow or fails delays only itself', async () => {
      await relay();
      let failing = true;
      const slow = Promise.withResolvers<void>();
      await join('failing', (subscription) => ({ ...subscription, consume: (batch) => (failing ? Promise.reject(new Error('away')) : subscription.consume(batch)) }));
      await join('slow', (subscription) => ({ ...subscription, consume: (batch) => slow.promise.then(() => subscription.consume(batch)) }));
      await join('quick');
      for (let n = 0; n < 5; n += 1) await happen('a', 'b');
      await eventually(() => expectAllOnceInOrder('quick'));
      expect([...(await effects('failing')), ...(await effects('slow'))]).toEqual([]);
      failing = false;
      slow.resolve();
      await settled(bus);
      await expectAllOnceInOrder('failing');
      await expectAllOnceInOrder('slow');
    });

    test('survives what only a bug throws, of the kind that ends a consumer for good', async () => {
      await relay();
      let bugs = 2;
      await join('one', (subscription) => ({
        ...subscription,
        consume: async (batch) => {
          if (bugs-- > 0) throw new TypeError('a bug');
          await subscription.consume(batch);
        },
      }));
      await happen('a', 'a');
      await settled(bus);
      await expectAllOnceInOrder('one');
    });
  });

  describe('what is delivered again', () => {
    /** Everything again, from the start. */
    const fromTheStart = (subscription: Subscription): Subscription => ({ ...subscription, reached: async () => ({ position: 0, nextOffset: 0 }) });

    test('changes nothing', async () => {
      await relay();
      const first = await join('one');
      for (let n = 0; n < 10; n += 1) await happen('a', 'b', 'c');
      await settled(bus);
      await first.stop();
      let offered = 0;
      await join('one', (subscription) => ({ ...fromTheStart(subscription), consume: (batch) => subscription.consume(batch).then(() => void (offered += batch.length)) }));
      await eventually(() => expect(offered).toBe(30));
      await expectAllOnceInOrder('one');
    });

    test('is doubled without the watermark: the test above can fail', async () => {
      await relay();
      const write = async (batch: readonly Delivery[]): Promise<void> => {
        for (const { subject, position } of batch) await place.pool.query(`insert into effect (group_name, subject, sequence, position) values ('bare', $1, 0, $2)`, [subject, position]);
      };
      const bare: Subscription = fromTheStart({ group: 'bare', topics: [topic], reached: async () => undefined, consume: write });
      const first = await subscribe(bare);
      await happen('a', 'b', 'c');
      await settled(bus);
      await first.stop();
      await subscribe(bare);
      await eventually(async () => expect((await effects('bare')).length).toBe(6));
    });

    test('because the group died after its commit changes nothing', async () => {
      await relay();
      let dies = true;
      await join('one', (subscription) => ({
        ...subscription,
        consume: async (batch) => {
          await subscription.consume(batch);
          if (dies) {
            dies = false;
            throw new Error('killed between commit and what follows it');
          }
        },
      }));
      await happen('a', 'b', 'a');
      await eventually(() => expect(dies).toBe(false));
      await happen('a');
      await settled(bus);
      await expectAllOnceInOrder('one');
    });

    test('to a group whose database was restored to an older state fills what it lost', async () => {
      await relay();
      let running = await join('one');
      for (let n = 0; n < 5; n += 1) await happen('a');
      await settled(bus);
      await running.stop();
      const backup = await place.pool.query('select * from messaging.watermark');
      running = await join('one');
      for (let n = 0; n < 5; n += 1) await happen('a');
      await settled(bus);
      await running.stop();
      await place.pool.query('delete from effect where position > 5');
      for (const row of backup.rows) {
        await place.pool.query('update messaging.watermark set position = $3, next_offset = $4 where topic = $1 and partition = $2', [row.topic, row.partition, row.position, row.next_offset]);
      }
      await join('one');
      await eventually(async () => expect(await ofSubject('one', 'a')).toEqual(upTo(10)));
    });
  });

  describe('a loss', () => {
    test('is loud, stops what comes behind it, and is mended when the missing is sent again', async () => {
      await relay();
      const first = await join('one');
      await happen('a', 'a', 'a');
      await settled(bus);
      await first.stop();
      await happen('a', 'a', 'a');
      await settled(bus);
      await kind.lose(producer, topic, 4);
      await join('one');
      await eventually(() => expect(log.lines.filter((line) => line.level === 'error' && line.fields.reached === 3 && line.fields.previous === 4).length).toBeGreaterThan(0));
      expect(await ofSubject('one', 'a')).toEqual([1, 2, 3]);
      await kind.mend(producer, topic, 4);
      await eventually(async () => expect(await ofSubject('one', 'a')).toEqual(upTo(6)));
      await happen('a');
      await settled(bus);
      await expectAllOnceInOrder('one');
    });

    test('of a producer that was restored to an older state takes no new event for an old one', async () => {
      const one = await relay();
      await join('one');
      await happen('a', 'a', 'a');
      await settled(bus);
      await one.stop();
      relays.length = 0;
      await producer.asOwner(`delete from messaging.log where position > 2; update messaging.head set position = 2; update messaging.sent set position = 2 where position > 2;
        update counter set value = 2`);
      await jumpAhead(producer.pool);
      await relay();
      await happen('a', 'b');
      await settled(bus);
      expect(await ofSubject('one', 'a')).toEqual([1, 2, 3, 3]);
      expect(await ofSubject('one', 'b')).toEqual([1]);
    });
  });

  test('of two relays one leads; when it goes without a word the other takes over, and nothing is lost or doubled', async () => {
    await relay({ lease: { ...quickLease, heartbeatMs: 3_600_000, trustMs: 3_600_000 } });
    await join('one');
    await happen('a', 'b');
    const second = await relay();
    await eventually(() => expect(second.state().leading).toBe(true));
    for (let n = 0; n < 10; n += 1) await happen('a', 'b', 'c');
    await settled(bus);
    await expectAllOnceInOrder('one');
  });
};

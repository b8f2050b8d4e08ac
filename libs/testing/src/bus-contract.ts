import { queryObjects } from 'node:v8';
import type { Bus, Delivery, Subscription } from '@khue/messaging/bus';
import { watchCatchUp } from '@khue/messaging/catch-up';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openBusTrial, upTo, type BusTrial } from './bus-trial.ts';
import { eventually } from './eventually.ts';
import type { KeptLog, MessagingDatabase } from './messaging.ts';
import { settled } from './settled.ts';

/** A kind of bus, with what a test needs to break it. */
export interface BusKind {
  /** Opens the bus as a process does at its start; `services` produce on it. */
  open(services: readonly string[], log: KeptLog): Bus;
  readonly brokers?: readonly string[];
  /** Loses the event at a position of a topic of one subject, after it was stamped and published. */
  lose(producer: MessagingDatabase, topic: string, position: number): Promise<void>;
  /** Brings a lost event back, as an operator would. */
  mend(producer: MessagingDatabase, topic: string, position: number): Promise<void>;
}

/** What every bus promises. One suite, run on each of them with real databases. */
export const busContract = (kind: BusKind): void => {
  let trial: BusTrial;
  beforeEach(async () => {
    trial = await openBusTrial(kind.open);
  });
  afterEach(() => trial.close());

  describe('a group', () => {
    test('gets every event once, and those of a subject in the order of their commits: 16 writers at once over 1,000 subjects', async () => {
      await trial.startRelay({ batch: 100 });
      await trial.join('one');
      const all = Array.from({ length: 1_000 }, (_, n) => `s-${n}`);
      // Half of what a transaction writes is about the same 20 subjects, so that each of those is written by many at once.
      const writer = async (seed: number): Promise<void> => {
        for (let n = 0; n < 25; n += 1) {
          const at = seed * 25 + n;
          await trial.happen(...[0, 1, 2, 3].flatMap((k) => [all[20 + ((at * 4 + k) % 980)] as string, all[(at * 7 + k * 3) % 20] as string]));
        }
      };
      await Promise.all(Array.from({ length: 16 }, (_, seed) => writer(seed)));
      await settled(trial.bus);
      expect(await trial.effects('one')).toBe(16 * 25 * 8);
      expect((await trial.producer.pool.query('select count(*)::int as subjects from counter')).rows).toEqual([{ subjects: 1_000 }]);
      await trial.expectAllOnceInOrder('one');
    });

    test('that joins late starts at the beginning', async () => {
      await trial.startRelay();
      for (let n = 0; n < 5; n += 1) await trial.happen('a', 'b');
      await settled(trial.bus);
      await trial.join('late');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('late');
    });

    test('that joins before there is a topic or a producer gets all of it once they come', async () => {
      await trial.join('early');
      await trial.happen('a', 'b', 'a');
      await trial.startRelay();
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('early');
    });

    test('goes on where it stopped', async () => {
      await trial.startRelay();
      const first = await trial.join('one');
      await trial.happen('a', 'b', 'a');
      await settled(trial.bus);
      await first.stop();
      await trial.happen('a', 'b');
      await trial.join('one');
      await trial.happen('c');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
    });

    test('keeps nothing in memory of what it has applied, nor the relay of what it has sent', async () => {
      await trial.startRelay();
      await trial.join('one');
      const work = async (): Promise<number> => {
        for (let n = 0; n < 300; n += 1) await trial.happen('a');
        await settled(trial.bus);
        // Collects all garbage first: what is counted is what somebody still holds.
        return queryObjects(Promise, { format: 'count' });
      };
      const before = await work();
      expect((await work()) - before).toBeLessThan(60);
    });

    test('skips, before it is read, an event of a type that nobody in it hears: one that can not be read is not parked', async () => {
      await trial.startRelay();
      const messages: unknown[] = [];
      await trial.join('one', (subscription) => ({
        ...subscription,
        consume: (batch) => {
          messages.push(...batch.map(({ message }) => message));
          return subscription.consume(batch);
        },
      }));
      await trial.happen('a');
      await trial.tellBroken('a', `${trial.service}.unheard`);
      await trial.happen('a', 'b');
      await settled(trial.bus);
      // In the order of the log, and what was skipped left no hole.
      await trial.expectAllOnceInOrder('one');
      expect(await trial.parked('one')).toEqual([]);
      expect(messages.filter((message) => message === undefined).length).toBe(1);
    });

    test('parks an event of a type that it hears and can not read, and what comes behind it', async () => {
      await trial.startRelay();
      await trial.join('one');
      await trial.happen('a');
      await trial.tellBroken('a', `${trial.service}.raised`);
      await trial.happen('a', 'b');
      await settled(trial.bus);
      expect((await trial.parked('one')).map(({ subject, reason }) => [subject, reason.split(':')[0]])).toEqual([
        ['a', 'envelope'],
        ['a', 'behind-parked'],
      ]);
    });

    test('that is slow or fails delays only itself', async () => {
      await trial.startRelay();
      let failing = true;
      const slow = Promise.withResolvers<void>();
      await trial.join('failing', (subscription) => ({
        ...subscription,
        consume: (batch) => (failing ? Promise.reject(new Error('away')) : subscription.consume(batch)),
      }));
      await trial.join('slow', (subscription) => ({ ...subscription, consume: (batch) => slow.promise.then(() => subscription.consume(batch)) }));
      await trial.join('quick');
      for (let n = 0; n < 5; n += 1) await trial.happen('a', 'b');
      await eventually(() => trial.expectAllOnceInOrder('quick'));
      expect([await trial.effects('failing'), await trial.effects('slow')]).toEqual([0, 0]);
      failing = false;
      slow.resolve();
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('failing');
      await trial.expectAllOnceInOrder('slow');
    });

    test('survives what only a bug throws, of the kind that ends a consumer for good', async () => {
      await trial.startRelay();
      let bugs = 2;
      await trial.join('one', (subscription) => ({
        ...subscription,
        consume: async (batch) => {
          if (bugs-- > 0) throw new TypeError('a bug');
          await subscription.consume(batch);
        },
      }));
      await trial.happen('a', 'a');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
    });
  });

  describe('a group that is filled for the first time', () => {
    test('is caught up once it has applied all that stood in its topics when it began, and stays so with the bus away', async () => {
      await trial.startRelay();
      await trial.happen('a', 'b', 'a');
      await settled(trial.bus);
      const gate = Promise.withResolvers<void>();
      const gated = (subscription: Subscription): Subscription => ({
        ...subscription,
        consume: (batch) => gate.promise.then(() => subscription.consume(batch)),
      });
      const running = await trial.join('one', gated);
      const { pool } = trial.consumer;
      const watch = (name: string, heads = running.heads): (() => Promise<boolean>) =>
        watchCatchUp({ pool, subscription: trial.group(name).subscription, running: { heads } });
      await eventually(async () => expect(await running.heads()).not.toBeNull());
      const isCaughtUp = watch('one');
      expect(await isCaughtUp()).toBe(false);
      await trial.happen('a', 'c');
      expect(await isCaughtUp()).toBe(false);
      gate.resolve();
      await eventually(async () => expect(await isCaughtUp()).toBe(true));
      const away = async (): Promise<null> => null;
      expect([await watch('one', away)(), await watch('another', away)()]).toEqual([true, false]);
    });

    test('is caught up at once where nothing was ever told', async () => {
      const relay = await trial.startRelay();
      const running = await trial.join('one');
      const isCaughtUp = watchCatchUp({ pool: trial.consumer.pool, subscription: trial.group('one').subscription, running });
      await eventually(async () => expect(await isCaughtUp()).toBe(true));
      expect(await relay.position()).toBe(0);
    });
  });

  describe('what is delivered again', () => {
    /** Everything again, from the start. */
    const fromTheStart = (subscription: Subscription): Subscription => ({ ...subscription, reached: async () => ({ position: 0, nextOffset: 0 }) });

    test('changes nothing: the last 10,000, all of them', async () => {
      await trial.startRelay();
      const first = await trial.join('one');
      for (let n = 0; n < 100; n += 1) await trial.happen(...Array.from({ length: 100 }, (_, k) => `s-${(n * 37 + k) % 500}`));
      await settled(trial.bus);
      await first.stop();
      let offered = 0;
      await trial.join('one', (subscription) => ({
        ...fromTheStart(subscription),
        consume: (batch) => subscription.consume(batch).then(() => void (offered += batch.length)),
      }));
      await eventually(() => expect(offered).toBeGreaterThanOrEqual(10_000), { withinMs: 40_000 });
      expect(await trial.effects('one')).toBe(10_000);
      await trial.expectAllOnceInOrder('one');
    });

    test('is doubled without the watermark: the test above can fail', async () => {
      await trial.startRelay();
      const write = async (batch: readonly Delivery[]): Promise<void> => {
        for (const { subject, position } of batch)
          await trial.consumer.pool.query(`insert into effect (group_name, subject, sequence, position) values ('bare', $1, 0, $2)`, [
            subject,
            position,
          ]);
      };
      const bare: Subscription = fromTheStart({ group: 'bare', topics: [trial.topic], reached: async () => undefined, consume: write });
      const first = await trial.subscribe(bare);
      await trial.happen('a', 'b', 'c');
      await settled(trial.bus);
      await first.stop();
      await trial.subscribe(bare);
      await eventually(async () => expect(await trial.effects('bare')).toBe(6));
    });

    test('because the group died after its commit changes nothing', async () => {
      await trial.startRelay();
      let dies = true;
      await trial.join('one', (subscription) => ({
        ...subscription,
        consume: async (batch) => {
          await subscription.consume(batch);
          if (dies) {
            dies = false;
            throw new Error('killed between commit and what follows it');
          }
        },
      }));
      await trial.happen('a', 'b', 'a');
      await eventually(() => expect(dies).toBe(false));
      await trial.happen('a');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
    });
  });

  describe('a loss', () => {
    test('is loud, stops what comes behind it, and is mended when the missing is sent again', async () => {
      await trial.startRelay();
      const first = await trial.join('one');
      await trial.happen('a', 'a', 'a');
      await settled(trial.bus);
      await first.stop();
      await trial.happen('a', 'a', 'a');
      await settled(trial.bus);
      await kind.lose(trial.producer, trial.topic, 4);
      await trial.join('one');
      await eventually(() =>
        expect(
          trial.log.lines.filter((line) => line.level === 'error' && line.fields.reached === 3 && line.fields.previous === 4).length,
        ).toBeGreaterThan(0),
      );
      expect(await trial.applied('one', 'a')).toEqual([1, 2, 3]);
      await kind.mend(trial.producer, trial.topic, 4);
      await eventually(async () => expect(await trial.applied('one', 'a')).toEqual(upTo(6)));
      await trial.happen('a');
      await settled(trial.bus);
      await trial.expectAllOnceInOrder('one');
    });
  });

  test('nothing is lost or doubled when the process that relays and applies is killed again and again', async () => {
    const write = async (): Promise<void> => {
      for (let n = 0; n < 40; n += 1) await trial.happen('a', `s-${n % 7}`, `s-${n % 5}`);
    };
    for (let kills = 0; kills < 3; kills += 1) {
      const { child } = await trial.startProcess('one', kind.brokers);
      const before = await trial.effects('one');
      const writing = write();
      // At any moment, but not before it has begun.
      await eventually(async () => expect(await trial.effects('one')).toBeGreaterThan(before), { withinMs: 40_000, everyMs: 5 });
      child.kill('SIGKILL');
      await writing;
    }
    await trial.startProcess('one', kind.brokers);
    await eventually(() => trial.expectAllOnceInOrder('one'), { withinMs: 60_000, everyMs: 200 });
  });
};

import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Bus, RunningSubscription, Subscription } from '@khue/messaging/bus';
import type { Consumer } from '@khue/messaging/consumer';
import { listParked, type ParkedEvent } from '@khue/messaging/parking';
import { startRelay, type Relay, type RelayOptions } from '@khue/messaging/relay';
import { expect } from 'vitest';
import type { BusProcess } from './bus-process.ts';
import { effectGroup, effectTable } from './effect-group.ts';
import { counterTable, keptLog, messagingDatabase, raise, type KeptLog, type MessagingDatabase } from './messaging.ts';

/** One producing service and one consuming database on a bus: what is committed on one side must have its effect on the other, once and in order. */
export interface BusTrial {
  readonly service: string;
  readonly topic: string;
  readonly producer: MessagingDatabase;
  readonly consumer: MessagingDatabase;
  readonly log: KeptLog;
  readonly bus: Bus;
  startRelay(more?: Partial<RelayOptions>): Promise<Relay>;
  /** Commits events of these subjects, one each, in one transaction. */
  happen(...subjects: string[]): Promise<void>;
  /** Commits an event whose envelope lacks what every envelope has. */
  tellBroken(subject: string, type: string): Promise<void>;
  parked(group: string): Promise<readonly ParkedEvent[]>;
  /** A group with one effect an event, and no guard of its own against doubling. */
  group(name: string): Consumer;
  /** Subscribes a group, with its subscription as `change` makes it. */
  join(name: string, change?: (subscription: Subscription) => Subscription): Promise<RunningSubscription>;
  subscribe(subscription: Subscription): Promise<RunningSubscription>;
  /** Sequences applied of a subject, in the order of their effects. */
  applied(group: string, subject: string): Promise<number[]>;
  effects(group: string): Promise<number>;
  /** Relays and applies in a process of its own from now on, to be killed or frozen. Resolves when it runs. */
  startProcess(group: string, brokers?: readonly string[]): Promise<StartedProcess>;
  /** Each subject's events once and in order, as many as were committed. */
  expectAllOnceInOrder(group: string): Promise<void>;
  close(): Promise<void>;
}

export interface StartedProcess {
  readonly child: ChildProcess;
  /** What it has logged so far. */
  said(): string;
}

const quickLease = { ttlMs: 600, trustMs: 300, heartbeatMs: 100 };
/** A service of its own for each test: runs share a broker. */
const newService = (): string => Array.from({ length: 8 }, () => String.fromCharCode(97 + randomInt(26))).join('');

export const openBusTrial = async (open: (services: readonly string[], log: KeptLog) => Bus): Promise<BusTrial> => {
  const service = newService();
  const topic = `khue.${service}.facts`;
  const log = keptLog();
  const [producer, consumer] = await Promise.all([messagingDatabase({ tables: counterTable, max: 20 }), messagingDatabase({ tables: effectTable })]);
  const bus = open([service], log);
  const relays: Relay[] = [];
  const groups: RunningSubscription[] = [];
  const children: ChildProcess[] = [];

  const group = (name: string): Consumer => effectGroup(consumer.pool, name, service, log);
  const subscribe = async (subscription: Subscription): Promise<RunningSubscription> => {
    const running = await bus.subscribe(subscription);
    groups.push(running);
    return running;
  };
  const effects = async (name: string): Promise<{ subject: string; sequence: number }[]> =>
    (
      await consumer.pool.query<{ subject: string; sequence: number }>('select subject, sequence from effect where group_name = $1 order by id', [
        name,
      ])
    ).rows;

  return {
    service,
    topic,
    producer,
    consumer,
    log,
    bus,
    group,
    subscribe,
    startRelay: async (more = {}) => {
      const started = await startRelay({
        url: producer.url,
        service,
        city: 'ha-noi',
        topics: [topic],
        bus,
        holder: `holder-${relays.length}`,
        log,
        pollMs: 100,
        lease: quickLease,
        ...more,
      });
      relays.push(started);
      return started;
    },
    happen: async (...subjects) => {
      await raise(producer.pool, service, subjects);
      relays.forEach((relay) => relay.wake());
    },
    tellBroken: async (subject, type) => {
      await producer.asOwner(`insert into messaging.log (topic, subject, sequence, type, version, event_id, time, context, data)
        values ('${topic}', '${subject}', 1, '${type}', 1, uuidv7(), now(), '{}', '{}')`);
      relays.forEach((relay) => relay.wake());
    },
    parked: (name) => listParked(consumer.pool, { group: name }),
    join: (name, change = (same) => same) => subscribe(change(group(name).subscription)),
    applied: async (name, subject) => (await effects(name)).filter((effect) => effect.subject === subject).map(({ sequence }) => sequence),
    effects: async (name) => (await effects(name)).length,
    startProcess: async (name, brokers) => {
      const settings: BusProcess = {
        ...(brokers ? { brokers } : {}),
        service,
        group: name,
        producerUrl: producer.url,
        consumerUrl: consumer.url,
        // Long enough that a busy machine doesn't pass it on while the process runs.
        lease: { ttlMs: 3_000, trustMs: 2_000, heartbeatMs: 200 },
      };
      const child = spawn(process.execPath, [fileURLToPath(new URL('./bus-process.ts', import.meta.url)), JSON.stringify(settings)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      let said = '';
      await new Promise<void>((runs) =>
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (/^runs$/m.test(said)) runs();
        }),
      );
      return { child, said: () => said };
    },
    expectAllOnceInOrder: async (name) => {
      const written = await producer.pool.query<{ id: string; value: number }>('select id, value from counter');
      const applied = Map.groupBy(await effects(name), (effect) => effect.subject);
      for (const { id, value } of written.rows) expect([id, applied.get(id)?.map(({ sequence }) => sequence)]).toEqual([id, upTo(value)]);
      expect(applied.size).toBe(written.rows.length);
    },
    close: async () => {
      children.forEach((child) => child.kill('SIGKILL'));
      await Promise.all(groups.map((running) => running.stop()));
      await Promise.all(relays.map((relay) => relay.stop()));
      await bus.close();
      await Promise.all([producer.close(), consumer.close()]);
    },
  };
};

export const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);

import { fileURLToPath } from 'node:url';
import type { DataOf, EventDefinition, Topic } from '@khue/contracts/envelope';
import { topicsOf, type ServiceName } from '@khue/contracts/services';
import type { ServiceConfig } from '@khue/host/config';
import { systemClock } from '@khue/host/clock';
import type { Deps, RunningService } from '@khue/host/host';
import { createLogger } from '@khue/host/logger';
import type { Bus } from '@khue/messaging/bus';
import type { Command } from '@khue/messaging/command';
import { inTransaction, openPool } from '@khue/messaging/database';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { migrate } from '@khue/messaging/migrate';
import { enqueue } from '@khue/messaging/outbox';
import { startRelay, type Relay } from '@khue/messaging/relay';
import type { InjectOptions, LightMyRequestResponse as Response } from 'fastify';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { postgres } from './postgres.ts';
import { settled } from './settled.ts';
import { testIssuer, type TestIssuer } from './tokens.ts';

export interface Published<D extends EventDefinition = EventDefinition> {
  readonly definition: D;
  readonly subject: string;
  readonly data: DataOf<D>;
}

export interface TestService {
  readonly service: RunningService;
  readonly bus: Bus;
  readonly issuer: TestIssuer;
  readonly config: ServiceConfig;
  /** Lines the service logged so far. */
  readonly logged: readonly string[];
  /** Publishes events as another service would and waits until this service has applied them. */
  publish(events: readonly Published[]): Promise<void>;
  /** Waits until every group has reached every head. */
  settle(): Promise<void>;
  /** A request by an account; POST gets a fresh Idempotency-Key unless one is given. */
  call(sub: string, method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  stop(): Promise<void>;
}

/** One service, whole, on a fresh database and the embedded bus; events of others are published through logs of their own. */
export const testService = async (
  name: ServiceName,
  create: (deps: Deps) => Promise<RunningService>,
  {
    config: more = {},
    through = async (databaseUrl) => databaseUrl,
  }: {
    readonly config?: Partial<ServiceConfig>;
    /** The way by which the service is to reach its database, given the straight one. */
    readonly through?: (databaseUrl: string) => Promise<string>;
  } = {},
): Promise<TestService> => {
  const [database, issuer] = await Promise.all([postgres(), testIssuer()]);
  const logged: string[] = [];
  const log = createLogger(name, { write: (line: string) => void logged.push(line) });
  const bus = embeddedBus({ log });
  const config: ServiceConfig = {
    city: 'ha-noi',
    host: '127.0.0.1',
    issuer: issuer.issuer,
    audience: issuer.audience,
    bus: 'embedded',
    brokers: [],
    identityKey: 'a key for tests that nobody else uses',
    bootstrapSub: 'board',
    log: { requests: 'all', oneIn: 1, slowMs: 1_000 },
    clock: systemClock,
    service: name,
    port: 0,
    databaseUrl: await through(database.appUrl),
    ownerDatabaseUrl: database.ownerUrl,
    ...more,
  };
  const service = await create({ config, bus, log });
  await service.start();
  const foreign = new Map<string, ForeignLog>();
  // An account signs in once, as people do: a token for each of two thousand requests keeps the processor from what is tried.
  const tokens = new Map<string, Promise<string>>();
  const tokenOf = (sub: string): Promise<string> => {
    const token = tokens.get(sub) ?? issuer.token(sub);
    tokens.set(sub, token);
    return token;
  };
  const settle = async (): Promise<void> => {
    await settled(bus);
    // What was applied is read into memory behind the commit; a busy machine takes its time.
    await service.prepare();
  };
  return {
    service,
    bus,
    issuer,
    config,
    logged,
    publish: async (events) => {
      for (const [topic, ofTopic] of Map.groupBy(events, (event) => event.definition.topic)) {
        const producer = topic.split('.')[1] as ServiceName;
        let log = foreign.get(producer);
        if (!log) foreign.set(producer, (log = await openForeignLog(producer, bus)));
        await log.publish(ofTopic, topic);
      }
      await settle();
    },
    settle,
    call: async (sub, method, url, body, headers = {}) =>
      service.http.inject({
        method: method as InjectOptions['method'] & string,
        url,
        headers: {
          authorization: `Bearer ${await tokenOf(sub)}`,
          ...(method === 'POST' ? { 'idempotency-key': uuidv7() } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      } as InjectOptions) as Promise<Response>,
    stop: async () => {
      await service.stop();
      for (const log of foreign.values()) await log.close();
      await bus.close();
      await issuer.close();
      await database.close();
    },
  };
};

interface ForeignLog {
  publish(events: readonly Published[], topic: Topic): Promise<void>;
  close(): Promise<void>;
}

/** Another service's log, real but without that service. */
const openForeignLog = async (service: ServiceName, bus: Bus): Promise<ForeignLog> => {
  const database = await postgres();
  await migrate({
    ownerUrl: database.ownerUrl,
    appRole: `${database.name}_app`,
    folders: [fileURLToPath(new URL('../../messaging/migrations', import.meta.url))],
  });
  const pool: Pool = openPool({ url: database.appUrl, name: `test-${service}` });
  const relay: Relay = await startRelay({
    url: database.appUrl,
    service,
    city: 'ha-noi',
    topics: topicsOf(service),
    bus,
    holder: `test-${service}`,
    log: createLogger(service, { write: () => undefined }),
  });
  const sequences = new Map<string, number>();
  return {
    publish: async (events) => {
      await inTransaction(pool, (tx) =>
        enqueue(
          tx,
          events.map(({ definition, subject, data }) => {
            const key = `${definition.topic} ${subject}`;
            const sequence = (sequences.get(key) ?? 0) + 1;
            sequences.set(key, sequence);
            return { event: { definition, subject, sequence, data }, command: causeless(service) };
          }),
        ),
      );
      relay.wake();
    },
    close: async () => {
      await relay.stop();
      await pool.end();
      await database.close();
    },
  };
};

const causeless = (service: string): Command => {
  const id = uuidv7();
  return { id, body: {}, actor: `service:${service}`, now: new Date().toISOString(), today: '2026-11-23', correlationId: id, causationId: id };
};

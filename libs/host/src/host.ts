import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { EventDefinition, Received, Topic } from '@khue/contracts/envelope';
import { registryFacts } from '@khue/contracts/events/registry';
import type { Route } from '@khue/contracts/http/route';
import { commonProblems, isReplayable, type ProblemCatalog } from '@khue/contracts/problems';
import type { Bus, RunningSubscription } from '@khue/messaging/bus';
import type { Aggregate, Answer, Tx } from '@khue/messaging/command';
import { createConsumer, type Consumer, type ConsumerGroup } from '@khue/messaging/consumer';
import { assertDurable, maxConnections, openPool } from '@khue/messaging/database';
import type { DueCommand } from '@khue/messaging/due-batch';
import { createGather, type Gather } from '@khue/messaging/gather';
import { migrate } from '@khue/messaging/migrate';
import { expireParkedCards } from '@khue/messaging/parking';
import { relayConnections, startRelay, type Relay } from '@khue/messaging/relay';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import type { ServiceConfig } from './config.ts';
import { directorySchema, projectedDirectory, type Directory } from './directory.ts';
import { createDoor, type Call, type Reply } from './door.ts';
import { createDue } from './due.ts';
import { serveHealth } from './health.ts';
import { closeHttp, createHttp } from './http.ts';
import { createIdentity } from './identity.ts';
import type { Logger } from './logger.ts';
import { watchMessaging } from './metrics.ts';
import { watchPeople, type People } from './people.ts';

export interface Deps {
  readonly config: ServiceConfig;
  readonly bus: Bus;
  readonly log: Logger;
}

export interface RunningService {
  readonly http: FastifyInstance;
  /** Migrates, starts relay and consumers, listens. Resolves with the address once requests are taken. */
  start(): Promise<string>;
  /** Reads what handlers decide by, as \`start\` does: for commands that work through the service without starting it. */
  prepare(): Promise<void>;
  /** Takes no more requests, ends what is under way, leaves the bus and the database. */
  stop(): Promise<void>;
  /** By group: for redrive and rebuild, which work through the service's own handlers. */
  readonly consumers: ReadonlyMap<string, ServedGroup>;
  readonly pool: Pool;
}

export interface ServedGroup extends ConsumerGroup {
  readonly consumer: Consumer;
  readonly onApplied: () => void;
}

export interface HostOptions {
  /** Absolute folders of migrations of the service's own, applied after the house's. */
  readonly migrations: readonly string[];
  readonly problems: ProblemCatalog;
  /** Topics this service writes; none for a service that only projects. */
  readonly produces: readonly Topic[];
  /** The registry knows units and grants first-hand; every other service projects them. */
  readonly directory?: (pool: Pool) => Directory;
  readonly extraRoles?: (sub: string) => readonly string[];
}

export interface ConsumeOptions {
  readonly group: string;
  readonly topics: readonly Topic[];
  readonly known: readonly EventDefinition[];
  /** Applies events in their order, in the transaction that moves the watermark. */
  readonly apply: (tx: Tx, events: readonly Received[]) => Promise<void>;
  /** Schemas of unqualified names in `apply`, so that a rebuild can point it elsewhere. */
  readonly searchPath?: readonly string[];
  /** After the commit. */
  readonly applied?: () => void;
}

/** What a service is composed of, minus what makes it this service. */
export interface Host {
  readonly pool: Pool;
  readonly log: Logger;
  readonly config: ServiceConfig;
  readonly metrics: Registry;
  readonly directory: Directory;
  readonly problems: ProblemCatalog;
  gather<Body, State, Event>(aggregate: Aggregate<Body, State, Event>, committed?: () => void): Gather<Body>;
  serve<R extends Route>(route: R, handler: (call: Call<R>) => Promise<Reply>): void;
  consume(options: ConsumeOptions): void;
  /**
   * What the noun does when things it has set (`dues`) fall due: by kind, the command a row becomes, fired once as `service:<name>`, `now` being its instant.
   */
  due<Body, State, Event>(aggregate: Aggregate<Body, State, Event>, kinds: Readonly<Record<string, DueCommand<Body>>>): void;
  /** The time by the service's clock. */
  now(): Date;
  wakeRelay(): void;
  /** Rows of the log that were not sent yet: an import waits while they are many. */
  backlog(): Promise<number>;
  /** Those who wait for answers to their commands: an import gives way to them. */
  readonly people: People;
  onStart(hook: () => Promise<void>): void;
  onStop(hook: () => Promise<void>): void;
  readonly service: RunningService;
}

const houseMigrations = [
  fileURLToPath(new URL('../../messaging/migrations', import.meta.url)),
  fileURLToPath(new URL('../migrations', import.meta.url)),
];
/** How often a service looks whether another replica changed its directory. */
const directoryPollMs = 1_000;
const idempotencySweepMs = 600_000;
const parkedCardsSweepMs = 24 * 3_600_000;

/** Opens the frame of a service; nothing runs before `service.start()`. */
export const openHost = async ({ config, bus, log }: Deps, options: HostOptions): Promise<Host> => {
  const { service } = config;
  const { now } = config.clock;
  const produces = options.produces.length > 0;
  const pool = openPool({ url: config.databaseUrl, name: `khue-${service}`, max: produces ? maxConnections - relayConnections : maxConnections });
  const problems: ProblemCatalog = { ...commonProblems, ...options.problems };
  const metrics = new Registry();
  const http = await createHttp({ catalog: problems, log, logConfig: config.log, metrics });
  const projected = options.directory ? undefined : projectedDirectory(pool);
  const directory = options.directory?.(pool) ?? (projected as Directory);
  const serve = createDoor({
    http,
    identity: createIdentity({ issuer: config.issuer, audience: config.audience, now: () => now().getTime() }),
    grantsOf: directory.grantsOf,
    catalog: problems,
    ...(options.extraRoles ? { extraRoles: options.extraRoles } : {}),
    now,
  });
  const gathers: Gather<never>[] = [];
  const consumers = new Map<string, ServedGroup>();
  const subscriptions: RunningSubscription[] = [];
  const startHooks: (() => Promise<void>)[] = [];
  const stopHooks: (() => Promise<void>)[] = [];
  const timers: NodeJS.Timeout[] = [];
  let relay: Relay | undefined;
  const people = watchPeople();

  const wakeRelay = (): void => relay?.wake();
  const due = createDue({ pool, service, now, people, log, committed: wakeRelay });
  const replayable = (answer: Answer): boolean => answer.ok || isReplayable(problems, answer.code);
  const consume = ({ group, topics, known, apply, searchPath, applied }: ConsumeOptions): void => {
    const parts = {
      group,
      topics,
      apply,
      known: new Map(known.map((definition) => [definition.type, definition])),
      ...(searchPath ? { searchPath } : {}),
    };
    const onApplied = (): void => {
      wakeRelay();
      applied?.();
    };
    consumers.set(group, { ...parts, onApplied, consumer: createConsumer({ ...parts, pool, log, onApplied }) });
  };
  if (projected) {
    consume({
      group: `${service}-directory`,
      topics: [registryFacts],
      known: projected.known,
      apply: projected.apply,
      searchPath: [directorySchema],
      applied: () => void directory.refresh(),
    });
  }
  const holes = (): boolean => [...consumers.values()].some(({ consumer }) => consumer.holes().length > 0);
  const health = serveHealth({
    http,
    metrics,
    pool,
    state: () => ({ relay, subscriptions, holes: holes() }),
    dues: due.figures,
    clock: config.clock,
  });
  watchMessaging({ metrics, pool, relay: () => relay, subscriptions, consumers, dues: due.figures });

  const start = async (): Promise<string> => {
    if (config.ownerDatabaseUrl) {
      const appRole = decodeURIComponent(new URL(config.databaseUrl).username);
      await migrate({ ownerUrl: config.ownerDatabaseUrl, appRole, folders: [...houseMigrations, ...options.migrations] });
    }
    await assertDurable(pool);
    if (config.clock.test) log.warn({ now: now().toISOString() }, 'goes by a test clock, not by the time');
    await directory.refresh();
    const holder = `${hostname()}:${config.port}`;
    if (produces) {
      relay = await startRelay({ url: config.databaseUrl, service, city: config.city, topics: options.produces, bus, holder, log });
    }
    for (const { consumer } of consumers.values()) subscriptions.push(await bus.subscribe(consumer.subscription));
    timers.push(setInterval(() => void directory.refresh().catch(() => undefined), directoryPollMs));
    timers.push(
      setInterval(() => void pool.query('delete from messaging.idempotency where expires_at < now()').catch(() => undefined), idempotencySweepMs),
    );
    timers.push(setInterval(() => void expireParkedCards(pool, new Date()).catch(() => undefined), parkedCardsSweepMs));
    for (const hook of startHooks) await hook();
    due.start(holder);
    health.ready();
    return http.listen({ port: config.port, host: config.host });
  };

  const stop = async (): Promise<void> => {
    health.stopping();
    timers.forEach(clearInterval);
    await closeHttp(http);
    await Promise.all(gathers.map((gather) => gather.close()));
    for (const hook of stopHooks) await hook();
    await due.stop();
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
    await relay?.stop();
    await pool.end();
  };

  return {
    pool,
    log,
    config,
    metrics,
    directory,
    problems,
    consume,
    due: due.on,
    now,
    wakeRelay,
    serve,
    gather: (aggregate, committed) => {
      const gather = createGather({
        pool,
        aggregate,
        replayable,
        committed: () => {
          wakeRelay();
          committed?.();
        },
        onError: (error) => log.error({ err: error, noun: aggregate.noun }, 'a batch failed'),
      });
      gathers.push(gather as unknown as Gather<never>);
      return {
        ...gather,
        handle: (command) => people.during(gather.handle(command)),
      };
    },
    backlog: async () => (await relay?.unsent())?.rows ?? 0,
    people,
    onStart: (hook) => startHooks.push(hook),
    onStop: (hook) => stopHooks.push(hook),
    service: { http, start, stop, consumers, pool, prepare: () => directory.refresh() },
  };
};

import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { EventDefinition, Received, Topic } from '@khue/contracts/envelope';
import { commonProblems, isReplayable, type ProblemCatalog } from '@khue/contracts/problems';
import type { ServiceName } from '@khue/contracts/services';
import type { Bus, RunningSubscription } from '@khue/messaging/bus';
import { watchCatchUp } from '@khue/messaging/catch-up';
import type { Aggregate, Answer, Command, Tx } from '@khue/messaging/command';
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
import { bound, type AnswerTo, type Batch, type Noun, type Views } from './aggregate.ts';
import type { ServiceConfig } from './config.ts';
import { directorySchema, projectedDirectory, type Directory } from './directory.ts';
import { createDoor, type Serve } from './door.ts';
import { createDue } from './due.ts';
import { watchFilling } from './filling.ts';
import { serveHealth } from './health.ts';
import { createEar, type Hearing } from './hear.ts';
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

export interface HostOptions<D extends Directory = Directory> {
  readonly problems: ProblemCatalog;
  /** Topics this service writes; none for a service that only projects. */
  readonly produces: readonly Topic[];
  /** `import.meta.url` of its service.ts: its migrations lie in `../prisma/migrations`. */
  readonly home: string;
  /** The registry knows units and grants first-hand; every other service projects them. */
  readonly directory?: (pool: Pool) => D;
  /** Roles that an account holds without a grant. */
  readonly extraRoles?: (sub: string, directory: D, config: ServiceConfig) => readonly string[];
}

export interface Projection {
  /** Names the group beside the service; without it the group has the service's name. */
  readonly as?: string;
  /** What it hears; its topics are those of these events. */
  readonly known: readonly EventDefinition[];
  /** Applies events in their order, in the transaction that moves the watermark. */
  readonly apply: (tx: Tx, events: readonly Received[]) => Promise<void>;
  /** Schemas of unqualified names in `apply`, so that a rebuild can point it elsewhere. */
  readonly searchPath?: readonly string[];
  /** After the commit. */
  readonly applied?: () => void;
}

/** Gives commands of a noun to its next flush; each answers what its view says. */
export interface Gathered<Body extends { readonly type: string }, V> {
  handle<B extends Body>(command: Command<B>): Promise<Answer<AnswerTo<V, B['type']>>>;
  waiting(): number;
}

export interface Included {
  /** Absolute folder of its migrations, applied before the service's own. */
  readonly migrations: string;
  readonly problems: ProblemCatalog;
}

/** What a service is composed of, minus what makes it this service. */
export interface Host<D extends Directory = Directory> {
  readonly pool: Pool;
  readonly log: Logger;
  readonly config: ServiceConfig;
  readonly metrics: Registry;
  readonly directory: D;
  readonly problems: ProblemCatalog;
  /** What a library brings into the service beside its routes; the service's own words for a refusal go before. To be called before `start`. */
  include(part: Included): void;
  gather<Body extends Typed, State extends object, Event, V extends Views<Body, State>>(noun: Noun<Body, State, Event, V>): Gathered<Body, V>;
  serve: Serve;
  /** A noun changes as others speak: each event of the table is a command of the service itself. `as` names the group where the service hears more than one. */
  hear<Body extends Typed, State extends object, Event, V extends Views<Body, State>>(
    noun: Noun<Body, State, Event, V>,
    table: readonly Hearing<Body>[],
    more?: { readonly as?: string; readonly also?: (tx: Tx, events: readonly Received[]) => Promise<void> },
  ): void;
  /** Keeps what others announce, without deciding. */
  project(projection: Projection): void;
  /**
   * What the noun does when things it has set fall due (`dues`): for each kind, the command that a row becomes. It is fired once, as `service:<name>`, with the
   * row's instant as `now`; a refusal is its answer.
   */
  due<Body extends Typed, State extends object, Event, V extends Views<Body, State>>(
    noun: Noun<Body, State, Event, V>,
    kinds: Readonly<Record<string, DueCommand<Body>>>,
  ): void;
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

type Typed = { readonly type: string };

const houseMigrations = [
  fileURLToPath(new URL('../../messaging/migrations', import.meta.url)),
  fileURLToPath(new URL('../migrations', import.meta.url)),
];
/** How often a service looks whether another replica changed its directory. */
const directoryPollMs = 1_000;
const idempotencySweepMs = 600_000;
const parkedCardsSweepMs = 24 * 3_600_000;

/** Opens the frame of the service of that name; nothing runs before `service.start()`. Rejects topics and groups that are another's. */
export const openHost = async <D extends Directory = Directory>(
  service: ServiceName,
  { config, bus, log }: Deps,
  options: HostOptions<D>,
): Promise<Host<D>> => {
  if (config.service !== service) throw new Error(`${service} was given the configuration of ${config.service}`);
  for (const topic of options.produces)
    if (topic.split('.')[1] !== service) throw new Error(`${service} can't produce ${topic}: that is a topic of ${topic.split('.')[1]}`);
  const { now } = config.clock;
  const produces = options.produces.length > 0;
  const pool = openPool({ url: config.databaseUrl, name: `khue-${service}`, max: produces ? maxConnections - relayConnections : maxConnections });
  const problems = { ...commonProblems, ...options.problems };
  const included: string[] = [];
  const metrics = new Registry();
  const http = await createHttp({ catalog: problems, log, logConfig: config.log, metrics });
  const projected = options.directory ? undefined : projectedDirectory(pool);
  const directory = options.directory?.(pool) ?? (projected as unknown as D);
  const filling = watchFilling(`${service}-directory`);
  const serve = createDoor({
    http,
    identity: createIdentity({ issuer: config.issuer, audience: config.audience, now: () => now().getTime() }),
    grantsOf: directory.grantsOf,
    catalog: problems,
    isCaughtUp: filling.isCaughtUp,
    extraRoles: (sub) => options.extraRoles?.(sub, directory, config) ?? [],
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
  const project = ({ as, known, apply, searchPath, applied }: Projection): void => {
    const group = as === undefined ? service : `${service}-${as}`;
    if (consumers.has(group)) throw new Error(`${service} hears as ${group} twice: give one of the two another name`);
    const parts = {
      group,
      topics: [...new Set(known.map(({ topic }) => topic))],
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
    project({
      as: 'directory',
      known: projected.known,
      apply: projected.apply,
      searchPath: [directorySchema],
      applied: () => void directory.refresh(),
    });
  }
  const bind = <Body extends Typed, State extends object, Event, V extends Views<Body, State>>(
    noun: Noun<Body, State, Event, V>,
  ): Aggregate<Body, Batch<State>, Event> => {
    if (noun.outbound && !produces) throw new Error(`${service} tells of its ${noun.noun} and produces no topic to tell it on`);
    return bound(noun, directory, options.produces);
  };
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

  const own = fileURLToPath(new URL('../prisma/migrations', options.home));

  const start = async (): Promise<string> => {
    if (config.ownerDatabaseUrl) {
      const appRole = decodeURIComponent(new URL(config.databaseUrl).username);
      await migrate({ ownerUrl: config.ownerDatabaseUrl, appRole, folders: [...houseMigrations, ...included, own] });
    }
    await assertDurable(pool);
    if (config.clock.test) log.warn({ now: now().toISOString() }, 'goes by a test clock, not by the time');
    await directory.refresh();
    const holder = `${hostname()}:${config.port}`;
    if (produces) {
      relay = await startRelay({ url: config.databaseUrl, service, city: config.city, topics: options.produces, bus, holder, log });
    }
    for (const { group, consumer, searchPath } of consumers.values()) {
      const running = await bus.subscribe(consumer.subscription);
      subscriptions.push(running);
      if (searchPath) filling.add(group, watchCatchUp({ pool, subscription: consumer.subscription, running }));
    }
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
    project,
    due: (noun, kinds) => due.on(bind(noun), kinds),
    now,
    wakeRelay,
    serve,
    include: (part) => {
      included.push(part.migrations);
      Object.assign(problems, { ...part.problems, ...problems });
    },
    hear: (noun, table, { as, also } = {}) =>
      project({
        ...(as === undefined ? {} : { as }),
        known: table.map(({ definition }) => definition),
        apply: createEar({ service, aggregate: bind(noun), table, log, now, ...(also ? { also } : {}) }),
      }),
    gather: (noun) => {
      const gather = createGather({
        pool,
        aggregate: bind(noun),
        replayable,
        committed: wakeRelay,
        onError: (error) => log.error({ err: error, noun: noun.noun }, 'a batch failed'),
      });
      gathers.push(gather as unknown as Gather<never>);
      return { waiting: gather.waiting, handle: (command) => people.during(gather.handle(command) as Promise<never>) };
    },
    backlog: async () => (await relay?.unsent())?.rows ?? 0,
    people,
    onStart: (hook) => startHooks.push(hook),
    onStop: (hook) => stopHooks.push(hook),
    service: { http, start, stop, consumers, pool, prepare: () => directory.refresh() },
  };
};

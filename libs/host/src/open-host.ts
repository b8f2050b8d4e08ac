import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { commonProblems, isReplayable } from '@khue/contracts/problems';
import type { ServiceName } from '@khue/contracts/services';
import type { RunningSubscription } from '@khue/messaging/bus';
import { watchCatchUp } from '@khue/messaging/catch-up';
import type { Aggregate, Answer } from '@khue/messaging/command';
import { createConsumer } from '@khue/messaging/consumer';
import { assertDurable, maxConnections, openPool } from '@khue/messaging/database';
import { createGather, type Gather } from '@khue/messaging/gather';
import { migrate } from '@khue/messaging/migrate';
import { expireParkedCards } from '@khue/messaging/parking';
import { relayConnections, startRelay, type Relay } from '@khue/messaging/relay';
import { Registry } from 'prom-client';
import { bound, type Batch, type Noun, type Typed, type Views } from './aggregate.ts';
import { directorySchema, projectedDirectory, type Directory } from './directory.ts';
import { createDoor } from './door.ts';
import { createDue } from './due.ts';
import { watchFilling } from './filling.ts';
import { serveHealth } from './health.ts';
import { createEar } from './hear.ts';
import type { Deps, Host, HostOptions, Projection, ServedGroup } from './host.ts';
import { closeHttp, createHttp } from './http.ts';
import { createIdentity } from './identity.ts';
import { watchMessaging } from './metrics.ts';
import { watchPeople } from './people.ts';

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

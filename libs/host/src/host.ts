import type { EventDefinition, Received, Topic } from '@khue/contracts/envelope';
import type { ProblemCatalog } from '@khue/contracts/problems';
import type { Bus } from '@khue/messaging/bus';
import type { Answer, Command, Tx } from '@khue/messaging/command';
import type { Consumer, ConsumerGroup } from '@khue/messaging/consumer';
import type { DueCommand } from '@khue/messaging/due-batch';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { AnswerTo, Noun, Typed, Views } from './aggregate.ts';
import type { ServiceConfig } from './config.ts';
import type { Directory } from './directory.ts';
import type { Serve } from './door.ts';
import type { Hearing } from './hear.ts';
import type { Logger } from './logger.ts';
import type { People } from './people.ts';

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
    table: readonly Hearing<NoInfer<Body>>[],
    more?: { readonly as?: string; readonly also?: (tx: Tx, events: readonly Received[]) => Promise<void> },
  ): void;
  /** Keeps what others announce, without deciding. */
  project(projection: Projection): void;
  /**
   * What the noun does when things it has set (`dues`) fall due: by kind, the command a row becomes, fired once as `service:<name>`, `now` being its instant.
   */
  due<Body extends Typed, State extends object, Event, V extends Views<Body, State>>(
    noun: Noun<Body, State, Event, V>,
    kinds: Readonly<Record<string, DueCommand<NoInfer<Body>>>>,
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

import { z } from 'zod';
import { toldOf } from './fields.ts';

/** CloudEvents 1.0 by its names, with the extensions that order, trace and version an event (messaging: events). */
export const envelope = z.object({
  specversion: z.literal('1.0'),
  id: z.uuid(),
  /** `khue/<city>/<service>` */
  source: z.string().regex(/^khue\/[a-z0-9-]+\/[a-z]+$/),
  type: z.string(),
  subject: z.string(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  dataversion: z.int().min(1),
  /** Gapless per topic and subject, from 1. */
  sequence: z.int().min(1),
  /** Gapless per producing service, from 1. */
  position: z.int().min(1),
  correlationid: z.string(),
  causationid: z.string(),
  actor: z.string(),
  traceparent: z.string().optional(),
  data: z.unknown(),
});
export type Envelope = z.infer<typeof envelope>;

export type Topic = `khue.${string}.${'facts' | 'people'}`;

/** An older version's shape and the step that lifts its data to the next version. */
export interface Upcast {
  readonly schema: z.ZodType;
  readonly up: (data: never) => unknown;
}

export interface EventDefinition<Type extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly type: Type;
  readonly version: number;
  readonly topic: Topic;
  readonly data: Schema;
  /** What its producer may tell: as `data`, but no value that only readers bear with. */
  readonly told: z.ZodType;
  /** By the older version they read: `upcasts[1]` lifts version 1 to version 2. */
  readonly upcasts: Readonly<Record<number, Upcast>>;
}

export type DataOf<D> = D extends EventDefinition<string, infer Schema> ? z.output<Schema> : never;

/**
 * Declares a contract event: topic, key, version and schema as one value. `type` is `<service>.<fact>` and must be produced on a
 * topic of that service. An added member with a default keeps the version; anything else is a new version with an upcast.
 */
export const defineEvent = <const Type extends string, Schema extends z.ZodType>(definition: {
  type: Type;
  version: number;
  topic: Topic;
  data: Schema;
  upcasts?: Readonly<Record<number, Upcast>>;
}): EventDefinition<Type, Schema> => {
  const [service] = definition.type.split('.');
  if (definition.topic.split('.')[1] !== service) {
    throw new Error(`${definition.type} can't be published on ${definition.topic}: a topic belongs to its producer`);
  }
  return { upcasts: {}, ...definition, told: toldOf(definition.data) };
};

/** An event about to be written to the log; the flush adds id, time, actor and the chain of causes. */
export interface Outgoing<D extends EventDefinition = EventDefinition> {
  readonly definition: D;
  /** Id of a row that the transaction has locked; the key on the bus. */
  readonly subject: string;
  /** The number of this event among those of its topic and subject, from 1. */
  readonly sequence: number;
  readonly data: z.input<D['data']>;
}

/** One fact as a list for `outbound`, its data typed by its definition. */
export const tell = <D extends EventDefinition>(definition: D, subject: string, sequence: number, data: z.input<D['data']>): readonly Outgoing[] => [
  { definition, subject, sequence, data },
];

/** An event as a consumer gets it: envelope checked, data parsed and lifted to the newest version. */
export interface Received<D extends EventDefinition = EventDefinition> {
  readonly type: D['type'];
  readonly topic: string;
  readonly subject: string;
  readonly sequence: number;
  readonly position: number;
  readonly time: string;
  readonly id: string;
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId: string;
  readonly traceparent: string | undefined;
  readonly data: DataOf<D>;
}

export type Reading =
  | { readonly outcome: 'read'; readonly event: Received }
  | { readonly outcome: 'unknown-type'; readonly type: string }
  | { readonly outcome: 'unreadable'; readonly reason: string };

/**
 * Reads one message of `topic` against the events a consumer knows. Unknown types are for the caller to skip and count; a newer
 * version, a foreign topic or source and data that doesn't parse are `unreadable`. The reason names paths and codes, never values.
 */
export const readEvent = (known: ReadonlyMap<string, EventDefinition>, topic: string, message: unknown): Reading => {
  const head = envelope.safeParse(message);
  if (!head.success) return { outcome: 'unreadable', reason: `envelope: ${paths(head.error)}` };
  const event = head.data;
  const definition = known.get(event.type);
  if (!definition) return { outcome: 'unknown-type', type: event.type };
  if (definition.topic !== topic) return { outcome: 'unreadable', reason: `${event.type} does not belong on ${topic}` };
  if (event.source.split('/')[2] !== topic.split('.')[1]) return { outcome: 'unreadable', reason: `source and topic differ` };
  if (event.dataversion > definition.version)
    return { outcome: 'unreadable', reason: `version ${event.dataversion} is newer than ${definition.version}` };
  let data: unknown = event.data;
  for (let version = event.dataversion; version < definition.version; version += 1) {
    const step = definition.upcasts[version];
    if (!step) return { outcome: 'unreadable', reason: `no upcast from version ${version}` };
    const old = step.schema.safeParse(data);
    if (!old.success) return { outcome: 'unreadable', reason: `version ${version}: ${paths(old.error)}` };
    data = step.up(old.data as never);
  }
  const parsed = definition.data.safeParse(data);
  if (!parsed.success) return { outcome: 'unreadable', reason: `data: ${paths(parsed.error)}` };
  return {
    outcome: 'read',
    event: {
      type: event.type,
      topic,
      subject: event.subject,
      sequence: event.sequence,
      position: event.position,
      time: event.time,
      id: event.id,
      actor: event.actor,
      correlationId: event.correlationid,
      causationId: event.causationid,
      traceparent: event.traceparent,
      data: parsed.data as never,
    },
  };
};

const paths = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.join('.')}:${issue.code}`)
    .join(' ');

/** The events a consumer knows, by type. */
export const knownEvents = (...definitions: readonly EventDefinition[]): ReadonlyMap<string, EventDefinition> =>
  new Map(definitions.map((definition) => [definition.type, definition]));

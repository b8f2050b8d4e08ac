import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineEvent, envelope, knownEvents, readEvent, type EventDefinition } from './envelope.ts';
import { basic, code, id, leavesOf, sensitive } from './fields.ts';
import { breaks, publishedSchemas, type Json } from './published-schema.ts';
import { allEvents } from './services.ts';

const folder = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;
const names = (path: string): string[] => readdirSync(folder(path)).map((file) => file.replace(/\.json$/, ''));
const versions = allEvents.flatMap(publishedSchemas);
const isFact = ({ topic }: { topic: string }): boolean => topic.endsWith('.facts');
/** The shapes of all versions: what was published once stays in the log for ever. */
const shapes = (definition: EventDefinition): z.ZodType[] => [definition.data, ...Object.values(definition.upcasts).map(({ schema }) => schema)];
const notPublic = (definition: EventDefinition): string[] =>
  shapes(definition).flatMap((shape) => [
    ...leavesOf(shape)
      .filter(({ fieldClass }) => fieldClass !== 'public')
      .map(({ path, fieldClass }) => `${path}: ${fieldClass ?? 'nobody decided'}`),
    ...(isOpen(z.toJSONSchema(shape, { unrepresentable: 'any' }) as unknown as Json) ? ['open to members that nobody named'] : []),
  ]);
/** An object that lets other members through, somewhere in a schema. */
const isOpen = (schema: Json): boolean =>
  typeof schema === 'object' &&
  schema !== null &&
  Object.entries(schema).some(([member, value]) => (member === 'additionalProperties' ? value !== false : isOpen(value as Json)));

describe('the list of events', () => {
  test('has every event that a file of events/ declares', async () => {
    const declared: string[] = [];
    for (const file of readdirSync(folder('events'))) {
      const found = Object.values((await import(`./events/${file}`)) as Record<string, unknown>).filter(
        (value): value is EventDefinition => typeof value === 'object' && value !== null && 'upcasts' in value && 'topic' in value,
      );
      expect(found, file).not.toEqual([]);
      declared.push(...found.map(({ type }) => type));
    }
    expect(declared.sort()).toEqual(allEvents.map(({ type }) => type).sort());
    expect(new Set(declared).size).toBe(declared.length);
  });
});

describe('facts hold public fields only', () => {
  test.each(allEvents.filter(isFact).map((definition) => [definition.type, definition] as const))('%s', (_type, definition) => {
    expect(notPublic(definition)).toEqual([]);
  });

  const fact = (data: z.ZodType, older?: z.ZodType): EventDefinition =>
    defineEvent({
      type: 'quota.planted',
      version: older ? 2 : 1,
      topic: 'khue.quota.facts',
      data,
      ...(older ? { upcasts: { 1: { schema: older, up: (was: never) => was } } } : {}),
    });

  test.each([
    ['a name', fact(z.object({ id: id(), name: basic(z.string()) })), ['name: basic']],
    ['a Party status', fact(z.object({ party: sensitive(z.enum(['none', 'full'])).nullable() })), ['party: sensitive']],
    ['a text that nobody classed', fact(z.object({ id: id(), note: z.string() })), ['note: nobody decided']],
    [
      'personal data deep inside',
      fact(z.object({ people: z.array(z.object({ id: id(), birth: basic(z.string()).optional() })) })),
      ['people[].birth: basic'],
    ],
    [
      'a table of anything',
      fact(z.object({ facts: z.record(z.string(), z.string()) })),
      ['facts: nobody decided', 'open to members that nobody named'],
    ],
    ['anything at all', fact(z.object({ more: z.unknown() })), ['more: nobody decided']],
    ['one of several shapes', fact(z.object({ of: z.union([id(), basic(z.string())]) })), ['of: nobody decided']],
    ['members beyond those named', fact(z.looseObject({ id: id() })), ['open to members that nobody named']],
    ['personal data in an older version', fact(z.object({ id: id() }), z.object({ name: basic(z.string()) })), ['name: basic']],
  ] as const)('%s is caught', (_what, definition, expected) => {
    expect(notPublic(definition)).toEqual(expected);
  });
});

describe('cards', () => {
  test.each(allEvents.filter((definition) => !isFact(definition)).map((definition) => [definition.type, definition] as const))(
    'of %s every member is classed',
    (_type, definition) => {
      expect(notPublic(definition).filter((line) => line.includes('nobody'))).toEqual([]);
    },
  );
});

describe('what was published reads for ever', () => {
  const known = knownEvents(...allEvents);

  test('there is a fixture for each version of each event, and none of an event that is gone', () => {
    expect(names('../fixtures').sort()).toEqual(versions.map(({ name }) => name).sort());
  });

  test.each(names('../fixtures'))('%s', (name) => {
    const message = readJson(folder(`../fixtures/${name}.json`));
    const { type, dataversion, data } = envelope.parse(message);
    expect(`${type}.v${dataversion}`).toBe(name);
    const reading = readEvent(known, known.get(type)?.topic ?? 'an event that is gone', message);
    if (reading.outcome !== 'read') throw new Error(JSON.stringify(reading));
    // A member that is read no more was taken from whoever wrote it down.
    if (dataversion === known.get(type)?.version) expect(reading.event.data).toMatchObject(data as object);
  });

  test('a fixture is caught that no longer reads', () => {
    const message = {
      ...(readJson(folder('../fixtures/quota.seat-confirmed.v1.json')) as Record<string, Json>),
      data: { enrollmentId: 'not an id' },
    };
    expect(readEvent(known, 'khue.quota.facts', message).outcome).toBe('unreadable');
  });
});

describe('schemas', () => {
  test('are those of the events, and none of an event that is gone: npm run contracts', () => {
    expect(names('../schemas').sort()).toEqual(versions.map(({ name }) => name).sort());
  });

  test.each(versions.map((version) => [version.name, version.schema] as const))(
    '%s is as committed, or only adds members with a default',
    (name, schema) => {
      const committed = readJson(folder(`../schemas/${name}.json`));
      expect(breaks(committed, schema)).toEqual([]);
      expect(schema, 'stale: npm run contracts').toEqual(committed);
    },
  );

  const seat = z.object({ seatId: id(), state: z.enum(['held', 'queued']), reason: code().nullable(), past: z.array(z.object({ unitId: id() })) });
  const schemaOf = (data: z.ZodType): Json =>
    publishedSchemas(defineEvent({ type: 'quota.planted', version: 1, topic: 'khue.quota.facts', data }))[0]?.schema as Json;

  test.each([
    ['nothing', seat],
    ['a member with a default', seat.extend({ place: code().default('A') })],
    ['a member with a default, deep inside', seat.extend({ past: z.array(z.object({ unitId: id(), share: z.int().default(100) })) })],
    ['words about a member', seat.extend({ seatId: id().meta({ description: 'of the enrollment', fieldClass: 'public' }) })],
  ])('%s may change within a version', (_what, now) => {
    expect(breaks(schemaOf(seat), schemaOf(now))).toEqual([]);
  });

  test.each([
    ['a member that is gone', seat.omit({ reason: true })],
    ['a new member that older messages lack', seat.extend({ place: code() })],
    ['a new member that may be absent, without a default', seat.extend({ place: code().optional() })],
    ['another type', seat.extend({ reason: z.int().nullable() })],
    ['null where there was none', seat.extend({ seatId: id().nullable() })],
    ['no null where there was one', seat.extend({ reason: code() })],
    ['a member that is no longer required', seat.extend({ reason: code().nullable().optional() })],
    ['a choice less', seat.extend({ state: z.enum(['held']) })],
    ['a choice more', seat.extend({ state: z.enum(['held', 'queued', 'lost']) })],
    ['a narrower text', seat.extend({ reason: code().max(3).nullable() })],
    ['something gone deep inside', seat.extend({ past: z.array(z.object({})) })],
    ['a closed object', z.strictObject(seat.shape)],
  ])('%s needs a new version', (_what, now) => {
    expect(breaks(schemaOf(seat), schemaOf(now))).not.toEqual([]);
  });

  test('an object that was closed can not grow', () => {
    expect(breaks(schemaOf(z.strictObject({ id: id() })), schemaOf(z.strictObject({ id: id(), place: code().default('A') })))).not.toEqual([]);
  });

  test('an event can not leave a version behind without a way to lift it', () => {
    expect(() => publishedSchemas(defineEvent({ type: 'quota.planted', version: 2, topic: 'khue.quota.facts', data: seat }))).toThrow(
      'no upcast from version 1',
    );
  });
});

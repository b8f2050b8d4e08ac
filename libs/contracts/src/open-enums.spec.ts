import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { defineEvent, knownEvents, readEvent, type DataOf, type EventDefinition, type Outgoing } from './envelope.ts';
import type { grantIssued } from './events/registry.ts';
import { personCard } from './events/registry.ts';
import { absentWhereUnknown, choice, id, toldOf } from './fields.ts';
import { learnerFacts } from './learner-facts.ts';
import { breaks, publishedSchemas, type Json } from './published-schema.ts';
import { allEvents } from './services.ts';

/** Lists of codes that a reader of today refuses to see grow. */
const closedLists = (schema: z.ZodType, path = ''): string[] => {
  if ('told' in schema) return [];
  if (schema instanceof z.ZodEnum || schema instanceof z.ZodLiteral) return [path];
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape).flatMap(([key, member]) => closedLists(member as z.ZodType, path ? `${path}.${key}` : key));
  if (schema instanceof z.ZodArray) return closedLists(schema.element as z.ZodType, `${path}[]`);
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return closedLists(schema.unwrap() as z.ZodType, path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => closedLists(option as z.ZodType, path));
  if (schema instanceof z.ZodPipe) return [...closedLists(schema.in as z.ZodType, path), ...closedLists(schema.out as z.ZodType, path)];
  return [];
};
/** The paths of an event's lists of codes, each with a known code. */
const openLists = (schema: Json, path: readonly string[] = []): { path: readonly string[]; code: string }[] => {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return [];
  const here = schema as { readonly [member: string]: Json };
  if (here['openEnum'] === true && Array.isArray(here['enum'])) return [{ path, code: String(here['enum'][0]) }];
  return Object.entries(here).flatMap(([member, inner]) => {
    if (member === 'properties') return Object.entries(inner as object).flatMap(([name, each]) => openLists(each as Json, [...path, name]));
    return member === 'anyOf' ? (inner as readonly Json[]).flatMap((each) => openLists(each, path)) : [];
  });
};

const planted = (data: z.ZodType): EventDefinition => defineEvent({ type: 'quota.planted', version: 1, topic: 'khue.quota.facts', data });
const fixture = ({ type }: EventDefinition): { readonly data: Record<string, unknown> } =>
  JSON.parse(readFileSync(new URL(`../fixtures/${type}.v1.json`, import.meta.url), 'utf8')) as { data: Record<string, unknown> };
const readWith = (definition: EventDefinition, changed: Record<string, unknown>): ReturnType<typeof readEvent> => {
  const message = fixture(definition);
  return readEvent(knownEvents(definition), definition.topic, { ...message, data: { ...message.data, ...changed } });
};

describe('no list of codes on the bus is closed: a later release may tell a code more', () => {
  test.each(allEvents.map((definition) => [definition.type, definition] as const))('%s', (_type, definition) => {
    expect(closedLists(definition.data)).toEqual([]);
  });

  test.each([
    ['an enum', z.object({ state: z.enum(['held', 'queued']) }), ['state']],
    ['one that may be null', z.object({ state: z.enum(['held']).nullable().default(null) }), ['state']],
    ['one in a list', z.object({ seats: z.array(z.object({ state: z.enum(['held']) })) }), ['seats[].state']],
    ['a word', z.object({ kind: z.literal('seat') }), ['kind']],
    ['one of several shapes', z.object({ of: z.union([id(), z.enum(['all'])]) }), ['of']],
    ['one behind a step of ours', z.object({ of: z.preprocess((was) => was, z.enum(['all'])) }), ['of']],
  ] as const)('%s is caught', (_what, data, expected) => {
    expect(closedLists(data)).toEqual(expected);
  });
});

const lists = allEvents.flatMap((definition) =>
  openLists((publishedSchemas(definition)[0]?.schema as { properties: { data: Json } }).properties.data).map(({ path }) => ({ definition, path })),
);

describe('a code that this release does not know', () => {
  test('stands in at least these lists', () => {
    expect(lists.map(({ definition, path }) => `${definition.type} ${path.join('.')}`).sort()).toEqual([
      'enrollment.program-published form',
      'enrollment.program-published level',
      'quota.seat-held cause',
      'quota.seat-released was',
      'registry.document-recorded governs',
      'registry.grant-issued role',
    ]);
  });

  test.each(lists.map(({ definition, path }) => [`${definition.type} ${path.join('.')}`, definition, path] as const))(
    'is read as other in %s, and what is no text is not read',
    (_name, definition, [member = '']) => {
      expect(readWith(definition, { [member]: 'of-a-later-release' })).toMatchObject({ outcome: 'read', event: { data: { [member]: 'other' } } });
      expect(readWith(definition, { [member]: 7 })).toEqual({ outcome: 'unreadable', reason: `data: ${member}:invalid_type` });
    },
  );

  test.each(lists.map(({ definition, path }) => [`${definition.type} ${path.join('.')}`, definition, path] as const))(
    'is not told in %s',
    (_name, definition, [member = '']) => {
      const { data } = fixture(definition);
      expect(definition.told.safeParse(data).success).toBe(true);
      expect(definition.told.safeParse({ ...data, [member]: 'of-a-later-release' }).success).toBe(false);
      // "other" is an answer of its own where a list says so, and nowhere else.
      const listed = member === 'governs';
      expect(definition.told.safeParse({ ...data, [member]: 'other' }).success).toBe(listed);
    },
  );

  test.each(['evaluation', 'criteria', 'strategy', 'petition'])('%s: what documents will govern is read, and not told yet', (governs) => {
    const definition = allEvents.find(({ type }) => type === 'registry.document-recorded') as EventDefinition;
    expect(readWith(definition, { governs })).toMatchObject({ outcome: 'read', event: { data: { governs } } });
    expect(definition.told.safeParse({ ...fixture(definition).data, governs }).success).toBe(false);
  });

  test('is told by no program that compiles', () => {
    expectTypeOf<DataOf<typeof grantIssued>['role']>().toExtend<string>();
    expectTypeOf<'other'>().toExtend<DataOf<typeof grantIssued>['role']>();
    expectTypeOf<'other'>().not.toExtend<Outgoing<typeof grantIssued>['data']['role']>();
  });

  test('is missing data in what is known of a learner, never an answer', () => {
    const { data } = fixture(personCard);
    const facts = {
      degree: 'post-doctor',
      party: { status: 'honorary', since: '2015-05-19' },
      post: { code: 'of-a-later-release', level: 'commune' },
      ratings: [
        { year: 2024, rating: 'good' },
        { year: 2025, rating: 'outstanding' },
      ],
      levelsHeld: [{ level: 'supreme' }],
      sector: 'civil',
    };
    expect(readWith(personCard, { facts })).toMatchObject({
      outcome: 'read',
      event: {
        data: {
          facts: {
            degree: null,
            party: { status: null, since: '2015-05-19' },
            post: { code: null, level: 'commune' },
            ratings: [{ year: 2024, rating: 'good' }],
            levelsHeld: [],
            sector: 'civil',
          },
        },
      },
    });
    expect(readWith(personCard, { facts: { degree: 7 } })).toEqual({ outcome: 'unreadable', reason: 'data: facts.degree:invalid_value' });
    expect(personCard.told.safeParse({ ...data, facts }).success).toBe(false);
    expect(personCard.told.safeParse(data).success).toBe(true);
  });
});

describe('the producer side of a schema', () => {
  const seat = z.object({
    id: id(),
    state: choice(['held', 'queued'], ['lent']).nullable().default(null),
    past: z.array(z.object({ was: choice(['a']) })).max(1),
  });

  test('is as strict as declared, wherever the list stands', () => {
    const told = toldOf(seat);
    const one = { id: '0199c0de-7000-7000-8000-000000000001', past: [] };
    expect(told.parse(one)).toEqual({ ...one, state: null });
    for (const wrong of [{ state: 'lent' }, { state: 'other' }, { past: [{ was: 'b' }] }, { past: [{ was: 'a' }, { was: 'a' }] }])
      expect(told.safeParse({ ...one, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
    expect(seat.parse({ ...one, state: 'lent', past: [{ was: 'b' }] })).toEqual({ ...one, state: 'lent', past: [{ was: 'other' }] });
  });

  test('is the same schema where nothing is open', () => {
    const closed = z.object({ id: id(), past: z.array(id()) });
    expect(toldOf(closed)).toBe(closed);
  });
});

describe('the published schema of an open list', () => {
  const schemaOf = (state: z.ZodType): Json => publishedSchemas(planted(z.object({ id: id(), state })))[0]?.schema as Json;
  const closed = z.enum(['held', 'queued']).meta({ fieldClass: 'public' });
  const open = choice(['held', 'queued']);

  test('names the known codes, and those to come', () => {
    const { properties } = schemaOf(choice(['held'], ['lent'])) as { properties: { data: { properties: { state: object } } } };
    expect(properties.data.properties.state).toEqual({ type: 'string', enum: ['held', 'lent'], openEnum: true, fieldClass: 'public' });
  });

  test.each([
    ['opens', closed, open],
    ['gains a code', open, choice(['held', 'queued', 'lent'])],
    ['gains one to come', open, choice(['held', 'queued'], ['lent'])],
    ['tells what was to come', choice(['held', 'queued'], ['lent']), choice(['held', 'queued', 'lent'])],
    ['gains a code where it may be null', open.nullable(), choice(['held', 'queued', 'lent']).nullable()],
  ] as const)('within a version it %s', (_what, was, is) => {
    expect(breaks(schemaOf(was), schemaOf(is))).toEqual([]);
  });

  test.each([
    ['loses a code', open, choice(['held'])],
    ['closes', open, closed],
    ['becomes a number', open, z.int().meta({ fieldClass: 'public' })],
  ] as const)('it needs a new version where it %s', (_what, was, is) => {
    expect(breaks(schemaOf(was), schemaOf(is))).not.toEqual([]);
  });

  test('of what is known of a learner grows too, and loses nothing', () => {
    const more = learnerFacts.extend({ sector: z.enum(['civil', 'army', 'police', 'enterprise', 'navy']).nullish() });
    const less = learnerFacts.extend({ sector: z.enum(['civil']).nullish() });
    const of = (facts: typeof learnerFacts | typeof more | typeof less): Json => schemaOf(absentWhereUnknown(facts));
    expect(breaks(of(learnerFacts), of(more))).toEqual([]);
    expect(breaks(of(learnerFacts), of(less))).not.toEqual([]);
  });
});

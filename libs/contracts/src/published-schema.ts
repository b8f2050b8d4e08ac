import { z } from 'zod';
import { envelope, type EventDefinition } from './envelope.ts';

/** An event in one of its versions, as a message of that version looks on the bus. */
export interface PublishedSchema {
  /** `<type>.v<version>`: the name of its schema and of its fixture. */
  readonly name: string;
  readonly schema: Json;
}

export type Json = string | number | boolean | null | readonly Json[] | { readonly [member: string]: Json };

/** The JSON Schemas (2020-12) of all versions that an event ever had. */
export const publishedSchemas = (definition: EventDefinition): readonly PublishedSchema[] =>
  Array.from({ length: definition.version }, (_, place) => {
    const version = place + 1;
    const data = version === definition.version ? definition.data : definition.upcasts[version]?.schema;
    if (!data) throw new Error(`${definition.type} has no upcast from version ${version}: what was published must read for ever`);
    const message = envelope.extend({ type: z.literal(definition.type), dataversion: z.literal(version), data });
    const schema = z.toJSONSchema(message, { io: 'input' }) as unknown as { readonly [member: string]: Json };
    return { name: `${definition.type}.v${version}`, schema: { ...schema, topic: definition.topic } };
  });

/* Words about a schema: no reader of a message depends on them. */
const openEnum = 'openEnum';
const words = new Set(['title', 'description', 'examples', 'fieldClass', '$comment']);
type Members = { readonly [member: string]: Json };
const isMembers = (value: Json | undefined): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value);
const without = (value: Members, leave: ReadonlySet<string>): Members =>
  Object.fromEntries(Object.entries(value).filter(([member]) => !leave.has(member)));

/**
 * What a change of a published schema breaks, one sentence each; none when it only adds members that have a default, or codes to a list that is open: its
 * readers bear with what they don't know. Everything else, also a wider closed list or a member that is no longer required, is a new version: somebody reads the
 * old one.
 */
export const breaks = (was: Json, is: Json, path = '', open = false): readonly string[] => {
  const here = path || 'the message';
  if (Array.isArray(was) && Array.isArray(is)) {
    if (was.length !== is.length) return [`${here}: was ${JSON.stringify(was)}, is ${JSON.stringify(is)}`];
    return was.flatMap((each: Json, place) => breaks(each, is[place] as Json, `${path}[${place}]`, open));
  }
  if (!isMembers(was) || !isMembers(is)) return was === is ? [] : [`${here}: was ${JSON.stringify(was)}, is ${JSON.stringify(is)}`];
  const grows = open || is[openEnum] === true;
  // Opening a list is the readers' part, and it comes a release before the first new code; closing one again is no way back.
  const [old, now] = [without(was, words), without(is, was[openEnum] === true ? words : new Set([...words, openEnum]))];
  if (!isMembers(old['properties']) || !isMembers(now['properties'])) {
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((member) => {
      const [before, after] = [old[member], now[member]];
      if (member === 'enum' && grows && Array.isArray(before) && Array.isArray(after)) return lost(before, after, here);
      if (before === undefined || after === undefined) return [`${here}: ${member} ${before === undefined ? 'was added' : 'is gone'}`];
      return breaks(before, after, `${path}/${member}`, grows);
    });
  }
  const { properties: before, ...oldRest } = old;
  const { properties: after, ...nowRest } = now;
  return [
    ...breaks(withRequired(oldRest), withRequired(nowRest), path, grows),
    ...memberBreaks(before as Members, after as Members, { owner: now, path, open: grows }),
  ];
};

const lost = (before: readonly Json[], after: readonly Json[], here: string): readonly string[] =>
  before.filter((code) => !after.includes(code)).map((code) => `${here}: ${JSON.stringify(code)} is gone`);

interface Place {
  readonly owner: Members;
  readonly path: string;
  readonly open: boolean;
}

const memberBreaks = (before: Members, after: Members, { owner, path, open }: Place): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const [old, now] = [before[name], after[name]];
    const here = `${path}.${name}`;
    if (now === undefined) return [`${here}: is gone`];
    if (old !== undefined) return breaks(old, now, here, open);
    if (owner['additionalProperties'] === false) return [`${here}: was added to a closed object, which older readers refuse`];
    return isMembers(now) && 'default' in now ? [] : [`${here}: was added without a default, which older messages lack`];
  });

/** The order in which members are required says nothing, and none is as good as an empty list. */
const withRequired = (rest: Members): Members => ({ ...rest, required: [...((rest['required'] as readonly string[] | undefined) ?? [])].sort() });

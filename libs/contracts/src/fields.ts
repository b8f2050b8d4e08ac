import { z } from 'zod';

/**
 * How carefully a member must be treated (Luật 91/2025/QH15 and Nghị định 356/2025: basic and sensitive personal data).
 * `public` members alone may stand in a fact, for facts are kept for ever.
 */
export type FieldClass = 'public' | 'basic' | 'sensitive';

const classed = <S extends z.ZodType>(schema: S, fieldClass: FieldClass): S => schema.meta({ fieldClass }) as S;

/** Marks a member as basic personal data: name, birth, sex, contact. */
export const basic = <S extends z.ZodType>(schema: S): S => classed(schema, 'basic');
/** Marks a member as sensitive personal data: Party status, ethnic origin, political-theory level. */
export const sensitive = <S extends z.ZodType>(schema: S): S => classed(schema, 'sensitive');

/** A UUID that names a record and nothing about it. */
export const id = () => classed(z.uuid(), 'public');
/** A code of a catalog or a document number: bounded ASCII or Vietnamese letters, digits and the marks of document numbers. */
export const code = () => classed(z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._/:+-]{0,79}$/u), 'public');
/** A whole number of things, 0 or more. */
export const count = () => classed(z.int().min(0), 'public');
/** A business date, `YYYY-MM-DD`. */
export const day = () => classed(z.iso.date(), 'public');

/** A schema that reads more than its producer may tell: `told` is the producer's side. */
interface Lenient {
  readonly told: z.ZodType;
}
const isLenient = (schema: z.ZodType): schema is z.ZodType & Lenient => 'told' in schema;

/**
 * One of a list of codes that may grow: a value that this release doesn't know yet is read as `other`, for services are deployed one after the other. Told are
 * `values` only; `toCome` are read and known already, and told by a later release, when every reader knows them.
 */
export const choice = <const V extends readonly [string, ...string[]], const C extends readonly string[] = readonly []>(values: V, toCome?: C) => {
  const known: readonly string[] = [...values, ...(toCome ?? [])];
  const reading = z.string().transform((value) => (known.includes(value) ? value : 'other'));
  const published = reading.meta({ fieldClass: 'public', enum: known, openEnum: true });
  return Object.assign(published as unknown as z.ZodType<V[number] | C[number] | 'other', V[number]>, { told: z.enum(values) } satisfies Lenient);
};

/**
 * Members whose lists of codes may grow, where `other` would be an answer: a value that this release doesn't know yet is read as absent (null), and in a list
 * its whole item is left out.
 */
export const absentWhereUnknown = <S extends z.ZodType>(schema: S) =>
  Object.assign(z.preprocess((value) => withoutUnknown(schema, value), schema).meta({ openEnum: true }), { told: schema } satisfies Lenient);

const unknown = Symbol('unknown');

const withoutUnknown = (schema: z.ZodType, value: unknown): unknown => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    const inner = withoutUnknown(schema.unwrap() as z.ZodType, value);
    return inner === unknown && schema.safeParse(null).success ? null : inner;
  }
  if (schema instanceof z.ZodEnum) return typeof value === 'string' && !schema.safeParse(value).success ? unknown : value;
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => withoutUnknown(schema.element as z.ZodType, item)).filter((item) => item !== unknown);
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => {
    const shape = schema.shape[key] as z.ZodType | undefined;
    return [key, shape ? withoutUnknown(shape, member) : member] as const;
  });
  return members.some(([, member]) => member === unknown) ? unknown : Object.fromEntries(members);
};

/** The producer's side of a schema: what it may tell, as strictly as it was declared. The same schema where both sides are one. */
export const toldOf = (schema: z.ZodType): z.ZodType => {
  if (isLenient(schema)) return schema.told;
  if (schema instanceof z.ZodObject) {
    const shape = Object.fromEntries(Object.entries(schema.shape).map(([key, member]) => [key, toldOf(member as z.ZodType)]));
    return Object.entries(shape).every(([key, member]) => member === schema.shape[key]) ? schema : schema.clone({ ...schema.def, shape });
  }
  if (schema instanceof z.ZodArray) {
    const element = toldOf(schema.element as z.ZodType);
    return element === schema.element ? schema : schema.clone({ ...schema.def, element });
  }
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    const innerType = toldOf(schema.unwrap() as z.ZodType);
    return innerType === schema.unwrap() ? schema : schema.clone({ ...schema.def, innerType } as never);
  }
  return schema;
};

/** The name of a body or a program, never of a person. */
export const publicName = () => classed(z.string().min(1).max(300), 'public');
/** An account's `sub`: an id of the identity provider, not a person's name. */
export const account = () => classed(z.string().min(1).max(200), 'public');
export const flag = () => classed(z.boolean(), 'public');

/** The paths of the leaves of an object schema, each with its class; `undefined` where nobody decided. Test material for contracts. */
export const leavesOf = (schema: z.ZodType, path = ''): { path: string; fieldClass: FieldClass | undefined }[] => {
  const own = (schema.meta() as { fieldClass?: FieldClass } | undefined)?.fieldClass;
  if (own) return [{ path, fieldClass: own }];
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, member]) => leavesOf(member as z.ZodType, path ? `${path}.${key}` : key));
  }
  if (schema instanceof z.ZodArray) return leavesOf(schema.element as z.ZodType, `${path}[]`);
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return leavesOf(schema.unwrap() as z.ZodType, path);
  }
  if (isLenient(schema)) return leavesOf(schema.told, path);
  return [{ path, fieldClass: undefined }];
};

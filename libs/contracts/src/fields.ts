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
/** One of a closed list of codes. */
export const choice = <const V extends readonly [string, ...string[]]>(values: V) => classed(z.enum(values), 'public');
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
  return [{ path, fieldClass: undefined }];
};

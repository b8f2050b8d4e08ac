import { z } from 'zod';
import { roles } from '../grants.ts';
import { normalizeText, text } from '../text.ts';

// Members that the registry's routes share.

export const registryApi = '/api/registry/v1';
/** A code or document number, as in the events: normalized before it is looked at. */
export const codeText = z
  .string()
  .overwrite(normalizeText)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}._/:+-]{0,79}$/u);
/** Why, in the caller's words; kept in the audit. */
export const reason = text({ max: 500 }).optional();
/** The number behind the ETag. */
export const version = z.int().min(1);
/** A part of a name, with or without diacritics. */
export const fold = text({ max: 100 }).optional();
/** Every role reads units and documents: they are public. */
export const everyone = roles;
/** Who enters people, one by one or by list. */
export const writers = ['officer', 'board'] as const;

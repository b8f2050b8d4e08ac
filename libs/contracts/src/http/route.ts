import { z } from 'zod';
import type { Role } from '../grants.ts';

/** Who may call: anyone, anyone with a valid token, or holders of one of the roles (in whose scope the record lies: the owning service checks). */
export type Callers = 'anyone' | 'signed-in' | readonly Role[];

/** One operation, as the service serves it, the gateway documents it and the tests walk it. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** OpenAPI path, such as `/api/quota/v1/pots/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: { readonly vi: string; readonly en: string };
  readonly callers: Callers;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** JSON body; unknown and read-only members are refused (use z.strictObject). */
  readonly body?: z.ZodType;
  /** A file upload (multipart/form-data with one part `file`). */
  readonly upload?: true;
  /** The success answer. `none`: no body. */
  readonly status: 200 | 201 | 202 | 204;
  readonly answer: z.ZodType | 'none' | 'csv';
  /** Codes of this route's own refusals, beside the common ones. */
  readonly problems?: readonly string[];
  /** POST without an Idempotency-Key: only where a repeat can't write twice by nature; says why. */
  readonly noIdempotencyKey?: string;
}

export const defineRoute = <const R extends Route>(route: R): R => route;

/** `{items, next}`; `next` is the cursor of the following page or null. */
export const page = <S extends z.ZodType>(item: S) => z.object({ items: z.array(item), next: z.string().nullable() });

/** Query of every list. */
export const pageQuery = {
  cursor: z.string().max(400).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
};
export const idParams = z.object({ id: z.uuid() });

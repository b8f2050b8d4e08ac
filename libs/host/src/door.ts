import { hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { todayIn } from '@khue/contracts/dates';
import type { Grant } from '@khue/contracts/grants';
import type { Route } from '@khue/contracts/http/route';
import { toProblem } from '@khue/contracts/problem-document';
import { isOnItsWay, type ProblemCatalog } from '@khue/contracts/problems';
import type { Answer, Command } from '@khue/messaging/command';
import { newId } from '@khue/messaging/new-id';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Identity } from './identity.ts';
import { Refuse } from './refuse.ts';
import { parsePart } from './validation.ts';

type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;

/** A request whose token, role, shape and headers have been checked; scope is the domain's to check. */
export interface Call<R extends Route = Route> {
  readonly params: Parsed<R['params']>;
  readonly query: Parsed<R['query']>;
  readonly body: Parsed<R['body']>;
  /** Grants active today, of any role. `sub` is empty on routes for anyone. */
  readonly caller: { readonly sub: string; readonly grants: readonly Grant[] };
  readonly now: string;
  readonly today: string;
  readonly ifMatch: number | undefined;
  readonly correlationId: string;
  /** The uploaded file of an `upload` route. */
  file(): Promise<{ readonly name: string; readonly stream: Readable }>;
  /** The command envelope for the gather: actor, time, cause, key and version as the request carries them. */
  command<const Body>(body: Body, extra?: { readonly reason?: string; readonly id?: string; readonly grantId?: string }): Command<Body>;
}

/** A body as a handler may give it: what it only reads may be read-only. */
type Told<T> = T extends readonly (infer Item)[] ? readonly Told<Item>[] : T extends object ? { readonly [Member in keyof T]: Told<T[Member]> } : T;
/** The body of a route's answer, by its contract. */
export type BodyOf<R extends Route> = R['answer'] extends z.ZodType ? Told<z.input<R['answer']>> : undefined;

/** What a handler gives back, typed by its route. The status stands in the route alone: one written here would be passed over, so it doesn't compile. */
export type Reply<R extends Route = Route> = (
  | Answer<BodyOf<R>>
  | { readonly body: BodyOf<R>; readonly version?: number }
  /** A body that is JSON already. */
  | { readonly json: Buffer; readonly version?: number }
  | (R['answer'] extends 'csv' ? File : never)
) & { readonly status?: never };

export interface File {
  readonly stream: Readable;
  readonly type: string;
  readonly fileName: string;
}

export interface DoorOptions {
  readonly http: FastifyInstance;
  readonly identity: Identity;
  readonly grantsOf: (sub: string) => readonly Grant[];
  readonly catalog: ProblemCatalog;
  /** Accounts that hold a role without a grant; only the registry's bootstrap rule gives any. */
  readonly extraRoles?: (sub: string) => readonly string[];
  /** Whether what the route answers by was complete once; before, nothing is answered rather than a default. */
  readonly isCaughtUp?: (route: Route) => boolean | Promise<boolean>;
  readonly now?: () => Date;
}

export type Serve = <R extends Route>(route: R, handler: (call: Call<R>) => Promise<Reply<R>>) => void;

const visibleAscii = /^[\x21-\x7e]{1,200}$/;
const etag = /^"(\d{1,15})"$/;

/** The HTTP door of a service: each route of its contract is served behind the same checks, in the same order. */
export const createDoor = ({
  http,
  identity,
  grantsOf,
  catalog,
  extraRoles = () => [],
  isCaughtUp = () => true,
  now = () => new Date(),
}: DoorOptions): Serve => {
  const identify = async (request: FastifyRequest, route: Route, today: string): Promise<Call['caller']> => {
    if (route.callers === 'anyone') return { sub: '', grants: [] };
    const verified = await identity.verify(request.headers.authorization);
    if (!verified.ok) {
      if (verified.reason === 'away') throw new Refuse('upstream-away', { retryAfterSeconds: 5 });
      throw new Refuse(verified.reason === 'missing' ? 'token-missing' : 'token-invalid');
    }
    // Before the grants: those of a directory that is not filled yet are none.
    const caughtUp = isCaughtUp(route);
    if (caughtUp !== true && !(await caughtUp)) throw new Refuse('not-caught-up', { retryAfterSeconds: 1 });
    const grants = grantsOf(verified.sub).filter((grant) => grant.validFrom <= today && (grant.validTo === null || today < grant.validTo));
    const held = [...grants.map((grant) => grant.role as string), ...extraRoles(verified.sub)];
    const { callers } = route;
    if (callers !== 'signed-in' && !held.some((role) => (callers as readonly string[]).includes(role))) throw new Refuse('role-missing');
    return { sub: verified.sub, grants };
  };

  /** The grant the actor acts under; where several would do for this route, all of them, for only the decision looks at the unit. */
  const grantsFor = (route: Route, caller: Call['caller']): string | undefined => {
    const { callers } = route;
    if (typeof callers === 'string') return undefined;
    const able = caller.grants.filter((grant) => callers.includes(grant.role));
    return able.length > 0 ? able.map((grant) => grant.id).join(' ') : undefined;
  };

  const serveOne = async <R extends Route>(route: R, handler: (call: Call<R>) => Promise<Reply<R>>, request: FastifyRequest, reply: FastifyReply) => {
    const instant = now();
    const today = todayIn(instant);
    const caller = await identify(request, route, today);
    const key = idempotencyKey(request, route);
    const ifMatch = versionSeen(request, route);
    const call: Call<R> = {
      params: (route.params ? parsePart(route.params, request.params) : undefined) as Call<R>['params'],
      query: (route.query ? parsePart(route.query, request.query) : undefined) as Call<R>['query'],
      body: (route.body ? parsePart(route.body, request.body ?? undefined) : undefined) as Call<R>['body'],
      caller,
      now: instant.toISOString(),
      today,
      ifMatch,
      correlationId: request.id,
      file: () => uploaded(request),
      command: (body, { id = newId(), reason, grantId = grantsFor(route, caller) } = {}) => {
        const traceparent = request.headers.traceparent;
        return {
          id,
          body,
          actor: caller.sub,
          now: instant.toISOString(),
          today,
          correlationId: request.id,
          causationId: id,
          ...(reason === undefined ? {} : { reason }),
          ...(grantId === undefined ? {} : { grantId }),
          ...(typeof traceparent === 'string' && traceparent.length <= 100 ? { traceparent } : {}),
          ...(ifMatch === undefined ? {} : { ifMatch }),
          ...(key === undefined
            ? {}
            : { idempotency: { sub: caller.sub, route: `${route.method} ${request.url.split('?')[0]}`, key, bodyHash: hashOf(request) } }),
        };
      },
    };
    return send(reply, await handler(call), route, catalog, request.id);
  };

  return (route, handler) => {
    http.route({
      method: route.method,
      url: route.path.replace(/\{(\w+)\}/g, ':$1'),
      exposeHeadRoute: false,
      onRequest: http.admission.admit,
      handler: (request, reply) => serveOne(route, handler, request, reply),
    });
  };
};

const idempotencyKey = (request: FastifyRequest, route: Route): string | undefined => {
  if (route.method !== 'POST' || route.noIdempotencyKey) return undefined;
  const key = request.headers['idempotency-key'];
  if (key === undefined || key === '') throw new Refuse('idempotency-key-missing', { field: 'Idempotency-Key' });
  if (typeof key !== 'string' || !visibleAscii.test(key)) throw new Refuse('idempotency-key-invalid', { field: 'Idempotency-Key' });
  return key;
};

const versionSeen = (request: FastifyRequest, route: Route): number | undefined => {
  const header = request.headers['if-match'];
  if (header === undefined) {
    if (['PUT', 'PATCH', 'DELETE'].includes(route.method)) throw new Refuse('if-match-missing', { field: 'If-Match' });
    return undefined;
  }
  const version = etag.exec(header)?.[1];
  if (version === undefined) throw new Refuse('if-match-invalid', { field: 'If-Match' });
  return Number(version);
};

// Over the bytes as they came: the same key with another body is another request.
const hashOf = (request: FastifyRequest): string => hash('sha256', request.rawBody ?? '', 'base64');

const uploaded = async (request: FastifyRequest): Promise<{ name: string; stream: Readable }> => {
  const part = request.isMultipart() ? await request.file() : undefined;
  if (!part || part.fieldname !== 'file') throw new Refuse('file-missing', { field: 'file' });
  return { name: part.filename, stream: part.file };
};

const send = (
  reply: FastifyReply,
  result: Answer | { readonly body: unknown; readonly version?: number } | { readonly json: Buffer; readonly version?: number } | File,
  route: Route,
  catalog: ProblemCatalog,
  correlationId: string,
): FastifyReply => {
  if ('stream' in result) {
    return reply
      .header('content-type', result.type)
      .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(result.fileName)}`)
      .send(result.stream);
  }
  if ('ok' in result && !result.ok) return sendProblem(reply, catalog, result, correlationId);
  const { version } = result;
  if (version !== undefined) reply.header('etag', `"${version}"`);
  reply.code(route.status);
  if ('json' in result) return reply.header('content-type', 'application/json; charset=utf-8').send(result.json);
  return route.answer === 'none' ? reply.send() : reply.send(result.body);
};

export interface ProblemSource {
  readonly code: string;
  readonly field?: string;
  readonly params?: Readonly<Record<string, string | number>>;
  readonly errors?: Refuse['errors'];
  readonly retryAfterSeconds?: number;
}

/** Answers with a problem document; Retry-After where waiting helps. */
export const sendProblem = (reply: FastifyReply, catalog: ProblemCatalog, refusal: ProblemSource, correlationId: string): FastifyReply => {
  // Nothing the caller can mend: the code of a refusal is misspelt, or its words are missing.
  if (!Object.hasOwn(catalog, refusal.code)) reply.server.unworded?.(refusal.code, reply.request.routeOptions.url, correlationId);
  const document = toProblem(catalog, refusal, correlationId, refusal.errors ?? []);
  const wait = refusal.retryAfterSeconds ?? (isOnItsWay(refusal.code) ? 1 : undefined);
  if (wait !== undefined) reply.header('retry-after', String(wait));
  if (document.status === 401) reply.header('www-authenticate', 'Bearer');
  if (refusal.code === 'version-stale' && refusal.params?.version !== undefined) reply.header('etag', `"${refusal.params.version}"`);
  return reply.code(document.status).header('content-type', 'application/problem+json; charset=utf-8').send(JSON.stringify(document));
};

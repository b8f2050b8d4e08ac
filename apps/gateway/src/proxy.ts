import rateLimit from '@fastify/rate-limit';
import replyFrom from '@fastify/reply-from';
import { createAdmission } from '@khue/host/admission';
import { sendProblem } from '@khue/host/door';
import type { Identity } from '@khue/host/identity';
import { Refuse } from '@khue/host/refuse';
import type { ProblemCatalog } from '@khue/contracts/problems';
import type { FastifyInstance } from 'fastify';

export interface RateLimits {
  readonly requests: number;
  readonly windowMs: number;
  /** Accounts remembered at once. */
  readonly accounts: number;
}
/** Requests one account may send in a window; far above a clerk, far below a loop that went wrong. */
export const rateLimits: RateLimits = { requests: 30_000, windowMs: 10_000, accounts: 20_000 };
/**
 * Waits and sizes toward the services, milliseconds. An import's plan is answered when its last row is read, so the answer may take long. `headers` ends before the
 * caller's own connection has been silent for 30 s and is closed: or who waits for a frozen service is cut off instead of told.
 */
export const upstreamLimits = { connections: 96, connect: 3_000, headers: 28_000, uploadHeaders: 600_000, body: 60_000 } as const;

declare module 'fastify' {
  interface FastifyRequest {
    sub: string | undefined;
  }
}

export interface ProxyOptions {
  readonly services: Readonly<Record<string, string>>;
  readonly identity: Identity;
  readonly problems: ProblemCatalog;
  readonly limits: RateLimits;
}

/** Forwards /api/<service>/… as bytes; the token is checked here first, so that strangers cost the services nothing. */
export const serveProxy = async (http: FastifyInstance, { services, identity, problems, limits }: ProxyOptions): Promise<void> => {
  await http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Read to its end before it goes on: a service that refuses a body half read closes the connection, and the answer may be lost with it. Uploads are
    // streamed: a service reads them to their end or lets them drain.
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
    scope.addContentTypeParser('multipart/form-data', (_, payload, done) => done(null, payload));
    scope.decorateRequest('sub', undefined);
    scope.addHook('onRequest', async (request) => {
      const verified = await identity.verify(request.headers.authorization);
      if (verified.ok) request.sub = verified.sub;
      else if (verified.reason === 'away') throw new Refuse('upstream-away', { retryAfterSeconds: 5 });
      else throw new Refuse(verified.reason === 'missing' ? 'token-missing' : 'token-invalid');
    });
    await scope.register(rateLimit, {
      max: limits.requests,
      timeWindow: limits.windowMs,
      cache: limits.accounts,
      keyGenerator: (request) => request.sub ?? request.ip,
      errorResponseBuilder: (_, context) => new Refuse('rate-limited', { retryAfterSeconds: Math.max(1, Math.ceil(context.ttl / 1_000)) }),
      addHeadersOnExceeding: {},
    });
    await scope.register(replyFrom, {
      disableCache: false,
      undici: {
        connections: upstreamLimits.connections,
        pipelining: 1,
        connect: { timeout: upstreamLimits.connect },
        headersTimeout: upstreamLimits.uploadHeaders,
        bodyTimeout: upstreamLimits.body,
      },
    });
    for (const [service, base] of Object.entries(services)) {
      // One for each service: where one is frozen, its waiting requests take no place of another's.
      scope.all(`/api/${service}/*`, { onRequest: createAdmission() }, (request, reply) => {
        const contentType = request.headers['content-type'] ?? '';
        // Without the query, which it takes from the request as it came: it would refuse a query it can't decode as a failure of its own.
        return reply.from(`${base}${request.url.split('?')[0]}`, {
          ...(Buffer.isBuffer(request.body) ? { body: request.body, contentType: contentType || 'application/octet-stream' } : {}),
          timeout: contentType.startsWith('multipart/form-data') ? upstreamLimits.uploadHeaders : upstreamLimits.headers,
          // By itself it repeats a GET that was answered 503 ten times within a second: a service that can't keep up would get eleven times the load.
          retryDelay: () => null,
          rewriteRequestHeaders: (_, headers) => ({ ...headers, 'x-correlation-id': request.id }),
          onError: (failed) => {
            sendProblem(failed as typeof reply, problems, { code: 'upstream-away', retryAfterSeconds: 2 }, request.id);
          },
        });
      });
    }
  });
};

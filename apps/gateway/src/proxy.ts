import rateLimit from '@fastify/rate-limit';
import { createAdmission } from '@khue/host/admission';
import { sendProblem } from '@khue/host/door';
import type { Identity, Verified } from '@khue/host/identity';
import { Refuse } from '@khue/host/refuse';
import type { ProblemCatalog } from '@khue/contracts/problems';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createForwarder } from './forward.ts';

export interface RateLimits {
  readonly requests: number;
  readonly windowMs: number;
  /** Accounts remembered at once. */
  readonly accounts: number;
}
/** Requests one account may send in a window; far above a clerk, far below a loop that went wrong. */
export const rateLimits: RateLimits = { requests: 30_000, windowMs: 10_000, accounts: 20_000 };
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
    // Nothing is awaited where nothing has to be: most tokens were seen a moment ago.
    scope.addHook('onRequest', (request, _, done) => {
      const verified = identity.verify(request.headers.authorization);
      if (verified instanceof Promise) verified.then((late) => done(admit(request, late)), done);
      else done(admit(request, verified));
    });
    await scope.register(rateLimit, {
      max: limits.requests,
      timeWindow: limits.windowMs,
      cache: limits.accounts,
      keyGenerator: (request) => request.sub ?? request.ip,
      errorResponseBuilder: (_, context) => new Refuse('rate-limited', { retryAfterSeconds: Math.max(1, Math.ceil(context.ttl / 1_000)) }),
      addHeadersOnExceeding: {},
    });
    for (const [service, base] of Object.entries(services)) {
      // Both for each service: where one is frozen, its waiting requests take no place of another's.
      const forwarder = createForwarder(base);
      scope.addHook('onClose', forwarder.close);
      scope.all(`/api/${service}/*`, { onRequest: createAdmission().admit }, (request, reply) => {
        forwarder.forward(request, reply, () => {
          sendProblem(reply, problems, { code: 'upstream-away', retryAfterSeconds: 2 }, request.id);
        });
      });
    }
  });
};

const admit = (request: FastifyRequest, verified: Verified): Refuse | undefined => {
  if (!verified.ok && verified.reason === 'away') return new Refuse('upstream-away', { retryAfterSeconds: 5 });
  if (!verified.ok) return new Refuse(verified.reason === 'missing' ? 'token-missing' : 'token-invalid');
  request.sub = verified.sub;
  return undefined;
};

import multipart from '@fastify/multipart';
import underPressure from '@fastify/under-pressure';
import type { ProblemCatalog } from '@khue/contracts/problems';
import { classify } from '@khue/messaging/database';
import { newId } from '@khue/messaging/new-id';
import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Histogram, type Registry } from 'prom-client';
import { createAdmission, type Admission } from './admission.ts';
import { answerBadAddress, answerBrokenRequest } from './broken-request.ts';
import type { LogConfig } from './config.ts';
import { sendProblem } from './door.ts';
import type { Logger } from './logger.ts';
import { Refuse } from './refuse.ts';
import { turnAway } from './turn-away.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Of the writes behind this server's door. */
    admission: Admission;
    /** Told of a refusal whose code has no words, which its caller gets as an internal error. */
    unworded?: (code: string, route: string | undefined, correlationId: string) => void;
  }
  interface FastifyRequest {
    /** The body's bytes as text, for the idempotency hash. */
    rawBody: string | undefined;
    /** Cuts off a body that does not arrive. */
    receiving: NodeJS.Timeout | undefined;
  }
}

/** Sizes and waits of every HTTP door, bytes and milliseconds. */
export const httpLimits = {
  body: 1_048_576,
  uploadFile: 1_073_741_824,
  headers: 10_000,
  /** A JSON body that has not arrived by then is cut off. */
  receive: 15_000,
  /** A connection on which nothing moves. */
  silence: 30_000,
  keepAlive: 72_000,
  eventLoopDelay: 1_500,
} as const;

export interface HttpOptions {
  readonly catalog: ProblemCatalog;
  readonly log: Logger;
  readonly logConfig: LogConfig;
  readonly metrics: Registry;
}

// It stands in every line of the log: nine digits in a row may be somebody's identity number, and then we make our own. A UUID may hold as many by chance.
const correlationPattern = /^(?:[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|(?!.*\d{9})[A-Za-z\d-]{8,64})$/i;

const correlationIdOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string => {
  const given = headers['x-correlation-id'];
  return typeof given === 'string' && correlationPattern.test(given) ? given : newId();
};

/** A fastify server with the house's limits, problem documents, correlation ids, request metrics and frugal logs. */
export const createHttp = async ({ catalog, log, logConfig, metrics }: HttpOptions): Promise<FastifyInstance> => {
  const http = Fastify({
    logger: false,
    bodyLimit: httpLimits.body,
    // Uploads take as long as they take while bytes move; JSON bodies have their own clock below.
    requestTimeout: 0,
    connectionTimeout: httpLimits.silence,
    keepAliveTimeout: httpLimits.keepAlive,
    forceCloseConnections: 'idle',
    genReqId: correlationIdOf,
    routerOptions: { maxParamLength: 100 },
    frameworkErrors: answerBadAddress(catalog),
    clientErrorHandler: answerBrokenRequest(catalog),
  });
  http.server.headersTimeout = httpLimits.headers;
  const served = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  http.addHook('onRoute', ({ url, method }) => {
    const known = served.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    [method].flat().forEach((one) => known.methods.add(one));
    served.set(url, known);
  });
  http.decorate('admission', createAdmission());
  http.decorate('unworded', (code: string, route: string | undefined, correlationId: string) =>
    log.error({ code, route, correlationId }, 'a refusal without words'),
  );
  http.decorateRequest('rawBody', undefined);
  http.decorateRequest('receiving', undefined);

  const parseJson = http.getDefaultJsonParser('error', 'error');
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  http.removeContentTypeParser('application/json');
  http.removeContentTypeParser('text/plain');
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      request.rawBody = utf8.decode(body as Buffer);
    } catch {
      done(new Refuse('body-unreadable'));
      return;
    }
    if (request.rawBody === '') done(null, undefined);
    else void parseJson(request, request.rawBody, done);
  });
  await http.register(multipart, { limits: { fileSize: httpLimits.uploadFile, files: 1, fields: 4, headerPairs: 50 }, throwFileSizeLimit: true });
  // Before the one below: its refusal carries the correlation id as well.
  http.addHook('onRequest', (request, reply, done) => {
    reply.header('x-correlation-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    reply.header('cache-control', 'no-store');
    // Only what has not arrived: nobody reads the end of a GET, and its answer may take longer.
    if (!isUpload(request)) request.receiving = setTimeout(() => request.raw.complete || request.raw.destroy(), httpLimits.receive);
    done();
  });
  await http.register(underPressure, {
    maxEventLoopDelay: httpLimits.eventLoopDelay,
    pressureHandler: () => {
      throw new Refuse('overloaded', { retryAfterSeconds: 2 });
    },
  });

  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [metrics],
  });
  let requests = 0;
  let refusals = 0;
  http.addHook('onResponse', (request, reply, done) => {
    // Refused before it has arrived, a body goes on arriving; its caller has not more time for that. The others need no listener for its end.
    if (request.raw.complete || request.raw.destroyed) clearTimeout(request.receiving);
    else request.raw.once('close', () => clearTimeout(request.receiving));
    measure(request, reply);
    done();
  });
  const measure = (request: FastifyRequest, reply: FastifyReply): void => {
    const route = request.routeOptions.url ?? 'none';
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1_000);
    requests += 1;
    const slow = reply.elapsedTime >= logConfig.slowMs;
    // Refusals come by the thousand, when there is least to spare for lines: the first and one in n. What is wrong is logged by whom it befell.
    const failed = reply.statusCode >= 500 && (reply.statusCode !== 503 || refusals++ % logConfig.oneIn === 0);
    const wanted = logConfig.requests === 'all' || (logConfig.requests === 'some' && (slow || failed || requests % logConfig.oneIn === 0));
    if (!wanted) return;
    const line = { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime * 10) / 10, correlationId: request.id };
    if (reply.statusCode >= 500) log.error(line, 'request failed');
    else log.info(line, slow ? 'slow request' : 'request');
  };

  turnAway(http.server, {
    admission: http.admission,
    catalog,
    correlationIdOf,
    receiveMs: httpLimits.receive,
    told: (method, correlationId) => {
      duration.observe({ method, route: 'none', status: 503 }, 0);
      if (logConfig.requests === 'off' || (logConfig.requests === 'some' && refusals++ % logConfig.oneIn !== 0)) return;
      log.error({ method, route: 'none', status: 503, ms: 0, correlationId }, 'request failed');
    },
  });

  http.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] as string;
    const taken = [...served].filter(([, { pattern }]) => pattern.test(path)).flatMap(([, { methods }]) => [...methods]);
    if (taken.length > 0) reply.header('allow', [...new Set(taken)].join(', '));
    return sendProblem(reply, catalog, { code: taken.length > 0 ? 'method-not-allowed' : 'not-found' }, request.id);
  });
  http.setErrorHandler((error: FastifyError, request, reply) => {
    if (error instanceof Refuse) return sendProblem(reply, catalog, error, request.id);
    const code =
      knownErrors[error.code] ??
      (error.statusCode === 415 ? 'media-type-unsupported' : error.statusCode === 400 ? 'body-unreadable' : 'internal-error');
    // A read that found the database away: the same may be asked again.
    const away = code === 'internal-error' && classify(error) === 'away';
    if (code === 'internal-error' && logConfig.requests !== 'off')
      log.error({ err: error, route: request.routeOptions.url, correlationId: request.id }, away ? 'database away' : 'unexpected error');
    if (away) return sendProblem(reply, catalog, databaseAway, request.id);
    return sendProblem(reply, catalog, { code }, request.id);
  });
  return http;
};

const databaseAway = { code: 'database-away', retryAfterSeconds: 5 } as const;

const knownErrors: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_REQ_FILE_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type-unsupported',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body-unreadable',
  FST_ERR_CTP_INVALID_JSON_BODY: 'body-unreadable',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body-unreadable',
};

/** The addresses of a route: `:name` is one segment, `*` anything. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replaceAll('*', '.*')}$`,
  );

const isUpload = (request: FastifyRequest): boolean => (request.headers['content-type'] ?? '').startsWith('multipart/form-data');

/** Takes no more connections and answers what is under way; a connection that was busy when the closing began is closed once it rests, not after its keep-alive time. */
export const closeHttp = async (http: FastifyInstance): Promise<void> => {
  const sweep = setInterval(() => http.server.closeIdleConnections(), 50);
  await http.close().finally(() => clearInterval(sweep));
};

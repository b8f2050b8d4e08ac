import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Pool, type Dispatcher } from 'undici';

/** Connections to one service, and milliseconds. */
type UpstreamLimits = Readonly<Record<'connections' | 'connect' | 'headers' | 'uploadHeaders', number>>;
/**
 * Toward each service. An import's plan is answered when its last row is read, so the answer may take long. `headers` counts from the
 * moment the request goes to the pool, waiting for a connection included, and ends before the caller's own connection has been silent for 30 s and is closed: or who
 * waits for a frozen service is cut off instead of told.
 */
const upstreamLimits: UpstreamLimits = { connections: 96, connect: 3_000, headers: 28_000, uploadHeaders: 600_000 };

/** What is between one sender and the next receiver only (RFC 9110, 7.6.1 and 11.7), besides what `Connection` names. */
const ofOneHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
// `expect` our own server has answered, `host` is the service's, and the correlation id is set below.
const keptFromServices = new Set([...ofOneHop, 'expect', 'host', 'x-correlation-id']);
const keptFromCallers = new Set(ofOneHop);

const namedBy = (connection: string | string[] | undefined): ReadonlySet<string> | undefined =>
  connection === undefined || connection === 'keep-alive' || connection === 'close'
    ? undefined
    : new Set(
        String(connection)
          .toLowerCase()
          .split(',')
          .map((name) => name.trim()),
      );

const headersTowardService = (request: FastifyRequest): string[] => {
  const { headers, id } = request;
  const named = namedBy(headers.connection);
  const pairs = ['x-correlation-id', id];
  for (const name in headers) {
    const value = headers[name];
    if (typeof value === 'string' && !keptFromServices.has(name) && !named?.has(name)) pairs.push(name, value);
  }
  return pairs;
};

const headersTowardCaller = (
  reply: FastifyReply,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> => {
  const named = namedBy(headers.connection);
  const all = reply.getHeaders() as Record<string, string | string[]>;
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !keptFromCallers.has(name) && !named?.has(name)) all[name] = value;
  }
  // A body that was not read to its end would be taken for the next request.
  if (!reply.request.raw.complete) all.connection = 'close';
  return all;
};

const notAwaited = new Error('nobody waits for this answer any more');

/**
 * Writes the answer to the caller as it comes, as slowly as the caller takes it. `wait`: how long, waiting for a connection included, until `failed`; without it the
 * pool's own limits end it.
 */
const answerTo = (reply: FastifyReply, wait: number | undefined, failed: () => void): Dispatcher.DispatchHandler => {
  const { raw } = reply;
  let sent: Dispatcher.DispatchController | undefined;
  let over = false;
  const giveUp = (): void => {
    over = true;
    if (raw.headersSent) raw.destroy();
    else if (!raw.destroyed) failed();
  };
  const timer =
    wait === undefined
      ? undefined
      : setTimeout(() => {
          giveUp();
          sent?.abort(notAwaited);
        }, wait);
  return {
    onRequestStart: (controller) => {
      sent = controller;
      // It may have waited for its connection longer than its caller.
      if (over || raw.destroyed) controller.abort(notAwaited);
    },
    onResponseStart: (controller, status, headers) => {
      if (status < 200) return;
      clearTimeout(timer);
      if (raw.destroyed) return controller.abort(notAwaited);
      reply.hijack();
      raw.writeHead(status, headersTowardCaller(reply, headers));
      // Also after the last byte, when it ends nothing.
      raw.once('close', () => controller.abort(notAwaited));
    },
    onResponseData: (controller, chunk) => {
      if (raw.write(chunk)) return;
      controller.pause();
      raw.once('drain', () => controller.resume());
    },
    onResponseEnd: () => {
      raw.end();
    },
    onResponseError: () => {
      clearTimeout(timer);
      if (!over) giveUp();
    },
  };
};

export interface Forwarder {
  /** Sends the request on as it came and the answer back as it comes. `failed` is called at most once, and only while nothing was answered. */
  forward(request: FastifyRequest, reply: FastifyReply, failed: () => void): void;
  close(): Promise<void>;
}

/** Toward the one service at `base`. Nothing is sent twice, whatever becomes of it. */
export const createForwarder = (base: string, { connections, connect, headers, uploadHeaders }: UpstreamLimits = upstreamLimits): Forwarder => {
  const pool = new Pool(base, { connections, pipelining: 1, connect: { timeout: connect } });
  return {
    forward: (request, reply, failed) => {
      const body = (request.body ?? null) as Buffer | Readable | null;
      // The pool's own clock begins anew with each piece of an upload that is sent, and with each piece of an answer.
      const streamed = body !== null && !Buffer.isBuffer(body);
      const silence = streamed ? uploadHeaders : headers;
      pool.dispatch(
        {
          path: request.url,
          method: request.method as Dispatcher.HttpMethod,
          headers: headersTowardService(request),
          body,
          headersTimeout: silence,
          bodyTimeout: silence,
        },
        answerTo(reply, streamed ? undefined : headers, failed),
      );
    },
    close: () => pool.destroy(),
  };
};

import { once } from 'node:events';
import {
  createServer,
  request as send,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { createForwarder } from './forward.ts';

type Answering = (request: IncomingMessage, response: ServerResponse) => unknown;

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A service that answers as told, and a gateway before it that knows no tokens. */
const openDoor = async (answering: Answering, limits?: Parameters<typeof createForwarder>[1]) => {
  const service = createServer(answering);
  await new Promise<void>((listening) => service.listen(0, '127.0.0.1', listening));
  const forwarder = createForwarder(`http://127.0.0.1:${portOf(service)}`, limits);
  const unexpected: unknown[] = [];
  const http: FastifyInstance = Fastify({ genReqId: () => 'correlation-1' });
  http.removeAllContentTypeParsers();
  http.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  http.addContentTypeParser('multipart/form-data', (_, payload, done) => done(null, payload));
  const received: string[] = [];
  http.addHook('onRequest', ({ url }, reply, done) => {
    received.push(url);
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    done();
  });
  http.setErrorHandler((error, _, reply) => {
    unexpected.push(error);
    return reply.code(500).send('');
  });
  http.all('/*', (request, reply) => forwarder.forward(request, reply, () => void reply.code(503).send('away')));
  await http.listen({ port: 0, host: '127.0.0.1' });
  opened.push(
    () => new Promise((closed) => service.close(closed)),
    () => forwarder.close(),
    () => http.close(),
    () => service.closeAllConnections(),
    () => http.server.closeAllConnections(),
  );
  const connections = (): Promise<number> => new Promise((counted) => http.server.getConnections((_, count) => counted(count)));
  return { service, unexpected, received, connections, port: portOf(http.server) };
};

/** Sends a request and waits for the head of its answer. */
const open = async (port: number, options: RequestOptions, body?: string): Promise<IncomingMessage> => {
  const request = send({ port, host: '127.0.0.1', ...options }).end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
};
const ask = async (port: number, options: RequestOptions, body?: string) => {
  const response = await open(port, options, body);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(await response.toArray()).toString() };
};

const read = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

describe('a forwarded request', () => {
  test('and its answer are the same bytes, address and status', async () => {
    const seen: Record<string, unknown>[] = [];
    const { port } = await openDoor(async (request, response) => {
      seen.push({ method: request.method, url: request.url, type: request.headers['content-type'], body: await read(request) });
      response.writeHead(418, { 'content-type': 'x/y', etag: '"7"', 'set-cookie': ['a=1', 'b=2'] }).end('{"tên":  1}');
    });
    const url = '/api/quota/v1/pots/%C3%A1?q=%zz&limit=1#x';
    const answer = await ask(port, { method: 'PUT', path: url, headers: { 'content-type': 'application/json; odd' } }, '{"a":\n 1}');
    expect(seen).toEqual([{ method: 'PUT', url, type: 'application/json; odd', body: '{"a":\n 1}' }]);
    expect(answer).toMatchObject({ status: 418, body: '{"tên":  1}', headers: { 'content-type': 'x/y', etag: '"7"', 'set-cookie': ['a=1', 'b=2'] } });
  });

  test('carries the gateway’s correlation id and what the caller said of the request, but nothing meant for one connection only', async () => {
    let seen: IncomingHttpHeaders = {};
    const { port, service } = await openDoor((request, response) => {
      seen = request.headers;
      response.end();
    });
    await ask(port, {
      path: '/',
      headers: {
        authorization: 'Bearer t',
        'idempotency-key': 'k',
        'if-match': '"1"',
        traceparent: '00-1',
        'x-correlation-id': 'not this one',
        connection: 'keep-alive, X-Named',
        'x-named': 'for the gateway',
        'keep-alive': 'timeout=9',
        'proxy-authorization': 'Basic eA==',
        'proxy-connection': 'keep-alive',
        te: 'trailers',
        upgrade: 'h2c',
      },
    });
    expect(seen).toEqual({
      authorization: 'Bearer t',
      'idempotency-key': 'k',
      'if-match': '"1"',
      traceparent: '00-1',
      'x-correlation-id': 'correlation-1',
      host: `127.0.0.1:${portOf(service)}`,
      connection: 'keep-alive',
    });
  });

  test('that waits for leave to send its body gets it here', async () => {
    const { port } = await openDoor(async (request, response) => response.end(await read(request)));
    const request = send({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { expect: '100-continue', 'content-type': 'text/csv', 'content-length': 2 },
    });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('ok');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect([response.statusCode, await read(response)]).toEqual([200, 'ok']);
  });

  test('that uploads a file is passed on piece by piece, not first gathered', async () => {
    let arrived = (_: string): void => undefined;
    const first = new Promise<string>((done) => (arrived = done));
    const { port } = await openDoor(async (request, response) => {
      request.once('data', (piece: Buffer) => arrived(piece.toString()));
      response.end(await read(request));
    });
    const request = send({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x', 'content-length': 6 },
    });
    request.write('abc');
    expect(await first).toBe('abc');
    request.end('def');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(await read(response)).toBe('abcdef');
  });

  test('of HEAD has the length of what it does not send, and 204 has no body', async () => {
    const { port } = await openDoor((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': 12 }).end();
      else response.writeHead(204).end();
    });
    expect(await ask(port, { method: 'HEAD' })).toMatchObject({ status: 200, body: '', headers: { 'content-length': '12' } });
    expect(await ask(port, { method: 'DELETE' })).toMatchObject({ status: 204, body: '' });
  });
});

describe('a forwarded answer', () => {
  test('keeps the gateway’s own headers beside the service’s, which win, and nothing of the service’s connection', async () => {
    const { port } = await openDoor((_, response) => {
      response.writeHead(200, {
        'cache-control': 'max-age=5',
        connection: 'close, x-named',
        'keep-alive': 'timeout=1',
        'x-named': 'for the gateway',
        trailer: 'x',
      });
      response.end('ok');
    });
    const { headers } = await ask(port, { agent: false, headers: { connection: 'keep-alive' } });
    expect(headers).toMatchObject({ 'cache-control': 'max-age=5', 'x-content-type-options': 'nosniff', connection: 'keep-alive' });
    expect([headers['x-named'], headers.trailer, headers['keep-alive']]).toEqual([undefined, undefined, 'timeout=72']);
  });

  test('comes no faster than its caller takes it', async () => {
    const size = 64 * 1_048_576;
    let written = 0;
    const { port } = await openDoor((request, response) => {
      if (request.url !== '/all') return response.end();
      response.writeHead(200, { 'content-length': size });
      const fill = (): void => {
        while (written < size) {
          written += 1_048_576;
          if (!response.write(Buffer.alloc(1_048_576))) break;
        }
      };
      response.on('drain', fill);
      return fill();
    });
    const response = await open(port, { path: '/all' });
    // Time enough to gather all of it, if anybody did.
    for (let n = 0; n < 300 && written < size; n += 1) await ask(port, { path: '/other' });
    expect(written).toBeLessThan(size / 2);
    let taken = 0;
    for await (const piece of response) taken += (piece as Buffer).length;
    expect(taken).toBe(size);
  });

  test('that breaks off is cut off for the caller too, never ended as if it were whole', async () => {
    const { port } = await openDoor((_, response) => {
      response.writeHead(200);
      response.write('half', () => response.destroy());
    });
    await expect(ask(port, {})).rejects.toThrow('aborted');
  });

  test('before the body was read ends the connection: the rest would be taken for the next request', async () => {
    const { port } = await openDoor((_, response) => response.writeHead(413).end('too large'));
    const request = send({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' } });
    request.on('error', () => undefined).write('the first piece');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
  });
});

describe('where a service gives no answer', () => {
  /** One connection, so that the second request waits for the first. */
  const one = { connections: 1, connect: 1_000, headers: 400, uploadHeaders: 60_000 } as const;

  test('that breaks off before answering, the caller is told and nothing is sent again', async () => {
    let asked = 0;
    const { port } = await openDoor((request) => {
      asked += 1;
      request.socket.destroy();
    });
    for (const method of ['GET', 'POST']) expect(await ask(port, { method })).toMatchObject({ status: 503, body: 'away' });
    expect(asked).toBe(2);
  });

  test('that is frozen, who waits behind others for a connection waits no longer than the limit, and is not sent on when it thaws', async () => {
    const asked: string[] = [];
    let thaw = (): void => undefined;
    const { port } = await openDoor((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/upload') thaw = () => void response.end('ok');
      else response.end('ok');
    }, one);
    // Has the only connection, and may take its time.
    const upload = ask(port, { path: '/upload', method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=x' } }, 'x');
    await expect.poll(() => asked.length).toBe(1);
    const behind = await Promise.all(['/behind', '/behind too'].map((path) => ask(port, { path: encodeURI(path) })));
    expect(behind.map(({ status }) => status)).toEqual([503, 503]);
    thaw();
    expect(await upload).toMatchObject({ status: 200, body: 'ok' });
    expect(await ask(port, { path: '/after' })).toMatchObject({ status: 200, body: 'ok' });
    expect(asked).toEqual(['/upload', '/after']);
  });

  test('with the connection it has, the caller is told in time as well', async () => {
    const { port } = await openDoor(() => undefined, one);
    expect(await ask(port, {})).toMatchObject({ status: 503, body: 'away' });
  });

  test('to who has left, nobody is surprised: what waits is not sent, what comes is stopped', async () => {
    const asked: string[] = [];
    const waiting: ServerResponse[] = [];
    let stopped = (): void => undefined;
    const stop = new Promise<void>((done) => (stopped = done));
    const { port, unexpected, received, connections } = await openDoor(
      (request, response) => {
        asked.push(request.url ?? '');
        if (request.url === '/last') response.end('ok');
        else waiting.push(response);
        response.on('close', () => request.url === '/download' && stopped());
      },
      { ...one, headers: 20_000 },
    );
    const leaver = connect(port, '127.0.0.1');
    leaver.write('GET /download HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => asked.length).toBe(1);
    const behind = connect(port, '127.0.0.1');
    behind.write('GET /behind HTTP/1.1\r\nhost: x\r\n\r\n');
    waiting[0]?.write('the first of many');
    await once(leaver, 'data');
    await expect.poll(() => received.length).toBe(2);
    behind.destroy();
    await expect.poll(connections).toBe(1);
    leaver.destroy();
    await stop;
    expect(await ask(port, { path: '/last' })).toMatchObject({ status: 200, body: 'ok' });
    expect(asked).toEqual(['/download', '/last']);
    expect(unexpected).toEqual([]);
  });
});

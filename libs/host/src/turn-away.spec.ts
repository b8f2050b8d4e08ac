import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { commonProblems } from '@khue/contracts/problems';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAdmission } from './admission.ts';
import { sendProblem } from './door.ts';
import { Refuse } from './refuse.ts';
import { turnAway } from './turn-away.ts';

describe('a write at a full door', () => {
  let http: FastifyInstance;
  let address: string;
  let leave: () => void;
  let told: string[];
  const receiveMs = 100;
  const correlationId = '01234567-89ab-7cde-8f01-23456789abcd';

  beforeEach(async () => {
    told = [];
    const admission = createAdmission(1);
    http = Fastify({ genReqId: () => correlationId, forceCloseConnections: true });
    turnAway(http.server, {
      admission,
      catalog: commonProblems,
      correlationIdOf: () => correlationId,
      receiveMs,
      told: (method, id) => told.push(`${method} ${id}`),
    });
    http.addHook('onRequest', (_, reply, done) => {
      reply.headers({ 'x-correlation-id': correlationId, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
      done();
    });
    http.addHook('onRequest', admission.admit);
    http.setErrorHandler((error, _, reply) =>
      error instanceof Refuse ? sendProblem(reply, commonProblems, error, correlationId) : reply.code(500).send(String(error)),
    );
    const entered = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    leave = left.resolve;
    http.post('/write', async () => {
      entered.resolve();
      await left.promise;
      return 'done';
    });
    http.get('/read', async () => 'read');
    address = await http.listen({ port: 0, host: '127.0.0.1' });
    void fetch(`${address}/write`, { method: 'POST' }).catch(() => undefined);
    await entered.promise;
  });
  afterEach(async () => {
    leave();
    await http.close();
  });

  /** What the server says to these bytes until it closes the connection. */
  const say = async (bytes: string): Promise<string> => {
    const { hostname, port } = new URL(address);
    const socket = connect(Number(port), hostname);
    socket.write(bytes);
    return text(socket);
  };

  test('is refused as the framework would refuse it, and told', async () => {
    const early = await fetch(`${address}/write`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    // Injected, it comes to the framework by another way than the server's.
    const late = await http.inject({ method: 'POST', url: '/write', payload: {} });
    expect(early.status).toBe(503);
    expect(late.statusCode).toBe(503);
    expect(await early.text()).toBe(late.body);
    for (const name of ['content-type', 'content-length', 'retry-after', 'x-correlation-id', 'x-content-type-options', 'cache-control'])
      expect([name, early.headers.get(name)]).toEqual([name, late.headers[name]]);
    expect(told).toEqual([`POST ${correlationId}`]);
  });

  test('keeps its connection, whose next request is served', async () => {
    const said = await say(
      'POST /write HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhelloGET /read HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    );
    expect(said.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 503', 'HTTP/1.1 200']);
    expect(said.endsWith('read')).toBe(true);
  });

  test('has no more time for the rest of its body than others', async () => {
    const said = await say('POST /write HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhe');
    expect(said).toContain('HTTP/1.1 503');
  });

  test('is served again when there is a place', async () => {
    leave();
    await expect.poll(async () => (await fetch(`${address}/write`, { method: 'POST' })).status).toBe(200);
  });
});

import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { commonProblems } from '@khue/contracts/problems';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createHttp, httpLimits } from './http.ts';
import { createLogger } from './logger.ts';
import { Refuse } from './refuse.ts';

const uuid = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** What a client that sends this correlation id is told, and what is logged of it. */
const sent = async (given: string): Promise<{ told: string; logged: string }> => {
  const lines: string[] = [];
  const log = createLogger('quota', { write: (line: string) => void lines.push(line) });
  const http = await createHttp({ catalog: commonProblems, log, logConfig: { requests: 'all', oneIn: 1, slowMs: 1_000 }, metrics: new Registry() });
  const answer = await http.inject({ method: 'GET', url: '/nowhere', headers: { 'x-correlation-id': given } });
  await http.close();
  return { told: String(answer.headers['x-correlation-id']), logged: lines.join('') };
};

test('a refusal whose code has no words is an internal error to the caller, and named with its route in the log', async () => {
  const lines: string[] = [];
  const log = createLogger('quota', { write: (line: string) => void lines.push(line) });
  const http = await createHttp({ catalog: commonProblems, log, logConfig: { requests: 'off', oneIn: 1, slowMs: 1_000 }, metrics: new Registry() });
  http.get('/marks/:id', () => {
    throw new Refuse({ accepted: false, code: 'mark-exist' });
  });
  const answer = await http.inject({ method: 'GET', url: '/marks/1' });
  await http.close();
  expect([answer.statusCode, answer.json().code]).toEqual([500, 'internal-error']);
  const told = { level: 'error', code: 'mark-exist', route: '/marks/:id', msg: 'a refusal without words' };
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([told]);
});

describe('a correlation id', () => {
  test.each(['b3c1f6a0-0d6e-7c5e-9f00-001180000101', 'B3C1F6A0-0D6E-4C5E-9F00-ABCDEF012345', 'order-2026-17', 'A1b2C3d4', '12345678-87654321'])(
    'is kept where it is a UUID, or short and without a long number: %s',
    async (given) => {
      const { told, logged } = await sent(given);
      expect(told).toBe(given);
      expect(logged).toContain(given);
    },
  );

  test.each([
    ['an identity number of twelve digits', '001180000101'],
    ['an old one of nine digits', '012345678'],
    ['one with something around it', 'person-001180000101-x'],
    ['one disguised as a UUID that is none', '001180000-101-0000-0000-000000000000'],
    ['a name', 'Nguyen Van A'],
    ['an underscore', 'order_2026'],
    // No letters that a UUID may hold: the one made anew stands in the same line.
    ['too short', 'xyz'],
    ['too long', 'a'.repeat(65)],
  ])('is made anew, and what came is not logged, where it is %s', async (_, given) => {
    const { told, logged } = await sent(given);
    expect(told).toMatch(uuid);
    expect(logged).toContain(told);
    expect(logged).not.toContain(given);
  });
});

describe('a body', () => {
  // The door's own clock only: sockets and the waiting of the tests go on as ever.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  /** A door that is asked `/body` in pieces, and what was said back. */
  const openDoor = async () => {
    const http = await createHttp({
      catalog: commonProblems,
      log: createLogger('quota', { write: () => undefined }),
      logConfig: { requests: 'off', oneIn: 1, slowMs: 1_000 },
      metrics: new Registry(),
    });
    let asked = 0;
    http.addHook('onRequest', ({ url }, _, done) => {
      asked += 1;
      done(url === '/refused' ? new Refuse('token-missing') : undefined);
    });
    http.post('/body', async () => 'taken');
    await http.listen({ port: 0, host: '127.0.0.1' });
    const atRest = vi.getTimerCount();
    const caller = connect((http.server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8');
    let said = '';
    caller.on('data', (text: string) => (said += text)).on('error', () => undefined);
    const send = (path: string, body: string, length: number): void =>
      void caller.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`);
    return { http, caller, send, asked: () => asked, said: () => said, running: () => vi.getTimerCount() - atRest };
  };

  test('that does not arrive is cut off, and not before its time', async () => {
    const { http, caller, send, asked } = await openDoor();
    send('/body', '{', 2);
    await expect.poll(asked).toBe(1);
    const closed = once(caller, 'close');
    vi.advanceTimersByTime(httpLimits.receive - 1);
    expect(caller.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    await closed;
    await http.close();
  });

  test('that does not arrive is cut off also where its request was refused without it', async () => {
    const { http, caller, send, said } = await openDoor();
    send('/refused', '{', 2);
    await expect.poll(said).toContain('401');
    const closed = once(caller, 'close');
    vi.advanceTimersByTime(httpLimits.receive);
    await closed;
    await http.close();
  });

  test.each(['/body', '/refused'])('that has arrived leaves no clock running: %s', async (path) => {
    const { http, caller, send, said, running } = await openDoor();
    send(path, '{}', 2);
    await expect.poll(said).toContain('HTTP/1.1');
    await expect.poll(running).toBe(0);
    caller.destroy();
    await http.close();
  });
});

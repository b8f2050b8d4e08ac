import { connect } from 'node:net';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { createAdmission } from './admission.ts';
import { Refuse } from './refuse.ts';

/** A door of two places, whose requests wait until they are let go. */
const openDoor = async () => {
  const inside: (() => void)[] = [];
  const http = Fastify();
  http.addHook('onRequest', createAdmission(2).admit);
  http.setErrorHandler((error, _, reply) => reply.code(error instanceof Refuse ? 503 : 500).send((error as Error).message));
  http.post('/write', async () => {
    await new Promise<void>((go) => inside.push(go));
    return 'done';
  });
  http.get('/read', async () => 'read');
  const address = await http.listen({ port: 0, host: '127.0.0.1' });
  const write = (headers = {}): Promise<number> => fetch(`${address}/write`, { method: 'POST', headers }).then(({ status }) => status);
  const filled = (places: number): Promise<void> => expect.poll(() => inside.length, { timeout: 10_000 }).toBe(places);
  /** Asks until it is let in: the door sees a little later than the caller that a place is free. */
  const enter = async (places: number): Promise<() => Promise<number>> => {
    const entered = filled(places).then(() => 'in' as const);
    for (;;) {
      const asked = write();
      if ((await Promise.race([asked, entered])) === 'in') return () => asked;
    }
  };
  return { http, address, inside, write, filled, enter };
};

test('what comes beyond the limit is refused at once, and one that was answered makes room', async () => {
  const { http, inside, write, filled, enter } = await openDoor();
  const first = write();
  const second = write();
  await filled(2);
  expect(await write()).toBe(503);
  inside[0]?.();
  expect(await Promise.race([first, second])).toBe(200);
  const third = await enter(3);
  expect(await write()).toBe(503);
  inside.forEach((go) => go());
  expect(await Promise.all([first, second, third()])).toEqual([200, 200, 200]);
  await http.close();
});

test('a caller who has gone leaves their place', async () => {
  const { http, address, inside, write, filled, enter } = await openDoor();
  const { hostname, port } = new URL(address);
  const leaver = connect(Number(port), hostname);
  leaver.write('POST /write HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
  const stayer = write();
  await filled(2);
  leaver.destroy();
  const next = await enter(3);
  inside.forEach((go) => go());
  expect(await Promise.all([stayer, next()])).toEqual([200, 200]);
  await http.close();
});

test('reads take no place and are never refused', async () => {
  const { http, address, inside, write, filled } = await openDoor();
  const waiting = [write(), write()];
  await filled(2);
  expect((await fetch(`${address}/read`)).status).toBe(200);
  inside.forEach((go) => go());
  await Promise.all(waiting);
  await http.close();
});

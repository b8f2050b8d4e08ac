import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOnKafka } from './kafka.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answersKafka } from '@khue/infra/kafka/api-versions';
import { findKafka, startKafka } from '@khue/infra/kafka/local-broker';
import type { LocalKafka } from '@khue/infra/kafka/local-broker';

describeOnKafka('the local Kafka', () => {
  let folder: string;
  let kafka: LocalKafka;
  let port: number;

  // The first run on a machine downloads the broker.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'khue-kafka-dữ liệu-'));
    kafka = await startKafka({ folder, log: () => undefined });
    port = Number(kafka.brokers[0]?.split(':')[1]);
  }, 600_000);

  afterAll(async () => {
    await kafka?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  test('answers on this machine and nowhere else', async () => {
    expect(await answersKafka('127.0.0.1', port)).toBe(true);
    const outward = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    for (const { address } of outward) expect(await accepts(address, port), address).toBe(false);
  });

  test('comes back on the same port after kill -9', async () => {
    await kafka.kill('SIGKILL');
    expect(await answersKafka('127.0.0.1', port)).toBe(false);
    await kafka.restart();
    expect(await answersKafka('127.0.0.1', port)).toBe(true);
  }, 120_000);

  test('says nothing while it is frozen and closes all the same', async () => {
    await kafka.kill('SIGSTOP');
    expect(await answersKafka('127.0.0.1', port, 300)).toBe(false);
    await kafka.close();
    expect(await accepts('127.0.0.1', port)).toBe(false);
  }, 60_000);

  test('brokers that were given are used as they are, and are not ours to kill', async () => {
    const given = await findKafka({ brokers: ['kafka.example:9092'] });
    expect(given).toEqual({ kind: 'brokers', brokers: ['kafka.example:9092'] });
    const theirs = await startKafka({ folder, log: () => undefined, found: given });
    expect(theirs.brokers).toEqual(['kafka.example:9092']);
    await expect(theirs.kill('SIGKILL')).rejects.toThrow('not ours');
  });

  test('where there is none the start says what was not there', async () => {
    const start = startKafka({ folder, log: () => undefined, found: { kind: 'none', missing: 'there is no java' } });
    await expect(start).rejects.toMatchObject({ name: 'StartProblem', en: expect.stringContaining('there is no java') });
  });
});

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

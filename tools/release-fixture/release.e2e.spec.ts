import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serviceNames } from '@khue/contracts/services';
import { environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { localClient } from '@khue/standalone/sample';
import { startProduct, type Product, type ProductOptions } from '@khue/standalone/product';
import { eventually } from '@khue/testing/eventually';
import { describeOnKafka, ownKafka } from '@khue/testing/kafka';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkInvariants, type City, type Finding } from '../check-invariants/check.ts';
import { serviceDatabase } from '../service-database.ts';
import { decompress, unpack } from './archive.ts';
import { load, parseRecords } from './records.ts';
import { fiveYears, mostBytes, releaseFiles, releaseFolder, type Release } from './release.ts';

const execute = promisify(execFile);
const kept = (name: string): Promise<Buffer> => readFile(join(releaseFolder, name));
const release = JSON.parse((await kept(releaseFiles.about)).toString()) as Release;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const anyPorts = Object.fromEntries(serviceNames.map((name) => [`KHUE_${name.toUpperCase()}_PORT`, '0']));

/** Today's product on a data folder of the last release. */
const startOn = async (name: string, more: Partial<ProductOptions> = {}): Promise<{ product: Product; data: string; close: () => Promise<void> }> => {
  const data = await mkdtemp(join(tmpdir(), 'khue-release-'));
  await unpack(await kept(name), data);
  const lost = (reason: string): void => expect.fail(`PostgreSQL ended: ${reason}`);
  const product = await startProduct({ data, port: await freePort(), env: anyPorts, say: () => undefined, onLost: lost, ...more });
  return { product, data, close: () => product.close().finally(() => rm(data, { recursive: true, force: true })) };
};
const check = async ({ product, data }: { product: Product; data: string }, brokers?: readonly string[]): Promise<readonly Finding[]> => {
  const databases: Record<string, string> = {};
  for (const service of serviceNames) databases[service] = (await serviceDatabase(service, {}, data)).appUrl;
  const reader = await localClient(product, data, 'reader');
  const report: City['report'] = (from, to) => reader.get(`/api/reporting/v1/five-years?from=${from}&to=${to}`);
  const city = { databases: databases as City['databases'], addresses: product.addresses, report, ...(brokers ? { brokers } : {}) };
  return checkInvariants(city, { say: () => undefined });
};
const red = (findings: readonly Finding[]): Finding[] => findings.filter(({ ok }) => !ok);

test('what the last release left is small enough to be kept', async () => {
  const sizes = await Promise.all((await readdir(releaseFolder)).map(async (name) => (await stat(join(releaseFolder, name))).size));
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(mostBytes);
  expect((await readdir(releaseFolder)).sort()).toEqual(Object.values(releaseFiles).sort());
});

describe('a data folder of the last release', () => {
  let city: Awaited<ReturnType<typeof startOn>>;
  beforeAll(async () => {
    city = await startOn(releaseFiles.city);
  });
  afterAll(() => city?.close());

  test('starts under this one and reports the same', async () => {
    expect(await (await localClient(city.product, city.data, 'reader')).get(fiveYears)).toEqual(release.reports.city);
  });

  test('is whole', async () => {
    const findings = await check(city);
    expect(red(findings)).toEqual([]);
    // Nothing is whole because there was nothing to look at.
    expect(findings.filter(({ name, seen }) => seen === 0 && name !== 'bus: nothing is parked but what was poisoned')).toEqual([]);
  });
});

describeOnKafka('a Kafka log of the last release', () => {
  let city: Awaited<ReturnType<typeof startOn>>;
  let kafka: Awaited<ReturnType<typeof ownKafka>>;
  beforeAll(async () => {
    kafka = await ownKafka();
    const options = { brokers: kafka.brokers, clientId: 'khue-release', log: quiet };
    await load(options, parseRecords(decompress(await kept(releaseFiles.messages)).toString()));
    city = await startOn(releaseFiles.stack, { bus: (log) => kafkaBus({ brokers: kafka.brokers, clientId: 'khue', log }) });
  });
  afterAll(async () => {
    await city?.close();
    await kafka?.close();
  }, 60_000);

  test('is read on from where the last release stopped: what nobody had answered is answered', async () => {
    const client = await localClient(city.product, city.data, 'board');
    const stateOf = async (id: string): Promise<string> => (await client.get<{ state: string }>(`/api/enrollment/v1/enrollments/${id}`)).state;
    for (const id of release.unanswered.approve) await eventually(async () => expect(await stateOf(id)).toBe('admitted'), { withinMs: 60_000 });
    const seat = (): Promise<{ state: string }> => client.get(`/api/quota/v1/seats/${release.unanswered.withdraw}`);
    await eventually(async () => expect((await seat()).state).toBe('released'), { withinMs: 60_000 });
  });

  test.each([
    ['reporting', 'reporting'],
    ['reporting', 'reporting-directory'],
    ['quota', 'quota-directory'],
    ['enrollment', 'enrollment-directory'],
    ['enrollment', 'enrollment-people'],
  ])('is read from its first message by %s, and its projections are made anew of it: %s', async (service, group) => {
    const env = { ...environment(), ...anyPorts, KHUE_BUS: 'kafka', KHUE_KAFKA_BROKERS: kafka.brokers.join(',') };
    const args = ['tools/rebuild.ts', '--service', service, '--group', group, '--data', city.data];
    const { stdout } = await execute(process.execPath, args, { env });
    expect(stdout).toContain(`${group} of ${service} was made anew`);
  });

  test('is not read again by a group that decides, for it would tell again', async () => {
    const env = { ...environment(), ...anyPorts, KHUE_BUS: 'kafka', KHUE_KAFKA_BROKERS: kafka.brokers.join(',') };
    const args = ['tools/rebuild.ts', '--service', 'quota', '--group', 'quota', '--data', city.data];
    await expect(execute(process.execPath, args, { env })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('it would tell all of it again'),
    });
  });

  test('leaves nothing parked and a city that is whole, with the same report', async () => {
    expect(red(await check(city, kafka.brokers))).toEqual([]);
    expect(await (await localClient(city.product, city.data, 'reader')).get(fiveYears)).toEqual(release.reports.stack);
  });
});

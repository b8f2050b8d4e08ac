import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openTestClock, systemClock, UnreadableClock } from './clock.ts';
import { ConfigProblem, gatewayConfig, serviceConfig, type Environment } from './config.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'khue-clock-'));
  file = join(folder, 'clock');
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});
const began = Date.parse('2026-11-25T00:00:00.000Z');
/** Writes the file as if at `at` of the system's clock, which is where the test's time stands. */
const write = async (text: string, at: number): Promise<void> => {
  await writeFile(file, text);
  await utimes(file, new Date(at), new Date(at));
};
const freeze = (): void => void vi.useFakeTimers({ now: began, toFake: ['Date', 'performance'] });
const pass = (ms: number): void => void vi.advanceTimersByTime(ms);

describe('a test clock', () => {
  test('stands at the instant of its file when that was written and goes on from there', async () => {
    freeze();
    await write('2030-02-03T04:05:06Z\n', began - 10_000);
    const clock = openTestClock(file);
    expect(clock.now().toISOString()).toBe('2030-02-03T04:05:16.000Z');
    pass(90_000);
    expect(clock.now().toISOString()).toBe('2030-02-03T04:06:46.000Z');
  });

  test('is the same in a process that is started later', async () => {
    freeze();
    await write('2030-02-03T04:05:06Z', began);
    const early = openTestClock(file);
    pass(20_000);
    expect(openTestClock(file).now()).toEqual(early.now());
  });

  test('jumps to another instant within a second', async () => {
    freeze();
    await write('2030-02-03T04:05:06Z', began);
    const clock = openTestClock(file);
    await write('2031-02-03T04:05:06Z', began);
    pass(1_000);
    expect(clock.now().toISOString()).toBe('2031-02-03T04:05:07.000Z');
  });

  test('goes on while its file is being written or is gone', async () => {
    freeze();
    await write('2030-02-03T04:05:06Z', began);
    const clock = openTestClock(file);
    await write('', began);
    pass(1_000);
    expect(clock.now().toISOString()).toBe('2030-02-03T04:05:07.000Z');
    await rm(file);
    pass(1_000);
    expect(clock.now().toISOString()).toBe('2030-02-03T04:05:08.000Z');
  });

  test.each(['2030-02-03', '2030-02-03T04:05:06', 'tomorrow', ''])('takes no %j', async (text) => {
    await write(text, began);
    expect(() => openTestClock(file)).toThrow(UnreadableClock);
  });
});

describe('KHUE_TEST_CLOCK', () => {
  const env = (more: Environment = {}): Environment => ({
    KHUE_IDENTITY_KEY: 'a key for tests that nobody else uses',
    KHUE_QUOTA_DATABASE_URL: 'postgres://quota',
    KHUE_TEST_CLOCK: file,
    ...more,
  });

  test('sets the clock of services and gateway, and without it that is the system’s', async () => {
    await write('2030-02-03T04:05:06Z', Date.now());
    for (const { clock } of [serviceConfig('quota', env()), gatewayConfig(env()), serviceConfig('quota', env({ KHUE_HOST: '::1' }))]) {
      expect(clock.test).toBe(true);
      expect(clock.now().toISOString()).toMatch(/^2030-02-03T04:05/);
    }
    expect(serviceConfig('quota', env({ KHUE_TEST_CLOCK: undefined })).clock).toBe(systemClock);
  });

  test('goes with the address of the built-in issuer, which every process of a city is told', async () => {
    await write('2030-02-03T04:05:06Z', Date.now());
    expect(serviceConfig('quota', env({ KHUE_OIDC_ISSUER: 'http://127.0.0.1:8080/auth' })).clock.test).toBe(true);
  });

  test.each<[string, Environment]>([
    ['where others can reach the process', { KHUE_HOST: '0.0.0.0' }],
    ['where others know its address', { KHUE_PUBLIC_URL: 'https://khue.example' }],
    ['with an issuer elsewhere', { KHUE_OIDC_ISSUER: 'https://login.example' }],
    ['with a name that begins as loopback does', { KHUE_HOST: '127.0.0.1.example' }],
  ])('is refused %s', async (_, more) => {
    await write('2030-02-03T04:05:06Z', Date.now());
    expect(() => serviceConfig('quota', env(more))).toThrow(ConfigProblem);
    expect(() => gatewayConfig(env(more))).toThrow(ConfigProblem);
  });

  test('is refused at the gateway with any other issuer than its own', async () => {
    await write('2030-02-03T04:05:06Z', Date.now());
    expect(() => gatewayConfig(env({ KHUE_OIDC_ISSUER: 'http://127.0.0.1:9000' }))).toThrow(/KHUE_OIDC_ISSUER/);
  });

  test('is refused without a file that holds an instant', () => {
    expect(() => serviceConfig('quota', env())).toThrow(/KHUE_TEST_CLOCK/);
  });
});

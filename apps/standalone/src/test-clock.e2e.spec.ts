import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@khue/host/config';
import { eventually } from '@khue/testing/eventually';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endAll, root, startCli, type Cli } from './cli.fixture.ts';

const execute = promisify(execFile);
let base: string;
let clock: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'khue-clock-'));
  clock = join(base, 'clock');
});
afterAll(async () => {
  await endAll(['city', 'open'].map((name) => join(base, name)));
  await rm(base, { recursive: true, force: true });
});

const tokenOf = async (cli: Cli): Promise<string> =>
  (
    await execute(process.execPath, [join(root, 'tools', 'token.ts'), 'board', '--port', String(cli.port), '--data', cli.data], {
      env: { PATH: environment()['PATH'] ?? '', KHUE_TEST_CLOCK: clock },
    })
  ).stdout.trim();
const statusWith = async (cli: Cli, token: string): Promise<number> =>
  (await fetch(`${cli.address}/api/registry/v1/units?on=2030-03-01`, { headers: { authorization: `Bearer ${token}` } })).status;
const clockOf = async (cli: Cli): Promise<string> => ((await (await fetch(`${cli.address}/health/ready`)).json()) as { testClock: string }).testClock;

test('a whole city goes by a test clock: it says so, signs and judges tokens by it, and jumps with it', async () => {
  await writeFile(clock, '2030-03-01T01:00:00Z');
  const cli = await startCli({ data: join(base, 'city'), args: ['--no-sample'], env: { KHUE_TEST_CLOCK: clock } });
  await cli.line(/^a test clock is set: it is 2030-03-01T01:/);
  await cli.line(/^ready http:/);
  expect(await clockOf(cli)).toMatch(/^2030-03-01T01:/);

  const morning = await tokenOf(cli);
  expect(await statusWith(cli, morning)).toBe(200);
  await writeFile(clock, '2030-03-01T10:00:00Z');
  await eventually(async () => expect(await clockOf(cli)).toMatch(/^2030-03-01T10:/));
  // A working day later the morning's token has expired, though it is a minute old; one that is signed now has not.
  await eventually(async () => expect(await statusWith(cli, morning)).toBe(401));
  expect(await statusWith(cli, await tokenOf(cli))).toBe(200);
});

test('a city that others can reach refuses a test clock', async () => {
  await writeFile(clock, '2030-03-01T01:00:00Z');
  const cli = await startCli({ data: join(base, 'open'), args: ['--no-sample'], env: { KHUE_TEST_CLOCK: clock, KHUE_HOST: '0.0.0.0' } });
  expect(await cli.exited).toEqual({ code: 2, signal: null });
  expect(cli.errors()).toContain('KHUE_TEST_CLOCK');
});

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { root } from '../guards/copy.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Runs the runner over these test files, as npm test does over ours. */
const ran = (files: Readonly<Record<string, string>>, { mustRun = false, silence = 30_000 } = {}): Promise<Ran> => {
  const folder = mkdtempSync(join(tmpdir(), 'khue-runner-'));
  folders.push(folder);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'specs'));
  writeFileSync(join(folder, 'vitest.config.ts'), "export default { test: { include: ['specs/*.spec.ts'], hookTimeout: 2_000 } };\n");
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, 'specs', name), `import { afterAll, beforeAll, describe, expect, test } from 'vitest';\n${text}\n`);
  const program = `import { run } from ${JSON.stringify(join(root, 'tools/test/run.ts'))};
    process.exit(await run({ root: ${JSON.stringify(folder)}, filters: [], mustRun: ${mustRun}, silence: ${silence}, say: (line) => console.log(line) }));`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', program], { cwd: folder }, (error, stdout) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, lines: stdout.trimEnd().split('\n') }),
    );
  });
};
const passing = "test('passes', () => expect(1).toBe(1));";

describe('npm test', { timeout: 60_000 }, () => {
  test('ends with the count, and with success when all passed', async () => {
    const { code, lines } = await ran({ 'a.spec.ts': passing, 'b.spec.ts': passing });
    expect(lines.at(-1)).toBe('2 passed, 0 failed');
    expect(code).toBe(0);
  });

  test.each([
    ['a failed test', "test('fails', () => expect(1).toBe(2));", '1 passed, 1 failed'],
    ['a file that does not load', "throw new Error('no');", '1 passed, 1 failed'],
    ['a file that imports what is not there', "import './nowhere.ts';", '1 passed, 1 failed'],
    ['a file without a test', 'export const nothing = 1;', '1 passed, 1 failed'],
    [
      'what a suite stands on, for each of its tests',
      "describe('s', () => { beforeAll(() => { throw new Error('no'); }); test('a', () => {}); test('b', () => {}); });",
      '1 passed, 2 failed',
    ],
    [
      'what a suite leaves behind',
      "describe('s', () => { afterAll(() => { throw new Error('no'); }); test('a', () => {}); });",
      '2 passed, 1 failed',
    ],
    ['a test that is skipped without a reason', "test.skip('later', () => {});", '1 passed, 1 failed'],
    ['a test that is postponed', "test.todo('later');", '1 passed, 1 failed'],
    ['a test that skips itself without a reason', "test('later', (context) => context.skip());", '1 passed, 1 failed'],
    ['an error beside the tests', "test('a', () => { void Promise.reject(new Error('nobody listens')); });", '2 passed, 1 failed'],
    ['a process that dies', "test('a', () => process.kill(process.pid, 'SIGKILL'));", undefined],
  ])('counts %s as failed', async (_what, text, last) => {
    const { code, lines } = await ran({ 'a.spec.ts': passing, 'b.spec.ts': text });
    if (last) expect(lines.at(-1)).toBe(last);
    expect(lines.at(-1)).toMatch(/^\d+ passed, [1-9]\d* failed$/);
    expect(code).toBe(1);
  });

  const lacking = "test('needs a broker', (context) => context.skip('not run: there is no java'));";

  test('says what was not run and why, without calling it passed or failed', async () => {
    const { code, lines } = await ran({ 'a.spec.ts': passing, 'b.spec.ts': `describe('a bus', () => { ${lacking} });` });
    expect(lines.slice(-2)).toEqual(['Not run: a bus. What was missing: there is no java.', '1 passed, 0 failed']);
    expect(code).toBe(0);
  });

  test('calls it failed where it must run', async () => {
    const { code, lines } = await ran({ 'a.spec.ts': passing, 'b.spec.ts': lacking }, { mustRun: true });
    expect(lines.at(-1)).toBe('1 passed, 1 failed');
    expect(code).toBe(1);
  });

  test('is no success when nothing ran', async () => {
    const { code, lines } = await ran({});
    expect(lines.at(-1)).toBe('0 passed, 1 failed');
    expect(code).toBe(1);
  });

  test('is never silent for long', async () => {
    const { lines } = await ran(
      { 'a.spec.ts': "test('takes its time', async () => { await new Promise((resolve) => setTimeout(resolve, 1_500)); });" },
      { silence: 300 },
    );
    expect(lines.filter((line) => /of 1 files done, running specs\/a\.spec\.ts \(\d+ s\)/.test(line)).length).toBeGreaterThanOrEqual(2);
  });
});

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '@khue/host/config';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copySources, type Copy } from './guards/copy.ts';

interface Outcome {
  readonly code: number;
  readonly out: string;
}

/** A noun of two words with a plural of its own, so that every form of it is written. */
const words = ['rehearsal', '--noun', 'past-entry', '--vi', 'bản ghi cũ'];

describe('a service that new-service makes', () => {
  let copy: Copy;
  let made: Outcome;
  /** A program in the copied tree. Vitest's own variables would make a run within a run take itself for a worker of this one. */
  const run = (program: string, ...args: readonly string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      const env = Object.fromEntries(Object.entries(environment()).filter(([name]) => !/^(VITEST|TEST$|NODE_ENV$|NODE_V8)/.test(name)));
      execFile(process.execPath, [join(copy.root, program), ...args], { cwd: copy.root, env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out: stdout + stderr }),
      );
    });
  const passed = (...args: readonly string[]): Promise<Outcome> => run('node_modules/vitest/vitest.mjs', 'run', ...args);

  beforeAll(async () => {
    copy = copySources();
    made = await run('tools/new-service.ts', ...words);
  });
  afterAll(() => copy.remove());

  test('is told of, with the files it changed and what is left to do', () => {
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining('What is left to do') });
    const told = [...made.out.matchAll(/^(?:new|changed) +(\S+)$/gm)].map(([, path]) => path as string);
    expect(told.filter((path) => !existsSync(join(copy.root, path)))).toEqual([]);
    expect(told).toEqual(
      expect.arrayContaining(['apps/rehearsal/src/service.ts', 'libs/contracts/src/services.ts', 'apps/standalone/src/product.ts']),
    );
  });

  test('compiles, and nobody lacks it', async () => {
    expect(await run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--pretty', 'false')).toEqual({ code: 0, out: '' });
  });

  test('is written as the house writes', async () => {
    const files = [...made.out.matchAll(/^(?:new|changed) +(\S+\.ts)$/gm)].map(([, path]) => path as string);
    expect(files.length).toBeGreaterThan(10);
    expect(await run('node_modules/eslint/bin/eslint.js', '--max-warnings', '0', ...files)).toEqual({ code: 0, out: '' });
    expect(await run('node_modules/prettier/bin/prettier.cjs', '--check', 'apps/rehearsal', ...files, 'docker-compose.yml')).toMatchObject({
      code: 0,
    });
  });

  test('knows nothing that it may not know, and leaves nothing unused', async () => {
    expect(
      await run('node_modules/dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.mjs', 'apps', 'libs'),
    ).toMatchObject({ code: 0 });
    expect((await run('node_modules/knip/bin/knip.js', '--no-progress')).out).not.toMatch(/rehearsal|pastEntr|PastEntr/);
  });

  test('passes its own tests, and those of the lists that it stands in', async () => {
    const own = ['apps/rehearsal/src/domain.spec.ts', 'apps/rehearsal/src/service.int.spec.ts'];
    const lists = [
      'libs/contracts/src/contracts.spec.ts',
      'libs/contracts/src/services.spec.ts',
      'apps/standalone/src/product.spec.ts',
      'tools/stack/compose.spec.ts',
    ];
    const { code, out } = await passed('--project', 'rules', '--project', 'integration', '--reporter', 'dot', ...own, ...lists);
    expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' });
    expect(out).toMatch(/Test Files .*6 passed/);
  });

  test('has the tables that its schema.prisma says', async () => {
    const { code, out } = await passed('--project', 'integration', 'tools/schema-agreement.int.spec.ts', '-t', 'migrations of rehearsal');
    expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' });
    expect(out).toMatch(/Tests .*2 passed/);
  });

  test.each([
    ['stands already', ['rehearsal'], /is there already/],
    ['is one of ours', ['quota'], /is there already/],
    ['no topic could have', ['Re-hearsal'], /can't name a service/],
    ['is missing', [], /Usage/],
    ['has records that no code could name', ['drill', '--noun', 'class'], /can't name records/],
  ])('is not made under a name that %s', async (_what, args, words) => {
    expect(await run('tools/new-service.ts', ...args)).toMatchObject({ code: 2, out: expect.stringMatching(words) });
    expect(existsSync(join(copy.root, 'apps/drill'))).toBe(false);
  });
});

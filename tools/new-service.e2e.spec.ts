import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '@khue/host/config';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copySources, type Copy } from './guards/copy.ts';
import { wrongTypes } from './guards/planted.ts';

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
  /** Begun as soon as the service is there: it takes as long as all the rest. */
  let compiled: Promise<Outcome>;
  const files = (): string[] => [...made.out.matchAll(/^(?:new|changed) +(\S+)$/gm)].map(([, path]) => path as string);

  beforeAll(async () => {
    copy = copySources();
    made = await run('tools/new-service.ts', ...words);
    compiled = run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--pretty', 'false');
  });
  afterAll(() => copy.remove());

  test('is told of, with the files it changed and what is left to do', () => {
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining('What is left to do') });
    expect(files().filter((path) => !existsSync(join(copy.root, path)))).toEqual([]);
    expect(files()).toEqual(
      expect.arrayContaining(['apps/rehearsal/src/service.ts', 'libs/contracts/src/services.ts', 'apps/standalone/src/product.ts']),
    );
  });

  test('is written as the house writes', async () => {
    const programs = files().filter((path) => path.endsWith('.ts'));
    expect(programs.length).toBeGreaterThan(15);
    // What only types show costs a whole program once more, which the compiler has read beside this.
    const untyped = wrongTypes.flatMap(({ rule }) => ['--rule', `${rule}: off`]);
    expect(await run('node_modules/eslint/bin/eslint.js', '--parser-options', 'projectService:false', ...untyped, ...programs)).toEqual({
      code: 0,
      out: '',
    });
    expect(await run('node_modules/prettier/bin/prettier.cjs', '--check', '--ignore-unknown', ...files())).toMatchObject({ code: 0 });
  });

  test('knows nothing that it may not know, and leaves nothing unused', async () => {
    const cruise = ['--config', '.dependency-cruiser.mjs', 'apps', 'libs', 'infra', 'tools'];
    const cruised = await run('node_modules/dependency-cruiser/bin/dependency-cruise.mjs', ...cruise);
    expect(cruised.out).toMatch(/no dependency violations found \(\d{3,} modules/);
    const unused = await run('node_modules/knip/bin/knip.js', '--no-progress');
    expect(unused.out).not.toMatch(/rehearsal|past-?entr/i);
  });

  test('compiles, and nobody lacks it', async () => {
    expect(await compiled).toEqual({ code: 0, out: '' });
  });

  test('passes its own tests, and those of the lists that it stands in', async () => {
    const own = ['apps/rehearsal/src/domain.spec.ts', 'apps/rehearsal/src/service.int.spec.ts'];
    const lists = ['libs/contracts/src/contracts', 'libs/contracts/src/services', 'apps/standalone/src/product', 'tools/stack/compose'];
    const args = ['run', '--project', 'rules', '--project', 'integration', ...own, ...lists.map((path) => `${path}.spec.ts`)];
    const { code, out } = await run('node_modules/vitest/vitest.mjs', ...args);
    expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' });
    expect(out).toMatch(/Test Files .*6 passed/);
  });

  test('is not made a second time', async () => {
    expect(await run('tools/new-service.ts', ...words)).toMatchObject({ code: 2, out: expect.stringContaining('is there already') });
  });
});

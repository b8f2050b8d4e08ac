import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import devkit from '@nx/devkit';
import { ESLint } from 'eslint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copySources, output, root, type Copy } from './guards/copy.ts';
import { misplaced } from './guards/misplaced.ts';
import { bystanders, unused, wrongImports, wrongMains, wrongProjects, wrongTypes, writtenWrong, type Planted } from './guards/planted.ts';
import { tooNew } from './guards/too-new.ts';
import { sourceFiles, treeProblems } from './guards/tree.ts';
import { uncompilable } from './guards/uncompilable.ts';

const patience = 180_000;
const ours = sourceFiles(root);
const programs = ours.filter((path) => path.endsWith('.ts'));
const words = ({ path, text }: Planted): string => `${path}: ${text.split('\n').slice(0, 2).join(' ').slice(0, 110)}`;

describe('how code is written (ESLint)', () => {
  // Without types a text need not exist as a file; the rules that need types are fed below.
  const untyped = new ESLint({
    cwd: root,
    overrideConfig: {
      languageOptions: { parserOptions: { projectService: false } },
      rules: Object.fromEntries(wrongTypes.map(({ rule }) => [rule, 'off'])),
    },
  });
  const typed = new ESLint({ cwd: root });
  const caught = async (eslint: ESLint, path: string, text: string): Promise<(string | null)[]> => {
    const [result] = await eslint.lintText(text, { filePath: join(root, path) });
    return result?.messages.filter((message) => message.severity === 2).map((message) => message.ruleId) ?? [];
  };

  test.each(writtenWrong.map((planted) => [planted.rule, words(planted), planted] as const))(
    '%s catches %s',
    { timeout: patience },
    async (rule, _words, { path, text }) => {
      expect(await caught(untyped, path, text)).toContain(rule);
    },
  );

  test.each(wrongProjects.map((planted) => [words(planted), planted] as const))(
    'project boundaries (nx tags) catch %s',
    { timeout: patience },
    async (_words, { rule, path, text }) => {
      expect(await caught(untyped, path, text)).toContain(rule);
    },
  );

  test.each(wrongTypes.map((planted) => [planted.rule, planted] as const))(
    '%s catches what only types show',
    { timeout: patience },
    async (rule, { path, text }) => {
      expect(await caught(typed, path, text)).toContain(rule);
    },
  );

  test.each([
    ['libs/host/src/config.ts', 'export const env = () => process.env;\n'],
    ['apps/quota/src/commands.ts', "import { inTransaction } from '@khue/messaging/database';\n\nexport const run = inTransaction;\n"],
    ['apps/quota/src/commands/planted.ts', "import { inTransaction } from '@khue/messaging/database';\n\nexport const run = inTransaction;\n"],
    ['tools/planted.ts', 'export const of = (process: { env: object }): object => process.env;\n'],
    ['vitest.config.ts', 'const config = {};\n\nexport { config as default };\n'],
    ['apps/standalone/src/planted.ts', "import { createQuota } from '@khue/quota/service';\n\nexport const run = createQuota;\n"],
    ['apps/quota/src/domain/planted.ts', 'export const day = (instant: string) => new Date(instant).getUTCDate();\n'],
    ['libs/host/src/planted.ts', "declare module 'vitest' {\n  interface ProvidedContext {\n    one: number;\n  }\n}\n\nexport const one = 1;\n"],
    ['libs/host/src/planted.ts', 'export class Refuse extends Error {}\n'],
    ['libs/host/src/planted.spec.ts', `${'// a long story\n'.repeat(400)}`],
  ])('%s may have what it is for', { timeout: patience }, async (path, text) => {
    expect(await caught(untyped, path, text)).toEqual([]);
  });

  test('no file of ours is outside these rules', { timeout: patience }, async () => {
    const expected = [
      'khue/no-barrel',
      'khue/no-second-language',
      'khue/no-role-class',
      'khue/no-silent-test',
      '@typescript-eslint/no-floating-promises',
      '@nx/enforce-module-boundaries',
    ];
    const outside: string[] = [];
    for (const path of programs) {
      const config = (await typed.calculateConfigForFile(join(root, path))) as { rules?: Record<string, unknown[]> } | undefined;
      if (await typed.isPathIgnored(join(root, path))) outside.push(path);
      for (const rule of expected) if (config?.rules?.[rule]?.[0] !== 2) outside.push(`${path}: ${rule}`);
    }
    expect(outside.filter((line) => line !== 'libs/testing/src/kafka.ts: khue/no-silent-test')).toEqual([]);
  });
});

describe('what does not compile (tsc)', () => {
  let copy: Copy;
  let errors: readonly string[];
  beforeAll(async () => {
    copy = copySources();
    for (const { path, text } of uncompilable) copy.write(path, text);
    const said = await output(copy.root, 'typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--pretty', 'false', '--noErrorTruncation');
    // What explains an error is indented below it.
    errors = said.split(/\n(?! )/);
  }, patience);
  afterAll(() => copy.remove());
  const of = (path: string): readonly string[] => errors.filter((error) => error.startsWith(`${path}(`));

  test.each(uncompilable.map((planted) => [planted.rule, planted] as const))('%s', (rule, { path }) => {
    expect(of(path)).toEqual([expect.stringContaining(rule)]);
  });

  test('nothing but what was planted', () => {
    const fed = uncompilable.flatMap(({ path }) => of(path));
    expect(errors.filter((error) => error !== '' && !fed.includes(error))).toEqual([]);
  });
});

describe('what a file may know (dependency-cruiser)', () => {
  interface Cruised {
    readonly modules: readonly { readonly source: string }[];
    readonly summary: { readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[] };
  }
  const everything = [...wrongImports, ...wrongMains];
  let copy: Copy;
  let cruised: Cruised;
  beforeAll(async () => {
    copy = copySources();
    for (const { path, text } of [...everything, ...bystanders]) copy.write(path, text);
    const args = ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'apps', 'libs', 'infra', 'tools'];
    cruised = JSON.parse(await output(copy.root, 'dependency-cruiser/bin/dependency-cruise.mjs', ...args)) as Cruised;
  }, patience);
  afterAll(() => copy.remove());

  test.each(everything.map((planted) => [planted.rule, words(planted), planted] as const))('%s catches %s', (rule, _words, { path }) => {
    expect(cruised.summary.violations.filter(({ from }) => from === path).map((violation) => violation.rule.name)).toContain(rule);
  });

  test('every rule was fed a violation', async () => {
    const { default: config } = (await import(join(root, '.dependency-cruiser.mjs'))) as { default: { forbidden: { name: string }[] } };
    expect(config.forbidden.map(({ name }) => name).sort()).toEqual([...new Set(everything.map(({ rule }) => rule))].sort());
  });

  test('every file of ours was read, and nothing is caught but what was planted', () => {
    const read = new Set(cruised.modules.map(({ source }) => source));
    expect(programs.filter((path) => !read.has(path))).toEqual([]);
    const fed = new Set([...everything, ...bystanders].map(({ path }) => path));
    const violations = cruised.summary.violations.filter(({ from, to }) => !fed.has(from) && !fed.has(to));
    expect(violations.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  });
});

describe('what a browser runs (tsc)', () => {
  let copy: Copy;
  let said: string;
  beforeAll(async () => {
    copy = copySources();
    for (const { path, text } of tooNew) copy.write(path, text);
    said = await output(copy.root, 'typescript/bin/tsc', '-p', 'libs/contracts/tsconfig.browser.json');
  }, patience);
  afterAll(() => copy.remove());

  test.each(tooNew.map((planted) => [words(planted), planted] as const))('contracts may not have %s', (_words, { path, rule }) => {
    expect(said).toMatch(new RegExp(`^${path.replaceAll('.', '\\.')}\\(.*error ${rule}:`, 'm'));
  });

  test('nothing is named but what was planted, and `types` asks the same', () => {
    const fed = new Set(tooNew.map(({ path }) => path));
    expect(said.split('\n').filter((line) => line.includes('error') && !fed.has(line.split('(')[0] as string))).toEqual([]);
    const { targets } = JSON.parse(readFileSync(join(root, 'tools/project.json'), 'utf8')) as { targets: Record<string, { command: string }> };
    expect(targets['types']?.command).toBe('tsc -p tsconfig.json --noEmit && tsc -p libs/contracts/tsconfig.browser.json');
  });
});

describe('what nobody uses (knip)', () => {
  interface Issues {
    readonly issues: readonly ({ readonly file: string } & Record<string, readonly { readonly name: string }[]>)[];
  }
  let copy: Copy;
  let found: Issues;
  beforeAll(async () => {
    copy = copySources();
    for (const { path, text } of unused) copy.write(path, text);
    const settings = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    copy.write('package.json', JSON.stringify({ ...settings, dependencies: { ...settings.dependencies, 'a-package-nobody-uses': '1.0.0' } }));
    found = JSON.parse(await output(copy.root, 'knip/bin/knip.js', '--reporter', 'json', '--no-progress')) as Issues;
  }, patience);
  afterAll(() => copy.remove());

  test.each(unused.map((planted) => [words(planted), planted] as const))('is found: %s', (_words, { path, rule }) => {
    expect(found.issues.filter(({ file }) => file === path).flatMap((issue) => issue[rule] ?? [])).not.toEqual([]);
  });

  test('a package nobody uses is found', () => {
    expect(found.issues.flatMap((issue) => issue['dependencies'] ?? []).map(({ name }) => name)).toContain('a-package-nobody-uses');
  });
});

describe('names and places of files', () => {
  test.each(misplaced)('%s is refused', (path) => {
    expect(treeProblems([path])).not.toEqual([]);
  });

  test('ours have the one shape', () => {
    expect(programs.length).toBeGreaterThan(200);
    expect(treeProblems(ours)).toEqual([]);
  });
});

describe('the guards are called', () => {
  const json = <T>(path: string): T => JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
  interface Project {
    readonly name: string;
    readonly tags: readonly string[];
    readonly targets: Record<string, { readonly command?: string }>;
  }
  const folders = [...['apps', 'libs'].flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)), 'infra', 'tools'];

  test.each(folders)('%s is a project with its scope, its type and the checks', (folder) => {
    const { name, tags, targets } = json<Project>(`${folder}/project.json`);
    const type = { apps: 'app', libs: 'lib', infra: 'infra', tools: 'tool' }[folder.split('/')[0] as 'apps'];
    expect(folder.endsWith(name)).toBe(true);
    expect(tags).toEqual([`scope:${name}`, `type:${type}`]);
    expect(Object.keys(targets)).toContain('test');
  });

  test('nx reads who imports whom, and so what a change affects', { timeout: patience }, async () => {
    const { dependencies } = await devkit.createProjectGraphAsync({ exitOnError: false });
    const known = (name: string): string[] => (dependencies[name] ?? []).map(({ target }) => target);
    expect(known('quota')).toEqual(expect.arrayContaining(['contracts', 'decider', 'host', 'messaging']));
    expect(known('host')).toEqual(expect.arrayContaining(['contracts', 'messaging']));
    expect(known('tools')).toEqual(expect.arrayContaining(folders.map((folder) => folder.split('/').at(-1)).filter((name) => name !== 'tools')));
  });

  test('npm run check runs each of them', () => {
    const { scripts } = json<{ scripts: Record<string, string> }>('package.json');
    const { targets } = json<Project>('tools/project.json');
    const { targetDefaults } = json<{ targetDefaults: Record<string, { command: string }> }>('nx.json');
    expect(scripts['check']?.split(' ')).toEqual(
      expect.arrayContaining(['nx', 'run-many', '-t', 'lint', 'types', 'boundaries', 'unused', 'format', 'test']),
    );
    expect(targetDefaults['test']?.command).toMatch(/^vitest run --project rules /);
    const called = ['lint', 'types', 'boundaries', 'unused', 'format'].map((name) => targets[name]?.command?.split(' ')[0]);
    expect(called).toEqual(['eslint', 'tsc', 'depcruise', 'knip', 'prettier']);
  });
});

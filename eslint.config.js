import { readdirSync } from 'node:fs';
import nxDevkit from '@nx/devkit';
import nx from '@nx/eslint-plugin';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { house } from './tools/guards/house-rules.ts';

// Without a project graph the boundaries rule skips itself with a line on stdout, and every import passes: so it is made here, or linting fails.
await nxDevkit.createProjectGraphAsync({ exitOnError: false, resetDaemonClient: false });

const tests = ['**/*.spec.ts', '**/*.fixture.ts', 'libs/testing/**'];
const services = readdirSync(new URL('apps', import.meta.url)).filter((app) => app !== 'standalone');

/** Which kinds of project may know which. What a single file may know is dependency-cruiser's part. */
const depConstraints = [
  ...services.map((service) => ({ sourceTag: `scope:${service}`, onlyDependOnLibsWithTags: ['type:lib'] })),
  { sourceTag: 'scope:standalone', onlyDependOnLibsWithTags: ['type:app', 'type:lib', 'type:infra', 'type:tool'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['*'] },
  { sourceTag: 'type:infra', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'scope:decider', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'scope:contracts', onlyDependOnLibsWithTags: [] },
  { sourceTag: 'scope:messaging', onlyDependOnLibsWithTags: ['scope:contracts', 'scope:decider', 'scope:testing', 'type:infra'] },
  { sourceTag: 'scope:host', onlyDependOnLibsWithTags: ['scope:contracts', 'scope:decider', 'scope:messaging', 'scope:testing'] },
  { sourceTag: 'scope:imports', onlyDependOnLibsWithTags: ['scope:contracts', 'scope:decider', 'scope:messaging', 'scope:host', 'scope:testing'] },
  { sourceTag: 'scope:testing', onlyDependOnLibsWithTags: ['type:lib', 'type:infra'] },
];
const boundaries = (allow) => ({
  '@nx/enforce-module-boundaries': [
    'error',
    // Tests of a library use @khue/testing, which uses the libraries, and the product uses the tools' sample: circles of projects, never of files.
    {
      depConstraints,
      allow,
      ignoredCircularDependencies: [...['messaging', 'host', 'imports'].map((library) => [library, 'testing']), ['standalone', 'tools']],
    },
  ],
});

const config = defineConfig(
  { ignores: ['**/generated/**', '**/node_modules/**', '.nx/**', '.data/**', '.stack/**', 'coverage/**'] },
  // Nobody excuses a line from a rule where it stands; a rule that is wrong is changed here.
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts', '**/*.js', '**/*.mjs'],
    plugins: { khue: house, '@nx': nx, '@typescript-eslint': tseslint.plugin },
    languageOptions: { parser: tseslint.parser, ecmaVersion: 2024, sourceType: 'module' },
    rules: {
      'khue/no-default-export': 'error',
      'khue/no-barrel': 'error',
      'khue/no-second-language': 'error',
      'khue/no-role-class': 'error',
      'khue/one-environment': 'error',
      'khue/no-silent-test': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description', 'ts-ignore': true, 'ts-nocheck': true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports', disallowTypeAnnotations: false }],
      'prefer-const': 'error',
      'no-var': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      ...boundaries([]),
    },
  },
  // They may import services, which nx forbids to everyone; what of a service, dependency-cruiser says.
  { files: ['apps/standalone/**'], rules: boundaries(['@khue/**/service', '@khue/gateway/issuer']) },
  { files: ['tools/**', 'apps/standalone/**/*.spec.ts', 'apps/standalone/**/*.fixture.ts'], rules: boundaries(['@khue/**']) },
  { files: ['apps/standalone/**', 'tools/**', '**/main.ts'], rules: { 'no-console': 'off' } },
  { files: tests, rules: { '@typescript-eslint/no-explicit-any': 'off' } },
  { files: ['libs/host/src/config.ts'], rules: { 'khue/one-environment': 'off' } },
  { files: ['libs/testing/src/kafka.ts'], rules: { 'khue/no-silent-test': 'off' } },
  {
    files: ['apps/**/*.ts', 'libs/**/*.ts', 'infra/**/*.ts'],
    // Two look for what a package keeps for itself, kafkajs's queue and the platform's PostgreSQL; the worker loads the layout of its import.
    ignores: [...tests, 'libs/messaging/src/kafka-client.ts', 'infra/postgres/binaries.ts', 'libs/imports/src/parse-worker.ts'],
    rules: { 'khue/no-hidden-import': 'error' },
  },
  {
    files: ['apps/*/src/**/*.ts'],
    ignores: ['apps/*/src/commands.ts', 'apps/*/src/commands/**', ...tests],
    rules: { 'khue/no-transaction': 'error' },
  },
  { files: ['apps/*/src/domain.ts', 'apps/*/src/domain/**', 'apps/*/src/outbound.ts'], ignores: tests, rules: { 'khue/no-clock': 'error' } },
  { files: ['apps/**/*.ts', 'libs/**/*.ts', 'infra/**/*.ts'], ignores: [...tests, '**/main.ts'], rules: { 'khue/no-module-state': 'error' } },
  { files: ['**/*.ts'], ignores: tests, rules: { 'max-lines': ['error', { max: 250 }] } },
  { files: ['*.config.ts', '*.config.js', '*.mjs'], rules: { 'khue/no-default-export': 'off' } },
  {
    files: ['apps/**/*.ts', 'libs/**/*.ts', 'infra/**/*.ts', 'tools/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
);

export { config as default };

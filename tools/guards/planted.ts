/** A violation: what is written where, and the rule that must say so. */
export interface Planted {
  readonly rule: string;
  readonly path: string;
  readonly text: string;
}

export const planted = (rule: string, path: string, ...lines: readonly string[]): Planted => ({ rule, path, text: `${lines.join('\n')}\n` });

const anyLib = 'libs/host/src/planted.ts';
const anyApp = 'apps/quota/src/store/planted.ts';
const aDomain = 'apps/quota/src/domain/planted.ts';
const aSpec = 'libs/host/src/planted.spec.ts';

/** For ESLint: how code is written. */
export const writtenWrong: readonly Planted[] = [
  planted('khue/one-environment', anyLib, 'export const port = process.env.KHUE_PORT;'),
  planted('khue/one-environment', anyLib, "export const port = process['env']['KHUE_PORT'];"),
  planted('khue/one-environment', anyLib, 'const { env } = process;', 'export const port = env;'),
  planted('khue/one-environment', anyLib, "import { env } from 'node:process';", 'export const port = env;'),
  planted('khue/one-environment', anyLib, "import { env as e } from 'process';", 'export const port = e;'),
  planted('khue/one-environment', anyLib, "import p from 'node:process';", 'export const port = p.env;'),
  planted('khue/one-environment', anyLib, 'export const port = globalThis.process.env;'),
  planted('khue/one-environment', anyLib, 'export const mode = import.meta.env;'),
  planted('khue/one-environment', 'infra/planted.ts', 'export const port = process.env;'),
  planted('khue/one-environment', 'tools/planted.ts', 'export const port = process.env;'),
  planted('khue/one-environment', 'apps/gateway/src/main.ts', 'export const port = process.env;'),
  planted('khue/no-default-export', anyLib, 'export default 1;'),
  planted('khue/no-default-export', anyLib, 'const one = 1;', 'export { one as default };'),
  planted('khue/no-barrel', anyLib, "export * from './cursor.ts';"),
  planted('khue/no-barrel', anyLib, "export * as cursor from './cursor.ts';"),
  planted('khue/no-second-language', anyLib, 'export enum Color { Red }'),
  planted('khue/no-second-language', anyLib, 'export const enum Color { Red }'),
  planted('khue/no-second-language', anyLib, 'export namespace Colors { export const red = 1; }'),
  planted('khue/no-second-language', anyLib, 'const seen = (value: unknown) => value;', '@seen class Color {}', 'export const color = Color;'),
  planted('khue/no-second-language', anyLib, 'export class Color { constructor(readonly red: number) {} }'),
  planted('khue/no-role-class', anyLib, 'export class SeatService {}'),
  planted('khue/no-role-class', anyApp, 'export class SeatManager {}'),
  planted('khue/no-role-class', anyApp, 'export const SeatHelper = class {};'),
  planted('khue/no-role-class', anyLib, 'export class BusImpl {}'),
  planted('khue/no-role-class', anyLib, 'export class AggregateBase {}'),
  planted('khue/no-role-class', anyLib, 'export abstract class Aggregate {}'),
  planted('khue/no-transaction', anyApp, "import { inTransaction } from '@khue/messaging/database';", 'export const run = inTransaction;'),
  planted('khue/no-transaction', 'apps/quota/src/routes.ts', "export const run = (client: { query(sql: string): void }) => client.query('BEGIN');"),
  planted(
    'khue/no-transaction',
    'apps/quota/src/inbound.ts',
    'export const run = (client: { query(sql: string): void }) => client.query(`begin isolation level serializable`);',
  ),
  planted('khue/no-transaction', anyApp, 'export const run = (client: { $transaction(work: unknown): void }) => client.$transaction([]);'),
  planted('khue/no-silent-test', aSpec, "import { test } from 'vitest';", "test.skip('later', () => undefined);"),
  planted('khue/no-silent-test', aSpec, "import { it } from 'vitest';", "it.only('now', () => undefined);"),
  planted('khue/no-silent-test', aSpec, "import { describe } from 'vitest';", "describe.todo('later');"),
  planted('khue/no-silent-test', aSpec, "import { test } from 'vitest';", "test.concurrent.skip('later', () => undefined);"),
  planted('khue/no-silent-test', aSpec, "import { test } from 'vitest';", "test.skipIf(true)('later', () => undefined);"),
  planted('khue/no-silent-test', aSpec, "import { test } from 'vitest';", "test('later', { skip: true }, () => undefined);"),
  planted('khue/no-silent-test', aSpec, "import { test } from 'vitest';", "test('later', (context) => context.skip());"),
  planted('khue/no-silent-test', aSpec, "import { test } from 'vitest';", "test('later', ({ skip }) => skip());"),
  planted('@typescript-eslint/ban-ts-comment', anyLib, '// @ts-ignore', 'export const one: string = 1;'),
  planted('@typescript-eslint/ban-ts-comment', anyLib, '// @ts-nocheck', 'export const one = 1;'),
  planted('@typescript-eslint/ban-ts-comment', anyLib, '// @ts-expect-error', 'export const one: string = 1;'),
  planted('khue/no-barrel', anyLib, '/* eslint-disable */', "export * from './cursor.ts';"),
  planted('khue/no-clock', aDomain, 'export const now = () => new Date();'),
  planted('khue/no-clock', aDomain, 'export const now = () => Date.now();'),
  planted('khue/no-clock', aDomain, 'export const id = () => crypto.randomUUID();'),
  planted('khue/no-clock', 'apps/reporting/src/domain.ts', 'export const chance = () => Math.random();'),
  planted('khue/no-clock', 'apps/quota/src/outbound.ts', 'export const later = async () => 1;'),
  planted('khue/no-hidden-import', aDomain, "import { createRequire } from 'node:module';", 'export const kafka = createRequire(import.meta.url);'),
  planted('khue/no-hidden-import', anyLib, 'export const load = (name: string): Promise<unknown> => import(name);'),
  planted('khue/no-hidden-import', anyApp, "export const load = (): Promise<unknown> => import(`kafka${'js'}`);"),
  planted('khue/no-module-state', anyLib, 'let calls = 0;', 'export const count = () => (calls += 1);'),
  planted('khue/no-module-state', anyApp, 'export const seen = new Map<string, number>();'),
  planted('no-console', anyLib, "console.log('here');", 'export const one = 1;'),
  planted('max-lines', anyLib, ...Array.from({ length: 251 }, (_, line) => `export const line${line} = ${line};`)),
];

/** For nx: which project may know which. */
export const wrongProjects: readonly Planted[] = [
  planted('@nx/enforce-module-boundaries', anyApp, "import { createRegistry } from '@khue/registry/service';", 'export const run = createRegistry;'),
  planted(
    '@nx/enforce-module-boundaries',
    anyApp,
    "import { startEmbedded } from '@khue/infra/postgres/embedded';",
    'export const run = startEmbedded;',
  ),
  planted('@nx/enforce-module-boundaries', anyApp, "import { apply } from '@khue/tools/generate';", 'export const run = apply;'),
  planted(
    '@nx/enforce-module-boundaries',
    'apps/gateway/src/planted.ts',
    "import { createQuota } from '@khue/quota/service';",
    'export const run = createQuota;',
  ),
  planted(
    '@nx/enforce-module-boundaries',
    'libs/contracts/src/planted.ts',
    "import { accept } from '@khue/decider/decision';",
    'export const run = accept;',
  ),
  planted('@nx/enforce-module-boundaries', 'libs/decider/src/planted.ts', "import { text } from '@khue/contracts/text';", 'export const run = text;'),
  planted(
    '@nx/enforce-module-boundaries',
    'libs/messaging/src/planted.ts',
    "import { openHost } from '@khue/host/host';",
    'export const run = openHost;',
  ),
  planted(
    '@nx/enforce-module-boundaries',
    'libs/host/src/planted.ts',
    "import { layout } from '@khue/imports/layout';",
    'export const run = layout;',
  ),
  planted(
    '@nx/enforce-module-boundaries',
    'libs/host/src/planted.ts',
    "import { openPool } from '../../messaging/src/database.ts';",
    'export const run = openPool;',
  ),
  planted('@nx/enforce-module-boundaries', 'infra/planted.ts', "import { environment } from '@khue/host/config';", 'export const run = environment;'),
];

/** Needs types, so it is written into a file that exists. */
export const wrongTypes: readonly Planted[] = [
  planted('@typescript-eslint/await-thenable', 'libs/host/src/cursor.ts', 'export const run = async (): Promise<number> => await 1;'),
  planted(
    '@typescript-eslint/no-floating-promises',
    'libs/host/src/cursor.ts',
    'export const run = (work: () => Promise<void>): void => {',
    '  work();',
    '};',
  ),
  planted(
    '@typescript-eslint/no-misused-promises',
    'libs/host/src/cursor.ts',
    'export const run = (work: () => Promise<boolean>): number => {',
    '  if (work()) return 1;',
    '  return 0;',
    '};',
  ),
  planted(
    '@typescript-eslint/switch-exhaustiveness-check',
    'libs/host/src/cursor.ts',
    "export const run = (side: 'left' | 'right'): number => {",
    '  switch (side) {',
    "    case 'left':",
    '      return 1;',
    '  }',
    '  return 0;',
    '};',
  ),
];

const imports = (rule: string, path: string, ...specifiers: readonly string[]): Planted =>
  planted(
    rule,
    path,
    ...specifiers.map((specifier, place) => `import type * as from${place} from '${specifier}';`),
    `export type Used = [${specifiers.map((_, place) => `typeof from${place}`).join(', ')}];`,
  );

/** For dependency-cruiser: what a file imports. Each in a file of its own; `planted-…` in the name keeps them apart from ours. */
export const wrongImports: readonly Planted[] = [
  planted('no-circle', 'libs/host/src/planted-a.ts', "import { b } from './planted-b.ts';", 'export const a = (): unknown => b;'),
  imports('known-target', 'libs/host/src/planted-unknown.ts', './planted-nowhere.ts'),
  planted('no-dead-file', 'libs/host/src/planted-dead.ts', 'export const dead = 1;'),
  imports('no-app-imports-app', 'apps/planted/src/store/planted-app.ts', '@khue/registry/service'),
  imports('no-app-imports-app', 'apps/gateway/src/planted-app.ts', '../../planted/src/domain.ts'),
  imports('apps-by-their-composition', 'apps/standalone/src/planted-inside.ts', '@khue/planted/store'),
  imports('standalone-is-the-top', 'libs/host/src/planted-top.ts', '@khue/standalone/planted-product'),
  imports('tools-from-outside', 'apps/standalone/src/planted-tool.ts', '@khue/tools/generate'),
  imports('seed-for-the-product', 'apps/planted/src/store/planted-seed.ts', '@khue/tools/seed/city'),
  imports('libs-below-apps', 'libs/imports/src/planted-app.ts', '@khue/planted/domain'),
  imports('infra-alone', 'infra/planted-host.ts', '@khue/host/config'),
  imports('contracts-are-pure', 'libs/contracts/src/planted-node.ts', 'node:crypto'),
  imports('contracts-are-pure', 'libs/contracts/src/planted-lib.ts', '@khue/decider/decision'),
  imports('contracts-are-pure', 'libs/contracts/src/http/planted-uuid.ts', 'uuid'),
  imports('decider-is-alone', 'libs/decider/src/planted-zod.ts', 'zod'),
  imports('decider-is-alone', 'libs/decider/src/planted-contracts.ts', '@khue/contracts/text'),
  imports('web-by-contracts', 'apps/web/src/planted-host.ts', '@khue/host/refuse'),
  imports('testing-in-tests', 'apps/planted/src/store/planted-testing.ts', '@khue/testing/eventually'),
  imports('fixtures-in-tests', 'apps/planted/src/domain/planted-fixture.ts', '../city.fixture.ts'),
  imports('kafkajs-in-one-file', 'libs/messaging/src/planted-kafka.ts', 'kafkajs'),
  imports('kafkajs-in-one-file', 'infra/kafka/planted-kafka.ts', 'kafkajs'),
  planted('kafkajs-in-one-file', 'libs/messaging/src/planted-late.ts', "export const late = (): Promise<unknown> => import('kafkajs');"),
  imports('prisma-in-stores', 'apps/planted/src/routes/planted-prisma.ts', '../generated/client.ts'),
  imports('prisma-in-stores', 'apps/planted/src/commands/planted-adapter.ts', '@prisma/adapter-pg'),
  imports('no-prisma-outside-services', 'libs/host/src/planted-prisma.ts', '@prisma/client'),
  imports('domain-is-pure', 'apps/planted/src/domain/planted-node.ts', 'node:fs'),
  imports('domain-is-pure', 'apps/planted/src/domain/planted-zod.ts', 'zod'),
  imports('domain-is-pure', 'apps/planted/src/domain/planted-messaging.ts', '@khue/messaging/command'),
  imports('domain-is-pure', 'apps/planted/src/domain/planted-store.ts', '../store.ts'),
  imports('outbound-is-pure', 'apps/gateway/src/outbound.ts', 'pino'),
  imports('no-way-to-the-outside', 'apps/planted/src/domain/planted-far.ts', './planted-messaging.ts'),
  imports('no-way-to-node', 'apps/planted/src/domain/planted-farther.ts', './planted-node.ts'),
  imports('main-is-the-end', 'apps/planted/src/store/planted-main.ts', '../main.ts'),
  imports('service-is-for-main', 'apps/planted/src/routes/planted-service.ts', '../service.ts'),
  imports('doors-are-for-service', 'apps/planted/src/store/planted-routes.ts', '../routes.ts'),
  imports('routes-know-no-events', 'apps/planted/src/routes/planted-outbound.ts', '../outbound.ts'),
  imports('imports-command', 'apps/planted/src/imports/planted-door.ts', '../routes.ts'),
  imports('commands-are-for-doors', 'apps/planted/src/store/planted-commands.ts', '../commands.ts'),
  imports('commands-decide', 'apps/planted/src/commands/planted-door.ts', '../inbound.ts'),
  planted('views-are-pure', 'apps/planted/src/views/planted-store.ts', "import { planted } from '../store.ts';", 'export const shown = planted;'),
  planted('views-are-pure', 'apps/planted/src/views/planted-host.ts', "import { toPage } from '@khue/host/cursor';", 'export const shown = toPage;'),
  imports('store-below', 'apps/planted/src/store/planted-outbound.ts', '../outbound.ts'),
  imports('outbound-is-for-commands', 'apps/planted/src/routes/planted-words.ts', '../outbound.ts'),
];

/** Nothing wrong with these but the other half of a circle, which is reported once: a service of the one shape, for violations to name. */
export const bystanders: readonly Planted[] = [
  planted('no-circle', 'libs/host/src/planted-b.ts', "import { a } from './planted-a.ts';", 'export const b = (): unknown => a;'),
  planted('', 'apps/planted/package.json', '{ "name": "@khue/planted", "type": "module", "exports": { "./*": "./src/*.ts" } }'),
  ...['service', 'routes', 'commands', 'domain', 'store', 'outbound', 'views', 'city.fixture', 'generated/client'].map((file) =>
    planted('', `apps/planted/src/${file}.ts`, 'export const planted = 1;'),
  ),
  planted('', 'apps/standalone/src/planted-product.ts', 'export const planted = 1;'),
];

/** The rules go by the names of these files. */
export const wrongMains: readonly Planted[] = [
  imports('main-composes', 'apps/planted/src/main.ts', './store.ts', './service.ts'),
  imports('inbound-commands', 'apps/planted/src/inbound.ts', './routes.ts', './commands.ts'),
];

/** For knip: what nobody uses. */
export const unused: readonly Planted[] = [
  planted('exports', 'libs/host/src/planted-unused.ts', 'export const nobodyCallsThis = 1;'),
  planted('exports', 'apps/quota/src/domain/planted-unused.ts', 'export const nobodyDecidesThis = 1;'),
  planted('exports', 'infra/planted-unused.ts', 'export const nobodyStartsThis = 1;'),
  planted('exports', 'tools/seed/planted-unused.ts', 'export const nobodySeedsThis = 1;'),
  planted('unlisted', 'libs/host/src/planted-unlisted.spec.ts', "import 'a-package-nobody-listed';"),
];

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copySources, output, root, type Copy } from './guards/copy.ts';

const patience = 300_000;
const list = 'libs/contracts/src/services.ts';
const end = `} as const satisfies Readonly<Record<string, ServiceDescription>>;`;

/** What follows from the list, as a program of the copy sees it. */
const follows = `
import { readFileSync } from 'node:fs';
import { gatewayConfig } from '@khue/host/config';
import { targetsOf } from './chaos/plan.ts';
import { readOptions } from './dead-letters/command.ts';
import { composed } from './stack/compose.ts';
import { planStack, standardPorts } from './stack/plan.ts';

const stack = planStack({ gatewayPort: 1, ports: standardPorts, data: '', brokers: [], identityKey: '', databases: {} });
const containers = composed(readFileSync(new URL('../docker-compose.yml', import.meta.url), 'utf8'));
process.stdout.write(
  JSON.stringify({
    forwarded: gatewayConfig({}).services.planted,
    process: stack.find(({ name }) => name === 'planted')?.main,
    container: containers.match(/KHUE_\\w*PLANTED\\w*/g)?.length,
    killed: targetsOf.stack.kill.includes('planted'),
    asked: readOptions(['list', '--service', 'planted']).service,
  }),
);
`;

describe('a service that is added to the list of services and nowhere else', () => {
  let copy: Copy;
  let errors: readonly string[];
  beforeAll(async () => {
    copy = copySources();
    const ours = readFileSync(join(root, list), 'utf8');
    expect(ours.split(end)).toHaveLength(2);
    copy.write(list, ours.replace(end, `  planted: { port: 8199, routes: [], events: quotaEvents, hears: {} },\n${end}`));
    // Who tells something and says that it has no records, and who tells nothing and says that it has some.
    copy.write(
      'tools/check-invariants/planted.ts',
      `import type { Part } from './parts.ts';\n\nexport const silent: Part<'planted'>['records'] = 'none';\nexport const loud: Part<'reporting'>['records'] = [];\n`,
    );
    errors = (await output(copy.root, 'typescript/bin/tsc', '-p', 'tsconfig.json', '--noEmit', '--pretty', 'false'))
      .split('\n')
      .filter((line) => line.includes(': error '));
  }, patience);
  afterAll(() => copy.remove());

  test('is forwarded, started, composed, killed and asked for all the same', () => {
    copy.write('tools/follows.ts', follows);
    expect(JSON.parse(execFileSync(process.execPath, [join(copy.root, 'tools/follows.ts')], { encoding: 'utf8' }))).toEqual({
      forwarded: 'http://127.0.0.1:8199',
      process: 'apps/planted/src/main.ts',
      // An address, a port, two databases with a password each, and the two passwords by both their names.
      container: 10,
      killed: true,
      asked: 'planted',
    });
  });

  const named = (): string[] => errors.map((line) => line.split('(')[0] as string);

  test('does not compile, and the compiler names the two places that lack it', () => {
    expect(named().filter((path) => !path.endsWith('/planted.ts'))).toEqual(['apps/standalone/src/product.ts', 'tools/check-invariants/parts.ts']);
    for (const line of errors.filter((one) => !one.includes('/planted.ts'))) expect(line).toMatch(/Property 'planted' is missing/);
  });

  test('can not leave its log unread, nor show records of which it tells nothing', () => {
    expect(errors.filter((line) => line.includes('/planted.ts')).map((line) => /planted\.ts\((\d+),/.exec(line)?.[1])).toEqual(['3', '4']);
  });
});

import { readFile } from 'node:fs/promises';
import { serviceNames } from '@khue/contracts/services';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { composed, composedFiles } from './compose.ts';
import { planStack, standardPorts } from './plan.ts';

interface Compose {
  readonly services: Record<
    string,
    {
      readonly image: string;
      readonly environment?: Record<string, string>;
      readonly ports?: string[];
      readonly healthcheck?: unknown;
      readonly depends_on?: Record<string, unknown>;
    }
  >;
}

const text = await readFile(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
const dockerfile = await readFile(new URL('../../infra/docker/Dockerfile', import.meta.url), 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const databases = Object.fromEntries(
  serviceNames.map((name) => [
    name,
    { ownerUrl: `postgresql://${name}_owner:x@postgres/${name}`, appUrl: `postgresql://${name}_app:x@postgres/${name}` },
  ]),
);
const plan = planStack({ gatewayPort: 8080, ports: standardPorts, data: '/data', brokers: ['kafka:9092'], identityKey: 'x', databases });

describe('docker-compose.yml describes what npm run stack starts', () => {
  test('the same services, and PostgreSQL and Kafka beside them', () => {
    expect(Object.keys(compose.services).sort()).toEqual([...plan.map((process) => process.name), 'kafka', 'postgres'].sort());
  });

  test.each(plan.map((process) => [process.name, process] as const))('%s: the same port, variables and database role', (name, process) => {
    const service = compose.services[name];
    expect(service?.ports?.map((port) => port.split(':').at(-1))).toEqual([String(process.port)]);
    const variables = Object.keys(service?.environment ?? {}).filter((variable) => variable.startsWith('KHUE_'));
    const wanted = Object.keys(process.env).filter((variable) => variable !== 'KHUE_DATA');
    expect(variables).toEqual(expect.arrayContaining(wanted));
    for (const variable of variables.filter((one) => one.endsWith('DATABASE_URL'))) {
      const role = (url: string): string => /\/\/(\w+):/.exec(url)?.[1] ?? '';
      expect(role(service?.environment?.[variable] ?? '')).toBe(role(process.env[variable] ?? ''));
    }
  });

  test('every database is made', () => {
    expect(compose.services.postgres?.environment?.KHUE_DATABASES?.split(' ')).toEqual(serviceNames);
  });

  test.each(composedFiles)('%s says of the services that stand what npm run compose writes', async (name) => {
    const written = await readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
    expect(written, 'stale: npm run compose').toBe(composed(written));
  });

  test('a service that is taken out of a section is written again', () => {
    const without = text.replaceAll(/^ +KHUE_REPORTING_.*\n/gm, '').replace(/^ {2}reporting:\n[^]*?(?=^ {2}# end)/m, '');
    expect(without).not.toContain('postgresql://reporting_app');
    expect(composed(without)).toBe(text);
    expect(() => composed('# planted: npm run compose\n# end\n')).toThrow('no section "planted"');
  });

  test('one image for all services, which runs any of the mains', () => {
    const images = new Set(plan.map((process) => compose.services[process.name]?.image));
    expect(images.size).toBe(1);
    expect(dockerfile).toMatch(/apps\/\$\{?SERVICE\}?\/src\/main\.ts/);
    expect(dockerfile).toMatch(/HEALTHCHECK/);
  });

  test('Kafka in KRaft mode, without topics that make themselves', () => {
    const kafka = compose.services.kafka?.environment ?? {};
    expect(kafka.KAFKA_PROCESS_ROLES).toBe('broker,controller');
    expect(kafka.KAFKA_AUTO_CREATE_TOPICS_ENABLE).toBe('false');
  });

  test('no secret stands in the file', () => {
    const secrets = Object.values(compose.services).flatMap((service) =>
      Object.entries(service.environment ?? {}).filter(([variable]) => /PASSWORD|KEY$|SECRET/.test(variable)),
    );
    expect(secrets.length).toBeGreaterThan(0);
    for (const [, value] of secrets) expect(value).toMatch(/^\$\{\w+:\?\}$/);
    for (const [, url] of text.matchAll(/(postgresql:\/\/\S+)/g)) expect(url).toMatch(/:\$\{\w+:\?\}@/);
  });
});

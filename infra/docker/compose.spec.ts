import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { kafkaVersion } from '../kafka/jars.ts';

type Service = {
  image?: string;
  build?: unknown;
  environment?: Record<string, string | null>;
  healthcheck?: unknown;
  depends_on?: Record<string, { condition: string }>;
};

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');
const composed = async (): Promise<{ text: string; services: Record<string, Service> }> => {
  const text = await read('../../docker-compose.yml');
  return { text, services: (parse(text, { merge: true }) as { services: Record<string, Service> }).services };
};

test('every secret comes from the environment, and .env.example names each one without a value', async () => {
  const { text, services } = await composed();
  const example = (await read('../../.env.example')).split('\n');
  for (const name of new Set([...text.matchAll(/\$\{(\w+):\?\}/g)].map(([, name]) => name))) expect(example, name).toContain(`${name}=`);
  for (const [service, { environment }] of Object.entries(services)) {
    for (const [name, value] of Object.entries(environment ?? {})) {
      if (/PASSWORD|KEY$/.test(name))
        expect(value, `${service} ${name}`).toBe(`\${${name === 'POSTGRES_PASSWORD' ? 'KHUE_POSTGRES_PASSWORD' : name}:?}`);
      if (/DATABASE_URL/.test(name)) expect(value, `${service} ${name}`).toMatch(/^postgresql:\/\/\w+:\$\{\w+:\?\}@postgres:5432\/\w+$/);
    }
  }
});

test('every container has a health check and waits for the health of what it needs', async () => {
  const { services } = await composed();
  const dockerfile = await read('./Dockerfile');
  expect(dockerfile).toMatch(/^HEALTHCHECK .*\n.*\/health\/ready/m);
  for (const [name, service] of Object.entries(services)) {
    expect(service.build ?? service.healthcheck, name).toBeDefined();
    for (const need of Object.values(service.depends_on ?? {})) expect(need.condition, name).toBe('service_healthy');
  }
});

test('each service reaches its own database only, and that database is made', async () => {
  const { services } = await composed();
  const made = services['postgres']?.environment?.['KHUE_DATABASES']?.split(' ') ?? [];
  const served = Object.values(services).flatMap(({ environment }) => environment?.['SERVICE'] ?? []);
  expect(made).toEqual(served.filter((name) => name !== 'gateway'));
  for (const name of made) {
    const urls = Object.entries(services[name]?.environment ?? {}).filter(([key]) => key.endsWith('DATABASE_URL'));
    expect(urls.map(([key]) => key).sort()).toEqual([`KHUE_${name.toUpperCase()}_DATABASE_URL`, `KHUE_${name.toUpperCase()}_OWNER_DATABASE_URL`]);
    for (const [, url] of urls) expect(url).toMatch(new RegExp(`//${name}_(app|owner):.*/${name}$`));
    expect(services['gateway']?.environment?.[`KHUE_${name.toUpperCase()}_URL`]).toBe(
      `http://${name}:${services[name]?.environment?.['HEALTH_PORT']}`,
    );
  }
});

test('the composed broker is the version that is tested', async () => {
  expect((await composed()).services['kafka']?.image).toBe(`apache/kafka:${await kafkaVersion()}`);
});

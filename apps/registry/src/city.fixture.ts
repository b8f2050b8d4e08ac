import { registryRoutes } from '@khue/contracts/http/registry';
import type { Route } from '@khue/contracts/http/route';
import { commonProblems } from '@khue/contracts/problems';
import { openPool } from '@khue/messaging/database';
import { testService, type TestService } from '@khue/testing/service';
import { expect } from 'vitest';
import { createRegistry } from './service.ts';

export const api = '/api/registry/v1';

export interface Told {
  readonly status: number;
  // What a spec looks at differs from route to route.
  readonly body: any;
  readonly etag: string | undefined;
}

export interface City {
  readonly registry: TestService;
  /** A request by an account, `path` below /api/registry/v1. */
  ask(sub: string, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Told>;
  /** As `ask`; throws unless it succeeds. */
  done(sub: string, method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Told>;
  /** Ids of the units by code. */
  readonly units: Record<string, string>;
  unit(code: string, parent: string | null, more?: Record<string, unknown>): Promise<string>;
  grant(sub: string, role: string, code: string, more?: Record<string, unknown>): Promise<string>;
  /** What the world was told, in order: type, subject, sequence and data. */
  told(topic: 'facts' | 'people'): Promise<{ type: string; subject: string; sequence: number; data: Record<string, unknown> }[]>;
  sql<T extends object>(text: string, values?: unknown[]): Promise<T[]>;
  stop(): Promise<void>;
}

/** Whatever a spec asks, the answer has the published shape and no member beside it; a refusal is one that the route announces. */
export const expectAsPublished = (method: string, path: string, { status, body }: Pick<Told, 'status' | 'body'>): void => {
  const asked = `${api}${path.split('?')[0]}`;
  const fits = (route: Route): boolean => route.method === method && new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(asked);
  // The literal path goes before the one with a parameter: /people/duplicates is no person.
  const routes = (registryRoutes as readonly Route[]).filter(fits);
  const route = routes.find((each) => each.path === asked) ?? routes[0];
  if (!route) throw new Error(`no route is published for ${method} ${path}`);
  if (status >= 400) expect([...(route.problems ?? []), ...Object.keys(commonProblems)]).toContain(body.code);
  else if (typeof route.answer !== 'string') expect(route.answer.parse(body)).toEqual(body);
};

/** A registry of its own, whole and empty. */
export const openRegistry = async (): Promise<City> => {
  const registry = await testService('registry', createRegistry);
  const pool = openPool({ url: registry.config.databaseUrl, name: 'registry-spec', max: 1 });
  const units: Record<string, string> = {};
  const ask: City['ask'] = async (sub, method, path, body, headers) => {
    const answer = await registry.call(sub, method, `${api}${path}`, body, headers);
    const json = String(answer.headers['content-type'] ?? '').includes('json');
    const told = { status: answer.statusCode, body: json ? answer.json() : answer.body, etag: answer.headers.etag as string | undefined };
    expectAsPublished(method, path, told);
    return told;
  };
  const done: City['done'] = async (sub, method, path, ...rest) => {
    const answer = await ask(sub, method, path, ...rest);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  };
  return {
    registry,
    ask,
    done,
    units,
    unit: async (code, parent, more = {}) => {
      const body = { code, kind: 'body', name: `Đơn vị ${code}`, parentId: parent && units[parent], from: '2008-08-01', ...more };
      return (units[code] = (await done('board', 'POST', '/units', body)).body.id as string);
    },
    grant: async (sub, role, code, more = {}) =>
      (await done('board', 'POST', '/grants', { sub, role, unitId: units[code], validFrom: '2020-01-01', documentNo: '1-QĐ/TU', ...more })).body
        .id as string,
    told: async (topic) =>
      (
        await pool.query('select type, subject, sequence::int as sequence, data from messaging.log where topic = $1 order by id', [
          `khue.registry.${topic}`,
        ])
      ).rows,
    sql: async (text, values) => (await pool.query(text, values)).rows,
    stop: async () => {
      await pool.end();
      await registry.stop();
    },
  };
};

/** The city with districts d1 and d2 and communes c11, c12, c21; the board; officers a of c11 and b of c12; a reader of c11. */
export const openCity = async (): Promise<City> => {
  const city = await openRegistry();
  for (const [code, parent] of [
    ['city', null],
    ['d1', 'city'],
    ['d2', 'city'],
    ['c11', 'd1'],
    ['c12', 'd1'],
    ['c21', 'd2'],
  ] as const)
    await city.unit(code, parent);
  for (const [sub, role, code] of [
    ['board', 'board', 'city'],
    ['officer.a', 'officer', 'c11'],
    ['officer.b', 'officer', 'c12'],
    ['reader', 'reader', 'c11'],
  ] as const)
    await city.grant(sub, role, code);
  return city;
};

import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Route } from './http/route.ts';
import { allEvents, allRoutes, groupsOf, serviceNames, services, topicsOf } from './services.ts';

const isRoute = (value: unknown): value is Route => typeof value === 'object' && value !== null && 'operationId' in value && 'path' in value;
/** Routes of a module, also those that are made in a set. */
const routesIn = (value: unknown): Route[] => (isRoute(value) ? [value] : Object.values(value ?? {}).filter(isRoute));

describe('the services that stand', () => {
  test('have every route that a file of http/ declares, once', async () => {
    const declared = new Set<Route>();
    for (const file of readdirSync(fileURLToPath(new URL('http', import.meta.url)))) {
      const exported = Object.values((await import(`./http/${file}`)) as Record<string, unknown>);
      for (const route of exported.filter((value) => typeof value !== 'function' && !Array.isArray(value)).flatMap(routesIn)) declared.add(route);
    }
    const ids = (routes: Iterable<Route>): string[] => [...routes].map(({ operationId }) => operationId).sort();
    expect(ids(allRoutes)).toEqual(ids(declared));
    expect(new Set(ids(allRoutes)).size).toBe(allRoutes.length);
  });

  test('hear only what is told, and have ports of their own', () => {
    const told = new Set(allEvents.map(({ topic }) => topic));
    for (const name of serviceNames) expect([...told], name).toEqual(expect.arrayContaining(Object.values(groupsOf(name)).flat()));
    expect(new Set(serviceNames.map((name) => services[name].port)).size).toBe(serviceNames.length);
  });

  test.each(serviceNames)('%s answers under its own path and tells on its own topics', (name) => {
    for (const { path } of services[name].routes) expect(path).toMatch(new RegExp(`^/api/${name}/v\\d+/`));
    for (const topic of topicsOf(name)) expect(topic.split('.')[1]).toBe(name);
  });
});

import { groupsOf, serviceNames, services } from '@khue/contracts/services';
import { serviceConfig } from '@khue/host/config';
import { createLogger } from '@khue/host/logger';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compositions } from './product.ts';

/** Whole programs are loaded, maybe beside others. */
const patience = 30_000;

describe.each(serviceNames)('%s is what the list of services says:', (name) => {
  /** Composed and never started: it asks nobody. */
  const compose = async () => {
    const log = createLogger(name, { write: () => undefined });
    const nowhere = { [`KHUE_${name.toUpperCase()}_DATABASE_URL`]: 'postgres://nobody@127.0.0.1:1/nowhere' };
    const config = serviceConfig(name, { KHUE_IDENTITY_KEY: 'a key for tests that nobody else uses', ...nowhere });
    const service = await compositions[name]({ config, bus: embeddedBus({ log }), log });
    onTestFinished(() => service.stop());
    return service;
  };

  test('its groups, and what each hears', { timeout: patience }, async () => {
    const { consumers } = await compose();
    expect(Object.fromEntries([...consumers].map(([group, { topics }]) => [group, [...topics].sort()]))).toEqual(
      Object.fromEntries(Object.entries(groupsOf(name)).map(([group, topics]) => [group, [...topics].sort()])),
    );
  });

  test('its routes', { timeout: patience }, async () => {
    const { http } = await compose();
    const missing = services[name].routes.filter(({ method, path }) => !http.hasRoute({ method, url: path.replaceAll(/\{(\w+)\}/g, ':$1') }));
    expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });
});

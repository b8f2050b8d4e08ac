import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { allRoutes, serviceNames } from '@khue/contracts/services';
import { gatewayConfig } from '@khue/host/config';
import { createLogger } from '@khue/host/logger';
import { testIssuer } from '@khue/testing/tokens';
import { expect, onTestFinished, test } from 'vitest';
import { createGateway } from './service.ts';

/** Whole programs are loaded, maybe beside others. */
const patience = 30_000;

/** A service that says its name to whatever it is asked. */
const standIn = async (name: string): Promise<string> => {
  const server: Server = createServer((_, response) => response.end(name));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test('every route that the gateway documents is answered by the service it belongs to', { timeout: patience }, async () => {
  const issuer = await testIssuer();
  onTestFinished(() => issuer.close());
  const urls = await Promise.all(serviceNames.map(async (name) => [`KHUE_${name.toUpperCase()}_URL`, await standIn(name)] as const));
  const config = gatewayConfig({ KHUE_OIDC_ISSUER: issuer.issuer, KHUE_PORT: '0', ...Object.fromEntries(urls) });
  const gateway = await createGateway({ config, log: createLogger('gateway', { write: () => undefined }) });
  onTestFinished(() => gateway.stop());
  const address = await gateway.start();

  const { paths } = (await (await fetch(`${address}/openapi.json`)).json()) as { paths: Record<string, Record<string, unknown>> };
  const documented = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const));
  const authorization = `Bearer ${await issuer.token('reader')}`;
  const answers = await Promise.all(
    documented.map(async ([method, path]) => {
      const answer = await fetch(`${address}${path.replaceAll(/\{\w+\}/g, 'x')}`, { method, headers: { authorization } });
      return `${method} ${path}: ${answer.status} ${answer.ok ? await answer.text() : ''}`;
    }),
  );
  expect(answers.sort()).toEqual(allRoutes.map(({ method, path }) => `${method} ${path}: 200 ${path.split('/')[2]}`).sort());
});

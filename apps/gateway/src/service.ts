import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { commonProblems } from '@khue/contracts/problems';
import { allRoutes } from '@khue/contracts/services';
import type { GatewayConfig } from '@khue/host/config';
import { closeHttp, createHttp } from '@khue/host/http';
import { createIdentity } from '@khue/host/identity';
import type { Logger } from '@khue/host/logger';
import type { FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import { serveAuth } from './auth.ts';
import { serveHealth } from './health.ts';
import { openIssuer } from './issuer.ts';
import { openApiDocument } from './openapi.ts';
import { rateLimits, serveProxy, type RateLimits } from './proxy.ts';

export interface RunningGateway {
  readonly http: FastifyInstance;
  start(): Promise<string>;
  stop(): Promise<void>;
}

/** One door: tokens, limits, one API document, and bytes forwarded to the services. */
export const createGateway = async ({
  config,
  log,
  limits = rateLimits,
}: {
  config: GatewayConfig;
  log: Logger;
  limits?: RateLimits;
}): Promise<RunningGateway> => {
  const metrics = new Registry();
  const http = await createHttp({ catalog: commonProblems, log, logConfig: config.log, metrics });
  const { services } = config;
  const { now } = config.clock;
  if (!config.externalIssuer)
    await serveAuth(http, await openIssuer({ data: config.data, issuer: config.issuer, audience: config.audience, now }), config.issuer);
  const document = openApiDocument(allRoutes, { version: '1.0.0', serverUrl: config.publicUrl });
  http.get('/openapi.json', async () => document);
  await http.register(swagger, { mode: 'static', specification: { document: document as never } });
  await http.register(swaggerUi, { routePrefix: '/docs' });
  serveHealth(http, metrics, services, config.clock);
  await serveProxy(http, {
    services,
    identity: createIdentity({ issuer: config.issuer, audience: config.audience, now: () => now().getTime() }),
    problems: commonProblems,
    limits,
  });
  return {
    http,
    start: () => {
      if (config.clock.test) log.warn({ now: now().toISOString() }, 'goes by a test clock, not by the time');
      return http.listen({ port: config.port, host: config.host });
    },
    stop: () => closeHttp(http),
  };
};

import type { Clock } from '@khue/host/clock';
import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, type Registry } from 'prom-client';

const askMs = 2_000;

interface ServiceHealth {
  readonly status: string;
  readonly unsent: number | null;
  readonly lag: number | null;
}

/** The gateway serves on while services are away; `services` says how each of them is. */
export const serveHealth = (http: FastifyInstance, metrics: Registry, services: Readonly<Record<string, string>>, clock: Clock): void => {
  collectDefaultMetrics({ register: metrics });
  http.get('/health/live', async () => ({ status: 'live' }));
  http.get('/health/ready', async () => {
    const asked = await Promise.all(Object.entries(services).map(async ([service, base]) => [service, await ask(base)] as const));
    const away = asked.filter(([, health]) => health.status !== 'ready').map(([service]) => service);
    return {
      status: 'ready',
      degraded: away,
      services: Object.fromEntries(asked),
      ...(clock.test ? { testClock: clock.now().toISOString() } : {}),
    };
  });
  http.get('/metrics', async (_, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
};

const ask = async (base: string): Promise<ServiceHealth> => {
  try {
    const response = await fetch(`${base}/health/ready`, { signal: AbortSignal.timeout(askMs) });
    const { status, unsent, lag } = (await response.json()) as ServiceHealth;
    return { status, unsent, lag };
  } catch {
    return { status: 'away', unsent: null, lag: null };
  }
};

import type { RunningSubscription } from '@khue/messaging/bus';
import type { DueFigures } from '@khue/messaging/due';
import type { Relay } from '@khue/messaging/relay';
import type { FastifyInstance } from 'fastify';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { Clock } from './clock.ts';

/** A consumer that has been dead this long while its broker answers can't be helped from inside: let the process be replaced. */
const deadConsumerMs = 60_000;
/** What is due happens within a second or two; after this something holds it up. */
const lateSeconds = 60;

export interface HealthOptions {
  readonly http: FastifyInstance;
  readonly metrics: Registry;
  readonly pool: Pool;
  readonly state: () => { readonly relay: Relay | undefined; readonly subscriptions: readonly RunningSubscription[]; readonly holes: boolean };
  readonly dues: () => Promise<DueFigures>;
  readonly clock: Clock;
}

/**
 * /health/live, /health/ready and /metrics. Ready means: own database reachable and migrated; what the bus does is told as `degraded`, for
 * typing goes on without it.
 */
export const serveHealth = ({ http, metrics, pool, state, dues, clock }: HealthOptions): { ready(): void; stopping(): void } => {
  let started = false;
  http.get('/health/live', { logLevel: 'silent' }, async (_, reply) => {
    const dead = state().subscriptions.some((subscription) => Date.now() - (subscription.deadSince() ?? Date.now()) > deadConsumerMs);
    return reply.code(dead ? 503 : 200).send({ status: dead ? 'dead-consumer' : 'live' });
  });
  http.get('/health/ready', { logLevel: 'silent' }, async (_, reply) => {
    const database =
      started &&
      (await pool.query('select 1').then(
        () => true,
        () => false,
      ));
    const { relay, subscriptions, holes } = state();
    const lags = await Promise.all(subscriptions.map((subscription) => subscription.lag().catch(() => null)));
    const unsent = database ? await relay?.unsent().catch(() => undefined) : undefined;
    const late = database ? await dues().catch(() => undefined) : undefined;
    const degraded = [
      ...(subscriptions.some((subscription) => subscription.deadSince() !== null) ? ['consumer-dead'] : []),
      ...(holes ? ['events-missing'] : []),
      ...(lags.includes(null) ? ['lag-unknown'] : []),
      ...(relay && unsent === undefined && database ? ['relay'] : []),
      ...((late?.oldestSeconds ?? 0) > lateSeconds ? ['due-late'] : []),
    ];
    return reply.code(database ? 200 : 503).send({
      status: database ? 'ready' : 'not-ready',
      degraded,
      unsent: unsent?.rows ?? (relay ? null : 0),
      lag: lags.includes(null) ? null : lags.reduce<number>((sum, lag) => sum + (lag ?? 0), 0),
      ...(clock.test ? { testClock: clock.now().toISOString() } : {}),
    });
  });
  http.get('/metrics', { logLevel: 'silent' }, async (_, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  return {
    ready: () => {
      started = true;
    },
    stopping: () => {
      started = false;
    },
  };
};

import type { RunningSubscription } from '@khue/messaging/bus';
import type { DueFigures } from '@khue/messaging/due';
import type { Relay } from '@khue/messaging/relay';
import type { Pool } from 'pg';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

export interface Watched {
  readonly metrics: Registry;
  readonly pool: Pool;
  readonly relay: () => Relay | undefined;
  readonly subscriptions: readonly RunningSubscription[];
  readonly consumers: ReadonlyMap<string, unknown>;
  readonly dues: () => Promise<DueFigures>;
}

/** The figures an operator looks at first, read when asked for. */
export const watchMessaging = ({ metrics, pool, relay, subscriptions, consumers, dues }: Watched): void => {
  collectDefaultMetrics({ register: metrics });
  const gauge = (name: string, help: string, read: () => Promise<number | undefined>): void => {
    new Gauge({
      name,
      help,
      registers: [metrics],
      async collect() {
        const value = await read().catch(() => undefined);
        if (value === undefined) this.reset();
        else this.set(value);
      },
    });
  };
  gauge('khue_outbox_unsent', 'Events committed and not yet on the bus', async () => (await relay()?.unsent())?.rows ?? 0);
  gauge('khue_outbox_oldest_seconds', 'Age of the oldest event not yet on the bus', async () => (await relay()?.unsent())?.oldestSeconds ?? 0);
  gauge('khue_parked_messages', 'Messages that wait for an operator', async () => {
    const { rows } = await pool.query<{ n: number }>('select count(*) as n from messaging.parked where group_name = any($1)', [
      [...consumers.keys()],
    ]);
    return rows[0]?.n;
  });
  gauge('khue_due_oldest_seconds', 'Age of the oldest thing that is due and has not happened', async () => (await dues()).oldestSeconds);
  gauge('khue_parked_due', 'Due things that failed and wait for an operator', async () => (await dues()).parked);
  gauge('khue_due_of_unknown_kind', 'Things that will be due and that nothing in this service answers for', async () => (await dues()).ofUnknownKind);
  gauge('khue_consumer_lag', 'Events on the bus that this service has not applied', async () => {
    const lags = await Promise.all(subscriptions.map((subscription) => subscription.lag()));
    return lags.includes(null) ? undefined : lags.reduce<number>((sum, lag) => sum + (lag ?? 0), 0);
  });
};

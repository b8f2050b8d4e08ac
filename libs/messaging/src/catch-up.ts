import type { Pool } from 'pg';
import type { Head, RunningSubscription, Subscription } from './bus.ts';

export interface CatchUpOptions {
  readonly pool: Pool;
  readonly subscription: Pick<Subscription, 'group' | 'reached'>;
  readonly running: Pick<RunningSubscription, 'heads'>;
}

/**
 * Whether a group's projections were ever complete: it has applied all that stood in its topics when this was asked first. Kept for good, also over a restart
 * with the bus away: what was complete once may be old, but it is no default. Asks the database until then, and not afterwards; rejects when that is away.
 */
export const watchCatchUp = ({ pool, subscription, running }: CatchUpOptions): (() => Promise<boolean>) => {
  const { group } = subscription;
  let caughtUp = false;
  let heads: readonly Head[] | undefined;
  let looking: Promise<boolean> | undefined;

  const look = async (): Promise<boolean> => {
    const { rowCount } = await pool.query({ name: 'caught-up', text: 'select 1 from messaging.caught_up where group_name = $1', values: [group] });
    if (rowCount === 1) return true;
    heads ??= (await running.heads()) ?? undefined;
    if (!heads) return false;
    for (const { topic, partition, isReached } of heads) if (!isReached(await subscription.reached(topic, partition))) return false;
    await pool.query('insert into messaging.caught_up (group_name) values ($1) on conflict do nothing', [group]);
    return true;
  };
  return async () => {
    // One look at a time, however many ask.
    if (!caughtUp) caughtUp = await (looking ??= look().finally(() => (looking = undefined)));
    return caughtUp;
  };
};

import type { Bus } from '@khue/messaging/bus';
import { eventually, type Patience } from './eventually.ts';

/**
 * Resolves once every group on these buses has reached every head and nothing new was written meanwhile. What a group writes in answer to an event counts: it
 * is in the log before the group's lag sinks, so unsent events are asked for once more after the lags, and heads must not have moved.
 */
export const settled = async (buses: Bus | readonly Bus[], patience: Patience = { withinMs: 60_000 }): Promise<void> => {
  const all = Array.isArray(buses) ? (buses as readonly Bus[]) : [buses as Bus];
  const producers = all.flatMap((bus) => bus.producers());
  const subscriptions = all.flatMap((bus) => bus.subscriptions());
  const heads = (): Promise<number[]> => Promise.all(producers.map((producer) => producer.position()));
  const unsent = async (): Promise<number> => sum((await Promise.all(producers.map((producer) => producer.unsent()))).map(({ rows }) => rows));
  const lag = async (): Promise<number> =>
    sum((await Promise.all(subscriptions.map((subscription) => subscription.lag()))).map((each) => each ?? Number.NaN));
  await eventually(async () => {
    const before = await heads();
    const first = await unsent();
    const behind = await lag();
    const again = await unsent();
    const after = await heads();
    if (first === 0 && behind === 0 && again === 0 && before.every((head, place) => head === after[place])) return;
    throw new Error(`not settled: ${first} then ${again} events unsent, ${behind} not applied, heads ${before.join(' ')} then ${after.join(' ')}`);
  }, patience);
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

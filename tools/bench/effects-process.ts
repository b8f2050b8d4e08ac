import { setTimeout as pause } from 'node:timers/promises';
import { openPool } from '@khue/messaging/database';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { effects, topic } from './counters.ts';

// The child of effects-child.ts: applies what Kafka brings, tells how many it applied, and ends when its parent lets go.

export interface EffectsSettings {
  readonly brokers: readonly string[];
  readonly consumerUrl: string;
}
/** Events applied by one commit; 0 once the group has its partitions. */
export type EffectsNews = number;

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

process.once('message', async ({ brokers, consumerUrl }: EffectsSettings) => {
  const tell = (applied: EffectsNews): void => void process.send?.(applied);
  const pool = openPool({ url: consumerUrl, name: 'bench-effects' });
  const bus = kafkaBus({ brokers, clientId: 'bench-effects', log: quiet, declared: [{ name: topic, partitions: 12, config: {} }] });
  const running = await bus.subscribe(effects(pool, quiet, tell).subscription);
  while ((await running.lag()) === null) await pause(50);
  tell(0);
  process.once('disconnect', async () => {
    await bus.close();
    await pool.end();
  });
});

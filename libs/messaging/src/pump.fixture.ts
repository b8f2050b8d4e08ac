import { setTimeout as pause } from 'node:timers/promises';
import type { Bus, Delivery, Subscription } from './bus.ts';

export interface Pump extends Pick<Bus, 'subscribe'> {
  /** Appends to the log. */
  write(deliveries: readonly Delivery[]): void;
}

/** A log in memory that groups pull from, batch by batch, each from what it has reached: what any bus does, and nothing else. */
export const createPump = (batch: number): Pump => {
  const log: Delivery[] = [];
  const subscribe = async (subscription: Subscription): ReturnType<Bus['subscribe']> => {
    let running = true;
    const run = (async () => {
      const at = new Map<number, number>();
      while (running) {
        for (const { topic, partition } of log.slice(0, 50)) {
          if (!at.has(partition)) at.set(partition, (await subscription.reached(topic, partition))?.position ?? 0);
        }
        const next = log.filter(({ partition, position }) => position > (at.get(partition) ?? 0)).slice(0, batch);
        try {
          if (next.length > 0) await subscription.consume(next);
          for (const { partition, position } of next) at.set(partition, position);
          if (next.length === 0) await pause(2);
        } catch {
          at.clear();
          await pause(10);
        }
      }
    })();
    return {
      stop: async () => {
        running = false;
        await run;
      },
      lag: async () => null,
      heads: async () => null,
      deadSince: () => null,
    };
  };
  return { subscribe, write: (deliveries) => void log.push(...deliveries) };
};

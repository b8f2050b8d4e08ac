import { join } from 'node:path';
import { startKafka } from '@khue/infra/kafka/local-broker';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import type { Bus } from '@khue/messaging/bus';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { checkpoint } from './checkpoint.ts';
import { topic } from './counters.ts';
import { applyInChild } from './effects-child.ts';
import { applyHere, carry, lostAndDoubled, openEventPath, quiet, write, type Appliers, type EventPath } from './event-path.ts';
import { figure, type Bench, type Figure, type Run } from './figure.ts';
import { assertSettings } from './settings.ts';
import { watchStrangers } from './strangers.ts';

const events = 200_000;
const stored = 10_000;

/** The flush, the relay and a group at their limit, beside the flush alone. */
export const sustainedEvents: Bench = {
  name: 'sustained-events',
  title: `events a second over ${events}, first commit to last effect, beside the same writer with relay and group off; in one process, and on Kafka in two`,
  measure: async ({ folder, rounds, say }) => {
    const server = await startEmbedded({ folder: join(folder, 'server'), log: () => undefined });
    const admin = server.adminUrl('postgres');
    /** Rounds on one bus; ours and beside have databases alike, which grow alike. */
    const measureBus = async (name: 'embedded' | 'kafka', aim: string, open: (path: EventPath) => Promise<Riding>): Promise<Figure> => {
      const ours = await openEventPath(admin, name, stored, name);
      const beside = await openEventPath(admin, `${name}_beside`, stored, name);
      const settings = await assertSettings(ours.producerUrl);
      const riding = await open(ours);
      const runs: Run[] = [];
      try {
        for (let round = 1; round <= rounds; round += 1) {
          const run = await measureRound(admin, ours, beside, riding);
          say(`${name} ${round}: ${run.ours} events/s, the writer alone ${run.beside}`);
          runs.push({ ...run, seen: { ...run.seen, ...settings } });
        }
      } finally {
        await riding.appliers.stop();
        await riding.bus.close();
      }
      return figure({ name: `sustained-events-${name}`, unit: 'events/s', aim: `${aim} and 0 lost and 0 doubled` }, runs);
    };
    try {
      const embedded = await measureBus('embedded', '>= 0.4', async (path) => {
        const bus = embeddedBus({ log: quiet });
        return { bus, appliers: await applyHere(path, bus) };
      });
      const { brokers, close } = await startKafka({ folder: join(folder, 'kafka'), log: say });
      try {
        const kafka = await measureBus('kafka', '>= 0.3', async ({ consumerUrl }) => {
          const bus = kafkaBus({ brokers, clientId: 'bench', log: quiet, declared: [{ name: topic, partitions: 12, config: {} }] });
          return { bus, appliers: await applyInChild({ brokers, consumerUrl }) };
        });
        return [embedded, kafka];
      } finally {
        await close();
      }
    } finally {
      await server.close();
    }
  },
};

interface Riding {
  readonly bus: Bus;
  readonly appliers: Appliers;
}

const measureRound = async (admin: string, ours: EventPath, beside: EventPath, { bus, appliers }: Riding): Promise<Run> => {
  await checkpoint(admin);
  const strangers = watchStrangers();
  const carried = await carry(ours, events, bus, appliers);
  const others = strangers();
  const { lost, doubled, swapped } = await lostAndDoubled(ours);
  if (lost + doubled + swapped > 0) throw new Error(`${lost} events lost, ${doubled} doubled, ${swapped} out of order`);
  await checkpoint(admin);
  const written = await write(beside, events, () => undefined);
  const perSecond = (ms: number): number => Math.round((events * 1_000) / ms);
  return {
    ours: perSecond(carried.lastEffect - carried.firstCommit),
    beside: perSecond(written.lastCommit - written.firstCommit),
    seen: {
      lost,
      doubled,
      'out of order': swapped,
      'written/s': perSecond(carried.lastCommit - carried.firstCommit),
      'behind at the end, ms': Math.round(carried.lastEffect - carried.lastCommit),
      strangers: others,
    },
  };
};

import { join } from 'node:path';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { checkpoint } from './checkpoint.ts';
import { applyHere, carry, lostAndDoubled, openEventPath, quiet, type EventPath } from './event-path.ts';
import { figure, type Bench, type Run } from './figure.ts';
import { assertSettings } from './settings.ts';
import { watchStrangers } from './strangers.ts';

const events = 50_000;
const many = 1_000_000;
const few = 10_000;

/** The event path does not slow down with what is stored. */
export const growthOfEvents: Bench = {
  name: 'growth-of-events',
  title: `events a second (written, stamped, applied) with ${many} counters, events in the log and effects stored, beside the same with ${few}`,
  measure: async ({ folder, rounds, say }) => {
    const server = await startEmbedded({ folder: join(folder, 'server'), log: () => undefined });
    const admin = server.adminUrl('postgres');
    try {
      say(`${many} rows…`);
      const grown = await openEventPath(admin, 'grown', many);
      const settings = await assertSettings(grown.producerUrl);
      const runs: Run[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        // Each round another one, or it would grow too.
        const young = await openEventPath(admin, `young${round}`, few);
        const strangers = watchStrangers();
        const ours = await rateOf(admin, grown);
        await atRest(grown);
        const beside = await rateOf(admin, young);
        await atRest(young);
        say(`round ${round}: ${ours} events/s with ${many}, ${beside} with ${few}`);
        runs.push({ ours, beside, seen: { strangers: strangers(), ...settings } });
      }
      return [figure({ name: 'growth-of-events', unit: 'events/s', aim: '>= 0.9' }, runs)];
    } finally {
      await server.close();
    }
  },
};

/** What was written is vacuumed now, as on a server that had time for it, or autovacuum does so while the next one is measured. */
const atRest = async (path: EventPath): Promise<void> => {
  for (const side of ['producer', 'consumer'] as const) await path.asOwner(side, 'vacuum analyze');
};

const rateOf = async (admin: string, path: EventPath): Promise<number> => {
  const bus = embeddedBus({ log: quiet });
  const appliers = await applyHere(path, bus);
  try {
    await checkpoint(admin);
    const { firstCommit, lastEffect } = await carry(path, events, bus, appliers);
    const { lost, doubled } = await lostAndDoubled(path);
    if (lost + doubled > 0) throw new Error(`${lost} events lost, ${doubled} doubled`);
    return Math.round((events * 1_000) / (lastEffect - firstCommit));
  } finally {
    await appliers.stop();
    await bus.close();
  }
};

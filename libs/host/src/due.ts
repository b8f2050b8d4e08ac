import type { Aggregate } from '@khue/messaging/command';
import { dueFigures, type DueFigures } from '@khue/messaging/due';
import { firing, type DueCommand, type Firing } from '@khue/messaging/due-batch';
import { holdDueLease, startDuePump, type DuePump } from '@khue/messaging/due-pump';
import type { Lease } from '@khue/messaging/lease';
import type { Pool } from 'pg';
import type { Logger } from './logger.ts';
import { betweenPeople, type People } from './people.ts';

export interface DueOptions {
  readonly pool: Pool;
  readonly service: string;
  readonly now: () => Date;
  readonly people: People;
  readonly log: Logger;
  /** Called after commits that may have written events. */
  readonly committed: () => void;
}

/** What happens by itself in a service. */
export interface Due {
  on<Body, State, Event>(aggregate: Aggregate<Body, State, Event>, kinds: Readonly<Record<string, DueCommand<Body>>>): void;
  figures(): Promise<DueFigures>;
  /** Fires from now on, where this service answers for anything. `holder` as for every lease. */
  start(holder: string): void;
  stop(): Promise<void>;
}

export const createDue = ({ pool, service, now, people, log, committed }: DueOptions): Due => {
  const firings: Firing[] = [];
  let running: { readonly pump: DuePump; readonly lease: Lease } | undefined;
  const kinds = (): readonly string[] => firings.flatMap((one) => one.kinds);
  return {
    on: (aggregate, commands) => {
      const twice = Object.keys(commands).find((kind) => kinds().includes(kind));
      if (twice) throw new Error(`two nouns of ${service} answer for what is due as "${twice}"`);
      firings.push(firing(aggregate, commands, committed));
    },
    figures: () => dueFigures(pool, kinds(), now().toISOString()),
    start: (holder) => {
      if (firings.length === 0) return;
      const lease = holdDueLease(pool, holder, (error) => log.error({ err: error }, 'the lease of due times can not be renewed'));
      running = { lease, pump: startDuePump({ pool, service, firings, now, lease, giveWay: betweenPeople(people), log }) };
    },
    stop: async () => {
      await running?.pump.stop();
      await running?.lease.release();
    },
  };
};

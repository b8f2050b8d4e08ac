import type { Received } from '@khue/contracts/envelope';
import { serviceConfig, type Environment } from '@khue/host/config';
import type { RunningService } from '@khue/host/host';
import { createLogger } from '@khue/host/logger';
import { localSearchPath } from '@khue/messaging/consumer';
import { inTransaction } from '@khue/messaging/database';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { createReporting } from '@khue/reporting/service';
import pg from 'pg';
import type { SampleCity } from '../seed/city.ts';
import { assignmentEvents, historyEvents, structureEvents } from './reported-history.ts';

const batch = 5_000;

/**
 * Hands the city's history to reporting's own handlers, in batches, in the transactions a consumer would have them in: an hour of doors and buses in a minute or two.
 * Nothing runs on the database afterwards. Answers how many turns there are.
 */
export const feedReporting = async (env: Environment, city: SampleCity, scale: number, say: (line: string) => void): Promise<number> => {
  const log = createLogger('reporting', { write: () => undefined });
  const config = serviceConfig('reporting', env);
  const bus = embeddedBus({ log });
  const service = await createReporting({ config, bus, log });
  await service.start();
  try {
    await hand(service, 'reporting-directory', structureEvents(city), say);
    await hand(service, 'reporting', historyEvents(city, scale), say);
    await hand(service, 'reporting-directory', assignmentEvents(city, scale), say);
    const owner = new pg.Client({ connectionString: config.ownerDatabaseUrl });
    await owner.connect();
    await owner.query('vacuum analyze');
    const { rows } = await owner.query<{ turns: number }>('select count(*)::int as turns from reporting.turn');
    await owner.end();
    return rows[0]?.turns ?? 0;
  } finally {
    await service.stop();
    await bus.close();
  }
};

const hand = async (service: RunningService, group: string, events: Generator<Received>, say: (line: string) => void): Promise<void> => {
  const served = service.consumers.get(group);
  if (!served) throw new Error(`reporting has no group ${group}`);
  let handed = 0;
  const give = async (some: readonly Received[]): Promise<void> => {
    await inTransaction(service.pool, (tx) => served.apply(tx, some), localSearchPath(served.searchPath));
    served.onApplied();
    handed += some.length;
  };
  let waiting: Received[] = [];
  for (const event of events) {
    waiting.push(event);
    if (waiting.length < batch) continue;
    await give(waiting);
    waiting = [];
    if (handed % 100_000 === 0) say(`${group}: ${handed} events`);
  }
  if (waiting.length > 0) await give(waiting);
  say(`${group}: ${handed} events`);
};

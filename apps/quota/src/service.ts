import { fileURLToPath } from 'node:url';
import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { quotaFacts } from '@khue/contracts/events/quota';
import { openHost, type Deps, type RunningService } from '@khue/host/host';
import { createCommands } from './commands.ts';
import { refusals } from './domain/refusals.ts';
import { createInbound, known } from './inbound.ts';
import { serveRoutes } from './routes.ts';
import { createReads } from './store/reads.ts';

/** Quota: the year's pots, their division over the units, and the one ledger that gives each seat once. */
export const createQuota = async (deps: Deps): Promise<RunningService> => {
  const host = await openHost(deps, {
    migrations: [fileURLToPath(new URL('../prisma/migrations', import.meta.url))],
    problems: refusals,
    produces: [quotaFacts],
  });
  const { ledger, handle } = createCommands(host);
  serveRoutes(host, createReads(host.pool), handle);
  host.consume({ group: 'quota', topics: [enrollmentFacts], known, apply: createInbound(ledger, host.now) });
  return host.service;
};

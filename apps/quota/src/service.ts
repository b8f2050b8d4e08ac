import { quotaFacts } from '@khue/contracts/events/quota';
import { service } from '@khue/host/service';
import { createCommands, ledger } from './commands.ts';
import { refusals } from './domain/refusals.ts';
import { heard } from './inbound.ts';
import { serveRoutes } from './routes.ts';
import { createReads } from './store/reads.ts';

/** Quota: the year's pots, their division over the units, and the one ledger that gives each seat once. */
export const createQuota = service('quota', { produces: [quotaFacts], problems: refusals, home: import.meta.url }, (host) => {
  serveRoutes(host, createReads(host.pool), createCommands(host));
  host.hear(ledger, heard);
});

import { fileURLToPath } from 'node:url';
import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { quotaFacts } from '@khue/contracts/events/quota';
import { registryFacts } from '@khue/contracts/events/registry';
import { openHost, type Deps, type RunningService } from '@khue/host/host';
import { createCommands } from './commands.ts';
import { refusals } from './domain.ts';
import { apply, known } from './inbound.ts';
import { serveRoutes } from './routes.ts';
import { figuresIn, figuresOf } from './store/figures.ts';
import { createMirror } from './store/mirror.ts';
import { publishedStore } from './store/published.ts';

/** Reporting: projections of what the others decided, the figures that follow, and what the city published to hold them against. */
export const createReporting = async (deps: Deps): Promise<RunningService> => {
  const host = await openHost(deps, {
    migrations: [fileURLToPath(new URL('../prisma/migrations', import.meta.url))],
    problems: refusals,
    produces: [],
  });
  const published = publishedStore(host.pool);
  const mirror = createMirror(host);
  host.onStart(async () => mirror.start());
  host.onStop(mirror.stop);
  serveRoutes(host, { figures: figuresIn(mirror, figuresOf(host.pool)), published, commands: createCommands(host, published) });
  host.consume({ group: 'reporting', topics: [enrollmentFacts, quotaFacts, registryFacts], known, apply, searchPath: ['reporting'] });
  return host.service;
};

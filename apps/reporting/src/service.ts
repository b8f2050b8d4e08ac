import { service } from '@khue/host/service';
import { createCommands } from './commands.ts';
import { refusals } from './domain.ts';
import { apply, known } from './inbound.ts';
import { serveRoutes } from './routes.ts';
import { figuresIn, figuresOf } from './store/figures.ts';
import { createMirror } from './store/mirror.ts';
import { createReads } from './store/published.ts';

/** Reporting: projections of what the others decided, the figures that follow, and what the city published to hold them against. */
export const createReporting = service('reporting', { produces: [], problems: refusals, home: import.meta.url }, (host) => {
  const mirror = createMirror(host);
  host.onStart(async () => mirror.start());
  host.onStop(mirror.stop);
  serveRoutes(host, { figures: figuresIn(mirror, figuresOf(host.pool)), published: createReads(host.pool), commands: createCommands(host) });
  host.project({ known, apply, searchPath: ['reporting'] });
});

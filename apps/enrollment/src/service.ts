import { fileURLToPath } from 'node:url';
import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { openHost, type Deps, type RunningService } from '@khue/host/host';
import { Gauge } from 'prom-client';
import { createCommands } from './commands.ts';
import { refusals } from './domain/refusals.ts';
import { peopleInbound, quotaInbound } from './inbound.ts';
import { serveCatalog } from './routes/catalog.ts';
import { serveEnrollments } from './routes/enrollments.ts';
import { serveNominations } from './routes/nominations.ts';
import { oldestWaiting } from './store/reading.ts';

const migrations = fileURLToPath(new URL('../prisma/migrations', import.meta.url));

/** Programs, classes, nominations and their approval, admission, and the turns of the past. */
export const createEnrollment = async (deps: Deps): Promise<RunningService> => {
  const host = await openHost(deps, { migrations: [migrations], problems: refusals, produces: [enrollmentFacts] });
  const commands = createCommands(host);
  serveCatalog(host, commands);
  serveNominations(host, commands);
  serveEnrollments(host);
  host.consume(quotaInbound(commands));
  host.consume(peopleInbound());
  new Gauge({
    name: 'khue_saga_oldest_seconds',
    help: 'Age of the oldest approved enrollment that has no answer of quota',
    registers: [host.metrics],
    async collect() {
      const seconds = await oldestWaiting(host.pool).catch(() => undefined);
      // A figure that can't be read is no figure: none is shown.
      if (seconds === undefined) this.reset();
      else this.set(seconds);
    },
  });
  return host.service;
};

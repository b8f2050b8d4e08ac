import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { turnImport } from '@khue/contracts/http/enrollment';
import { service } from '@khue/host/service';
import { openImports } from '@khue/imports/import-door';
import { Gauge } from 'prom-client';
import { createCommands, enrollmentsBy } from './commands.ts';
import { refusals } from './domain/refusals.ts';
import { pastTurnImport } from './imports/past-turns.ts';
import { people, seats } from './inbound.ts';
import { serveCatalog } from './routes/catalog.ts';
import { serveEnrollments } from './routes/enrollments.ts';
import { serveNominations } from './routes/nominations.ts';
import { oldestWaiting } from './store/reading.ts';
import { createRuleBook } from './store/rule-sets.ts';
import { keepSeatEvents } from './store/timeline.ts';

const frame = { produces: [enrollmentFacts], problems: refusals, home: import.meta.url } as const;

/** Programs, classes, nominations and their approval, admission, and the turns of the past. Hears quota of seats and the registry of people. */
export const createEnrollment = service('enrollment', frame, (host) => {
  const ruleBook = createRuleBook(host.pool);
  const enrollments = enrollmentsBy(ruleBook);
  const commands = createCommands(host, enrollments);
  serveCatalog(host, commands);
  serveNominations(host, commands, ruleBook);
  serveEnrollments(host, ruleBook);
  host.hear(enrollments, seats, { as: 'quota', also: keepSeatEvents });
  host.project(people);
  openImports(host, { routes: turnImport, kinds: [pastTurnImport(host)], uploads: 'b1f0f2f4-2b60-4d4e-8b8e-0a2f5b3a7d19' });
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
});

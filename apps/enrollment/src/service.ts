import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { backlogBelow } from '@khue/host/pace';
import { service } from '@khue/host/service';
import { createImportFlow } from '@khue/imports/import-flow';
import { createImportRunner } from '@khue/imports/import-runner';
import { importMigrations } from '@khue/imports/migrations';
import { importRefusals } from '@khue/imports/refusals';
import { Gauge } from 'prom-client';
import { createCommands, enrollmentsBy } from './commands.ts';
import { refusals } from './domain/refusals.ts';
import { pastTurnImport } from './imports/past-turns.ts';
import { people, seats } from './inbound.ts';
import { serveCatalog } from './routes/catalog.ts';
import { serveEnrollments } from './routes/enrollments.ts';
import { serveImports } from './routes/imports.ts';
import { serveNominations } from './routes/nominations.ts';
import { oldestWaiting } from './store/reading.ts';
import { createRuleBook } from './store/rule-sets.ts';
import { keepSeatEvents } from './store/timeline.ts';

const frame = {
  produces: [enrollmentFacts],
  problems: { ...importRefusals, ...refusals },
  home: import.meta.url,
  migrations: [importMigrations],
} as const;

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
  const kinds = [pastTurnImport(host)];
  const runner = createImportRunner({
    pool: host.pool,
    kinds,
    pace: backlogBelow(host),
    people: host.people,
    committed: host.wakeRelay,
    onError: (error, importId) => host.log.error({ err: error, importId }, 'a chunk of an import failed'),
  });
  serveImports(host, createImportFlow({ pool: host.pool, kinds, people: host.people, wake: runner.wake }));
  host.onStart(async () => runner.start());
  host.onStop(() => runner.stop());
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

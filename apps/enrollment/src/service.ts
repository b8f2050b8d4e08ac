import { fileURLToPath } from 'node:url';
import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { openHost, type Deps, type RunningService } from '@khue/host/host';
import { createImportFlow } from '@khue/imports/import-flow';
import { createImportRunner } from '@khue/imports/import-runner';
import { importMigrations } from '@khue/imports/migrations';
import { importRefusals } from '@khue/imports/refusals';
import { Gauge } from 'prom-client';
import { createCommands } from './commands.ts';
import { refusals } from './domain/refusals.ts';
import { backlogBelow } from '@khue/host/pace';
import { pastTurnImport } from './imports/past-turns.ts';
import { peopleInbound, quotaInbound } from './inbound.ts';
import { serveCatalog } from './routes/catalog.ts';
import { serveEnrollments } from './routes/enrollments.ts';
import { serveImports } from './routes/imports.ts';
import { serveNominations } from './routes/nominations.ts';
import { oldestWaiting } from './store/reading.ts';
import { createRuleBook } from './store/rule-sets.ts';

const migrations = fileURLToPath(new URL('../prisma/migrations', import.meta.url));

/** Programs, classes, nominations and their approval, admission, and the turns of the past. Hears quota of seats and the registry of people. */
export const createEnrollment = async (deps: Deps): Promise<RunningService> => {
  const host = await openHost(deps, {
    migrations: [importMigrations, migrations],
    problems: { ...importRefusals, ...refusals },
    produces: [enrollmentFacts],
  });
  const ruleBook = createRuleBook(host.pool);
  const commands = createCommands(host, ruleBook);
  serveCatalog(host, commands);
  serveNominations(host, commands, ruleBook);
  serveEnrollments(host, ruleBook);
  host.consume(quotaInbound(commands, host.now));
  host.consume(peopleInbound());
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
  return host.service;
};

import { registryFacts, registryPeople } from '@khue/contracts/events/registry';
import { identityRef as identityRefUnder } from '@khue/host/identity-ref';
import { backlogBelow } from '@khue/host/pace';
import { service } from '@khue/host/service';
import { createImportFlow } from '@khue/imports/import-flow';
import { createImportRunner } from '@khue/imports/import-runner';
import { importMigrations } from '@khue/imports/migrations';
import { importRefusals } from '@khue/imports/refusals';
import { createCommands } from './commands.ts';
import { mayFound } from './domain/access.ts';
import { refusals } from './domain/refusals.ts';
import { peopleImport } from './imports/people.ts';
import { serveDocuments } from './routes/documents.ts';
import { serveGrants } from './routes/grants.ts';
import { serveImports } from './routes/imports.ts';
import { servePeople } from './routes/people.ts';
import { serveUnits } from './routes/units.ts';
import { registryDirectory } from './store/directory.ts';
import { createReads } from './store/reads.ts';

/** Units, people, grants and documents of the city. Hears nobody: everything begins here, at its doors. */
export const createRegistry = service(
  'registry',
  {
    produces: [registryFacts, registryPeople],
    problems: { ...importRefusals, ...refusals },
    home: import.meta.url,
    migrations: [importMigrations],
    directory: registryDirectory,
    extraRoles: (sub, directory, { bootstrapSub }) => (mayFound(sub, bootstrapSub, directory.held().grants.length) ? ['board'] : []),
  },
  (host) => {
    const commands = createCommands(host);
    const reads = createReads(host.pool);
    const identityRef = (number: string): string => identityRefUnder(host.config.identityKey, number);
    serveUnits(host, commands);
    servePeople(host, commands, reads, identityRef);
    serveGrants(host, commands, reads);
    serveDocuments(host, commands, reads);
    const onBug = (error: unknown): void => host.log.error({ err: error, noun: 'people' }, 'a row of an import failed');
    const kinds = [peopleImport(host.directory, identityRef, onBug)];
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
  },
);

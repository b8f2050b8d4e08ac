import { fileURLToPath } from 'node:url';
import { registryFacts, registryPeople } from '@khue/contracts/events/registry';
import { openHost, type Deps, type RunningService } from '@khue/host/host';
import { createImportFlow } from '@khue/imports/import-flow';
import { createImportRunner } from '@khue/imports/import-runner';
import { importMigrations } from '@khue/imports/migrations';
import { importRefusals } from '@khue/imports/refusals';
import { createCommands } from './commands.ts';
import { mayFound } from './domain/access.ts';
import { refusals } from './domain/refusals.ts';
import { identityRef as identityRefUnder } from '@khue/host/identity-ref';
import { backlogBelow } from '@khue/host/pace';
import { peopleImport } from './imports/people.ts';
import { serveDocuments } from './routes/documents.ts';
import { serveGrants } from './routes/grants.ts';
import { serveImports } from './routes/imports.ts';
import { servePeople } from './routes/people.ts';
import { serveUnits } from './routes/units.ts';
import { registryDirectory, type RegistryDirectory } from './store/directory.ts';
import { createReads } from './store/reads.ts';

const migrations = fileURLToPath(new URL('../prisma/migrations', import.meta.url));

/** Units, people, grants and documents of the city. Hears nobody: everything begins here, at its doors. */
export const createRegistry = async (deps: Deps): Promise<RunningService> => {
  const { bootstrapSub, identityKey } = deps.config;
  // Assigned while the host opens, which makes the pool it reads from.
  let directory!: RegistryDirectory;
  const host = await openHost(deps, {
    migrations: [importMigrations, migrations],
    problems: { ...importRefusals, ...refusals },
    produces: [registryFacts, registryPeople],
    directory: (pool) => (directory = registryDirectory(pool)),
    extraRoles: (sub) => (mayFound(sub, bootstrapSub, directory.held().grants.length) ? ['board'] : []),
  });
  const commands = createCommands(host, directory);
  const reads = createReads(host.pool);
  const identityRef = (number: string): string => identityRefUnder(identityKey, number);
  serveUnits(host, commands, directory);
  servePeople(host, commands, reads, identityRef);
  serveGrants(host, commands, reads);
  serveDocuments(host, commands, reads);
  const kinds = [peopleImport(directory, identityRef)];
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
  return host.service;
};

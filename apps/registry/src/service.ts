import { fileURLToPath } from 'node:url';
import { registryFacts, registryPeople } from '@khue/contracts/events/registry';
import { peopleImport as peopleImportRoutes } from '@khue/contracts/http/registry-people';
import { openHost, type Deps, type RunningService } from '@khue/host/host';
import { openImports } from '@khue/imports/import-door';
import { createCommands } from './commands.ts';
import { mayFound } from './domain/access.ts';
import { refusals } from './domain/refusals.ts';
import { identityRef as identityRefUnder } from '@khue/host/identity-ref';
import { peopleImport } from './imports/people.ts';
import { serveDocuments } from './routes/documents.ts';
import { serveGrants } from './routes/grants.ts';
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
    migrations: [migrations],
    problems: refusals,
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
  openImports(host, { routes: peopleImportRoutes, kinds: [peopleImport(directory, identityRef)], uploads: '5c0a0c0e-6f1c-4f0b-9d3e-2f6a7be01c55' });
  return host.service;
};

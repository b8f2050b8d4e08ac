import { registryFacts, registryPeople } from '@khue/contracts/events/registry';
import { peopleImport as peopleImportRoutes } from '@khue/contracts/http/registry-people';
import { identityRef as identityRefUnder } from '@khue/host/identity-ref';
import { service } from '@khue/host/service';
import { openImports } from '@khue/imports/import-door';
import { createCommands } from './commands.ts';
import { mayFound } from './domain/access.ts';
import { refusals } from './domain/refusals.ts';
import { peopleImport } from './imports/people.ts';
import { serveDocuments } from './routes/documents.ts';
import { serveGrants } from './routes/grants.ts';
import { servePeople } from './routes/people.ts';
import { serveUnits } from './routes/units.ts';
import { registryDirectory } from './store/directory.ts';
import { createReads } from './store/reads.ts';

/** Units, people, grants and documents of the city. Hears nobody: everything begins here, at its doors. */
export const createRegistry = service(
  'registry',
  {
    produces: [registryFacts, registryPeople],
    problems: refusals,
    home: import.meta.url,
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
    openImports(host, {
      routes: peopleImportRoutes,
      kinds: [peopleImport(host, identityRef)],
      uploads: '5c0a0c0e-6f1c-4f0b-9d3e-2f6a7be01c55',
    });
  },
);

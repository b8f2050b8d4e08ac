import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ServiceName } from '@khue/contracts/services';
import { ConfigProblem, type Environment } from '@khue/host/config';
import { databaseUrl } from '@khue/infra/postgres/provision';
import { openSecret } from '@khue/infra/postgres/secret-file';
import { isServerOf, readPidFile } from '@khue/infra/postgres/server-process';
import { openDataFolder } from '@khue/standalone/data-folder';

/** Where a service's database is, and what else of the environment a process of that service needs to be composed. */
export interface ServiceDatabase {
  readonly appUrl: string;
  /** Absent where only the runtime role is known. */
  readonly ownerUrl: string | undefined;
  readonly env: Environment;
}

/**
 * The database of a service: as KHUE_<SERVICE>_DATABASE_URL says, else on the server that runs on the data folder. Starts nothing and makes nothing.
 * Throws ConfigProblem, one sentence, also for a data folder whose product doesn't run.
 */
export const serviceDatabase = async (service: ServiceName, env: Environment, data: string): Promise<ServiceDatabase> => {
  const key = service.toUpperCase();
  const given = env[`KHUE_${key}_DATABASE_URL`];
  if (given) return { appUrl: given, ownerUrl: env[`KHUE_${key}_OWNER_DATABASE_URL`], env };
  const folder = resolve(data);
  await access(join(folder, 'postgres.secret')).catch(() => {
    throw new ConfigProblem(`There is no readable database in ${folder}: name the data folder with --data, or set KHUE_${key}_DATABASE_URL.`);
  });
  const server = await readPidFile(folder);
  if (!server?.port || !server.ready || !(await isServerOf(server.pid, folder))) {
    throw new ConfigProblem(`The product of ${folder} is not running: start it, and then this command beside it.`);
  }
  const secret = (await openSecret(folder, true)).databases[service];
  if (!secret) throw new ConfigProblem(`The product of ${folder} has no service "${service}".`);
  const base = `postgres://127.0.0.1:${server.port}/`;
  const appUrl = databaseUrl(base, service, `${service}_app`, secret.app);
  const { identityKey } = await openDataFolder(folder);
  return {
    appUrl,
    ownerUrl: databaseUrl(base, service, `${service}_owner`, secret.owner),
    env: { KHUE_IDENTITY_KEY: identityKey, ...env, [`KHUE_${key}_DATABASE_URL`]: appUrl },
  };
};

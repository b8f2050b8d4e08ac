import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import type { TestProject } from 'vitest/node';

/** One PostgreSQL server for the whole run, with the settings of production: what is slow there is slow here. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const folder = await mkdtemp(join(tmpdir(), 'khue-test-postgres-'));
  const server = await startEmbedded({ folder, log: () => undefined });
  project.provide('postgresAdminUrl', server.adminUrl('postgres'));
  return async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  };
};

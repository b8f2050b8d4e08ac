import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The `home` of a service that a test composes: a folder of its own, without a migration. */
export const bareHome = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'khue-service-'));
  mkdirSync(join(folder, 'prisma/migrations'), { recursive: true });
  return pathToFileURL(join(folder, 'src/service.ts')).href;
};

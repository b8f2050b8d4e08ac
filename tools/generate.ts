import { execFile } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { environment } from '@khue/host/config';

// Generates each service's Prisma client. The schema engine is not needed for that, and its download fails where only the package registry is
// reachable: any program that succeeds stands in for it.
const root = fileURLToPath(new URL('..', import.meta.url));
const prisma = join(root, 'node_modules/prisma/build/index.js');
const run = promisify(execFile);

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const generate = async (app: string): Promise<void> => {
  const schema = join(root, 'apps', app, 'prisma/schema.prisma');
  if (!(await exists(schema))) return;
  await run(process.execPath, [prisma, 'generate', '--schema', schema], {
    cwd: root,
    env: { ...environment(), PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' },
  });
};

if (await exists(join(root, 'apps'))) await Promise.all((await readdir(join(root, 'apps'))).map(generate));

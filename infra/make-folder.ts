import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from './start-problem.ts';

/**
 * Makes the folder and those above it; throws Node's system error. For `mkdir` with `recursive`, which in Node 24 never returns below a folder that
 * answers ENOENT to every mkdir, as /proc does.
 */
export async function makeFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isDirectory()) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder).catch(async (error: unknown) => {
    // Two starts make it at once: whoever comes second finds it.
    if (systemCode(error) !== 'EEXIST' || !(await stat(folder)).isDirectory()) throw error;
  });
}

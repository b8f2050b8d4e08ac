import { readdir, readFile } from 'node:fs/promises';
import { isServerOf, readPidFile } from '@khue/infra/postgres/server-process';

// By /proc, so on Linux only: where it is missing nothing could be frozen whole.

/** Sends the signal; a process that is gone already is none. */
export const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
};

/** The server of a data folder, its first process before those it started; none when it doesn't run. */
export const serverOf = async (folder: string): Promise<readonly number[]> => {
  const first = (await readPidFile(folder))?.pid ?? 0;
  if (!(await isServerOf(first, folder))) return [];
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const parents = await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const));
  return [first, ...parents.filter(([, parent]) => parent === first).map(([pid]) => pid)];
};

const parentOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
};

/** The command line of a process; empty for one that is gone. */
export const commandOf = (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').then(
    (text) => text.replaceAll('\0', ' ').trim(),
    () => '',
  );

/** Memory that a process has for itself, MB. */
export const memoryOf = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024;
};

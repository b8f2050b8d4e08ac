import { execFile } from 'node:child_process';
import { link, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemCode } from '../start-problem.ts';
import { dataIdentity } from './data-folder.ts';

/** What postmaster.pid says. The port is absent until the server has chosen it. */
export type PidFile = { pid: number; port: number | undefined; ready: boolean };

export async function readPidFile(folder: string): Promise<PidFile | undefined> {
  const text = await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // Lines: pid, data folder, start time, port, socket folder, address, shared memory, state.
  const lines = text.split('\n');
  const port = Number(lines[3]);
  return { pid: Number(lines[0]), port: port > 0 ? port : undefined, ready: lines[7]?.trim() === 'ready' };
}

/**
 * Whether the process is a server working on this folder. The number alone proves nothing: after a crash or in a new container it may belong to a
 * stranger, and a server that nobody has reaped yet still answers to kill(0).
 */
export async function isServerOf(pid: number, folder: string): Promise<boolean> {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemCode(error) === 'ESRCH') return false;
  }
  const command = await commandLine(pid);
  if (!/postgres/.test(command)) return false;
  if (command.includes(join(folder, 'postgres'))) return true;
  return worksIn(pid, folder);
}

/** Kills what is left of a server whose first process was killed: a child in the midst of a long query keeps the shared memory and so the folder. */
export async function killStragglers(folder: string): Promise<void> {
  const named = await readPidFile(folder);
  // A rival has started a whole server meanwhile: these are its children.
  if (named && (await isServerOf(named.pid, folder))) return;
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter((pid) => pid > 0);
  for (const pid of pids) {
    if (!(await worksIn(pid, folder)) || !/postgres/.test(await commandLine(pid))) continue;
    // Not a loss: without its first process the cluster recovers from the log at the next start in any case.
    signal(pid, 'SIGKILL');
  }
}

/**
 * Removes the pid file of a server that is gone. PostgreSQL does so itself, except when the number now belongs to another process of its account, or
 * when a crash left the file empty.
 */
export async function removeStalePidFile(folder: string, seen: PidFile): Promise<void> {
  const path = join(folder, 'postgres', 'postmaster.pid');
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  // A rival's server writes its number right after it makes the file.
  if (!(seen.pid > 0) && Date.now() - mtimeMs < 5_000) return;
  const aside = `${path}.stale-${process.pid}`;
  try {
    // Moved first and looked at then: between reading and removing a rival may have put a living one in its place.
    await rename(path, aside);
    const moved = Number((await readFile(aside, 'utf8')).split('\n')[0]);
    if (moved !== seen.pid) await link(aside, path);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(systemCode(error))) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Fast shutdown (open transactions are rolled back, data written out); after `patience` ms immediate, which the next start recovers from. */
export async function stopServer(pid: number, isGone: () => boolean | Promise<boolean>, patience = 15_000): Promise<void> {
  for (const [name, ms] of [
    ['SIGINT', patience],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    signal(pid, name);
    if (await becomes(isGone, ms)) return;
  }
}

/** Looks every 20 ms, for at most `ms`. A foreign process has no exit event. */
export async function becomes(condition: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() > end) return false;
    await pause(20);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}

async function worksIn(pid: number, folder: string): Promise<boolean> {
  const [inside, data] = await Promise.all([stat(`/proc/${pid}/cwd`).catch(() => undefined), dataIdentity(folder).catch(() => undefined)]);
  return inside !== undefined && data !== undefined && inside.ino === data.ino && inside.dev === data.dev;
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'command=', '-p', String(pid)], (_error, stdout) => resolve(stdout));
  });
}

import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { environment, type Environment } from '@khue/host/config';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** How long a process may take to be ready, and to stop before it is killed. */
const waits = { readyMs: 60_000, stopMs: 25_000 } as const;

export interface RunningProcess {
  readonly pid: number;
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts a program of the product as a process of its own; it is there when it says `ready`. Its log goes to the file. */
export const startProcess = (main: string, env: Environment, logFile: string): Promise<RunningProcess> => {
  const { PATH, HOME, NODE_OPTIONS } = environment();
  const child = spawn(process.execPath, [main], { cwd: root, env: { PATH, HOME, NODE_OPTIONS, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const log = createWriteStream(logFile, { flags: 'a' });
  child.stderr.pipe(log);
  return new Promise((ready, failed) => {
    const give = (why: string): void => failed(new Error(`${main} ${why}; see ${logFile}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      give(`is not ready after ${waits.readyMs / 1_000} seconds`);
    }, waits.readyMs);
    child.stdout.on('data', (text: Buffer) => {
      log.write(text);
      const address = /^ready (\S+)/m.exec(text.toString())?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      ready({ pid: child.pid ?? 0, address, stop: () => stopChild(child) });
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      give(`ended with ${code} while starting`);
    });
  });
};

const stopChild = (child: ChildProcess): Promise<void> =>
  new Promise((stopped) => {
    if (child.exitCode !== null || child.signalCode !== null) return stopped();
    const timer = setTimeout(() => child.kill('SIGKILL'), waits.stopMs);
    child.once('exit', () => {
      clearTimeout(timer);
      stopped();
    });
    child.kill('SIGTERM');
  });

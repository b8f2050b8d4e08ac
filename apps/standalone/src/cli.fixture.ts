import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serviceNames } from '@khue/contracts/services';
import { environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const main = join(root, 'apps', 'standalone', 'src', 'main.ts');

export interface Said {
  readonly at: number;
  readonly text: string;
}

/** `npm start` as a process of its own: what it says and when, and how it ends. */
export interface Cli {
  readonly address: string;
  readonly port: number;
  readonly data: string;
  readonly child: ChildProcess;
  readonly startedAt: number;
  /** Lines of standard output so far. */
  readonly lines: readonly Said[];
  errors(): string;
  /** Resolves with the first line that fits; throws when the process ends before it. */
  line(fits: RegExp): Promise<string>;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

export interface CliOptions {
  readonly data: string;
  readonly port?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the rest of its line, such as setpriv with its options. */
  readonly through?: readonly string[];
}

const running = new Set<Cli>();

export const startCli = async ({ data, port, args = ['--sample-scale', '0.0005'], env = {}, through = [] }: CliOptions): Promise<Cli> => {
  const chosen = port ?? (await freePort());
  const ports = Object.fromEntries(
    await Promise.all(serviceNames.map(async (name) => [`KHUE_${name.toUpperCase()}_PORT`, String(await freePort())] as const)),
  );
  const [file = '', ...rest] = [...through, process.execPath, main, '--port', String(chosen), '--data', data, ...args];
  // Of this run's variables only what a shell of an operator has: no flags of the test runner.
  const { PATH = '', HOME = '', LANG = '', TZ } = environment();
  // A group of its own, as a shell makes one for each command.
  const child = spawn(file, rest, {
    cwd: root,
    env: { PATH, HOME, LANG, ...(TZ === undefined ? {} : { TZ }), ...ports, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const lines: Said[] = [];
  // Woken by each line at once: who cuts a start at a line must not come some time after it.
  const wakes: (() => void)[] = [];
  let errors = '';
  let open = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const whole = `${open}${chunk}`.split('\n');
    open = whole.pop() ?? '';
    lines.push(...whole.map((text) => ({ at: Date.now(), text })));
    wakes.splice(0).forEach((wake) => wake());
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  let ended = false;
  const exited = once(child, 'close').then(([code, signal]) => {
    ended = true;
    running.delete(cli);
    wakes.splice(0).forEach((wake) => wake());
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const cli: Cli = {
    address: `http://127.0.0.1:${chosen}`,
    port: chosen,
    data,
    child,
    startedAt: Date.now(),
    lines,
    exited,
    errors: () => errors,
    line: async (fits) => {
      for (;;) {
        const found = lines.find(({ text }) => fits.test(text));
        if (found) return found.text;
        if (ended) throw new Error(`ended without saying ${fits}: ${lines.map(({ text }) => text).join(' | ')} ${errors}`);
        await new Promise<void>((wake) => wakes.push(wake));
      }
    },
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
  };
  running.add(cli);
  return cli;
};

/** The servers of a data folder: the first process of PostgreSQL and those it started. */
export const serversOf = async (data: string): Promise<number[]> => {
  const pidFile = await readFile(join(data, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
  const postmaster = Number(pidFile.split('\n')[0]);
  if (!(postmaster > 0) || !isPostgres(await commandOf(postmaster))) return [];
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const parents = await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const));
  return [postmaster, ...parents.filter(([, parent]) => parent === postmaster).map(([pid]) => pid)];
};

/** Processes that name the folder on their command line: initdb at work, a server whose pid file is not there yet. */
export const processesOn = async (data: string): Promise<string[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const commands = await Promise.all(pids.map((pid) => commandOf(Number(pid))));
  return commands.filter((command) => command.includes(data));
};

const isPostgres = (command: string): boolean => /postgres/.test(command);
const commandOf = (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').then(
    (text) => text.replaceAll('\0', ' '),
    () => '',
  );
const parentOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
};

export const killAll = (pids: readonly number[]): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
};

/** kill -9 of the program and its PostgreSQL, all of it, as a power cut leaves it. */
export const cutPower = async (cli: Cli): Promise<void> => {
  const servers = await serversOf(cli.data);
  await cli.end('SIGKILL');
  killAll([...servers, ...(await serversOf(cli.data))]);
};

/** Ends what a failed test left. */
export const endAll = async (folders: readonly string[]): Promise<void> => {
  for (const cli of [...running]) await cutPower(cli);
  for (const folder of folders) killAll(await serversOf(folder));
};

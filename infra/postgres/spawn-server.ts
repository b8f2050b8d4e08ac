import { spawn } from 'node:child_process';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { StartProblem } from '../start-problem.ts';
import { launch } from './binaries.ts';
import type { Account, Binaries } from './binaries.ts';
import { diskFull } from './data-folder.ts';
import { readPidFile, stopServer } from './server-process.ts';

export type OwnServer = { pid: number; port: number; lives(): boolean; exited: Promise<string>; stop(): Promise<void>; leave(): void };
export type SpawnResult = { kind: 'ready'; server: OwnServer } | { kind: 'port-taken' | 'rival' | 'stragglers' };

// fsync, synchronous_commit and full_page_writes stay as PostgreSQL has them: on.
const settings: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '120',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  wal_level: 'replica',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // A forgotten transaction keeps locks and old rows for everybody.
  idle_in_transaction_session_timeout: '60s',
  // A query whose caller is gone ends; without this it runs on to its end.
  client_connection_check_interval: '5s',
  // The server's log must hold nothing personal, and the text of an error or a statement does ("Key (…)=(…) already exists"). Callers get errors anyway.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
  log_line_prefix: '%m [%p] ',
};
const keepLogBelow = 4 << 20;

/** Starts the server and waits until it takes connections; recovery after a crash may take minutes and is told to `log` every 3 s. */
export async function spawnServer(
  options: { folder: string; port: number | undefined; log: (line: string) => void },
  binaries: Binaries,
  account: Account,
): Promise<SpawnResult> {
  const port = options.port ?? (await freePort());
  const logPath = join(options.folder, 'postgres.log');
  const before = await stat(logPath).then(
    (file) => file.size,
    () => 0,
  );
  if (before > keepLogBelow) await rename(logPath, `${logPath}.1`).catch(() => undefined);
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const program = launch(account, binaries.postgres, ['-D', join(options.folder, 'postgres'), '-p', String(port), ...flags]);
  const { file, args, ...spawnOptions } = program;
  // A file and not a pipe: an orphan whose parent was killed must be able to go on writing.
  const log = await open(logPath, 'a', 0o600);
  // A session of its own: Ctrl-C in a terminal reaches every process of the group, and the services must end before their database.
  const child = spawn(file, args, { ...spawnOptions, cwd: '/', detached: true, stdio: ['ignore', log.fd, log.fd] });
  let ended: string | undefined;
  const exited = new Promise<string>((resolve) => {
    const end = (text: string): void => resolve((ended = text));
    child.once('exit', (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`));
    child.once('error', (error) => end(error.message));
  });
  await log.close();
  const pid = child.pid ?? 0;
  const lives = (): boolean => ended === undefined;
  const server: OwnServer = { pid, port, lives, exited, stop: () => stopServer(pid, () => !lives()), leave: () => child.unref() };

  const started = performance.now();
  for (let told = started; lives(); await pause(20)) {
    const pidFile = await readPidFile(options.folder);
    if (pidFile?.pid === pid && pidFile.ready) return { kind: 'ready', server };
    const now = performance.now();
    if (now - told > 3_000) {
      options.log('PostgreSQL is starting; after a crash it first replays its log');
      told = now;
    }
    if (now - started > 600_000) {
      await server.stop();
      throw startFailed(options.folder, 'no answer for ten minutes');
    }
  }
  return whyEnded(await ownLines(logPath, before > keepLogBelow ? 0 : before, pid), options, port, ended ?? '');
}

function whyEnded(said: string, options: { folder: string; port: number | undefined }, port: number, ended: string): SpawnResult {
  if (/could not bind|could not create any TCP\/IP sockets/.test(said)) {
    if (options.port === undefined) return { kind: 'port-taken' };
    throw new StartProblem('port-taken', {
      vi: `Cổng ${port} đang được chương trình khác dùng: chọn cổng khác cho PostgreSQL.`,
      en: `Port ${port} is used by another program: choose another port for PostgreSQL.`,
    });
  }
  if (/lock file "postmaster\.pid"/.test(said)) return { kind: 'rival' };
  if (/pre-existing shared memory block/.test(said)) return { kind: 'stragglers' };
  if (/No space left|quota exceeded/i.test(said)) throw diskFull(options.folder);
  const reason = said.split('\n').findLast((line) => /(FATAL|PANIC|error):/.test(line));
  throw startFailed(options.folder, reason?.replace(/^.*?(?=FATAL|PANIC|error)/, '').trim() ?? ended);
}

function startFailed(folder: string, reason: string): StartProblem {
  return new StartProblem('start-failed', {
    vi: `PostgreSQL không khởi động được trên ${folder} (${reason}); chi tiết ở ${join(folder, 'postgres.log')}.`,
    en: `PostgreSQL could not start on ${folder} (${reason}); details are in ${join(folder, 'postgres.log')}.`,
  });
}

/** What this process logged: a rival on the same folder writes into the same file. */
async function ownLines(logPath: string, from: number, pid: number): Promise<string> {
  const since = (await readFile(logPath)).subarray(from).toString('utf8');
  const own = since.split('\n').filter((line) => line.includes(`[${pid}]`));
  return own.length > 0 ? own.join('\n') : since;
}

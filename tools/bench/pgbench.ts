import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { environment } from '@khue/host/config';

export interface PgbenchRun {
  readonly url: string;
  /** Statements of one transaction, in pgbench's language. A colon before a letter is a variable to it, also inside quotes. */
  readonly script: string;
  readonly clients: number;
  readonly seconds: number;
}

export interface PgbenchResult {
  /** Transactions a second, the time to connect left out. */
  readonly tps: number;
  readonly transactions: number;
  /** Milliseconds of one transaction. */
  readonly p50: number;
  readonly p99: number;
}

/** Runs the script with prepared statements. Throws when there is no pgbench, when it can't connect, or when one transaction failed. */
export const runPgbench = async ({ url, script, clients, seconds }: PgbenchRun): Promise<PgbenchResult> => {
  const program = await findPgbench();
  const folder = await mkdtemp(join(tmpdir(), 'khue-pgbench-'));
  try {
    const file = join(folder, 'script.sql');
    await writeFile(file, script);
    const { hostname, port, pathname, username, password } = new URL(url);
    const { stdout } = await promisify(execFile)(
      program,
      [
        ...['--no-vacuum', '--protocol', 'prepared', '--file', file, '--log', '--log-prefix', join(folder, 'log')],
        ...['--client', String(clients), '--jobs', String(Math.min(2, clients)), '--time', String(seconds)],
        ...['--host', hostname, '--port', port, '--username', decodeURIComponent(username), decodeURIComponent(pathname.slice(1))],
      ],
      { env: { PATH: environment().PATH, LC_ALL: 'C', PGPASSWORD: decodeURIComponent(password) }, maxBuffer: 16 << 20 },
    );
    const failed = Number(/number of failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0);
    const tps = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1] ?? Number.NaN);
    if (failed > 0 || !(tps > 0)) throw new Error(`pgbench: ${failed} transactions failed, it said: ${stdout.trim().split('\n').at(-1)}`);
    const times = await readTimes(folder);
    const at = (part: number): number => Math.round((times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN) / 10) / 100;
    return { tps, transactions: times.length, p50: at(0.5), p99: at(0.99) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Microseconds of every transaction, sorted. */
const readTimes = async (folder: string): Promise<Float64Array> => {
  const logs = (await readdir(folder)).filter((name) => name.startsWith('log.'));
  const texts = await Promise.all(logs.map((name) => readFile(join(folder, name), 'utf8')));
  // client_id transaction_no time script_no time_epoch time_us
  return Float64Array.from(texts.flatMap((text) => text.split('\n').flatMap((line) => (line === '' ? [] : [Number(line.split(' ')[2])])))).sort();
};

const debian = '/usr/lib/postgresql';

/** The pgbench of this machine: of PATH, else the newest of Debian's folders. Not part of what npm brings. */
const findPgbench = async (): Promise<string> => {
  const versions = await readdir(debian).catch(() => [] as string[]);
  const folders = [
    ...(environment().PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin')),
  ];
  for (const folder of folders) {
    const program = join(folder, 'pgbench');
    if (
      await access(program, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return program;
  }
  throw new Error(
    'pgbench is missing, and half of the figures stand beside it: install it (Debian: apt-get install postgresql-contrib, or postgresql-15)',
  );
};

import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { StartProblem } from '../start-problem.ts';
import { answersKafka } from './api-versions.ts';
import { asProperties, brokerSettings } from './broker-settings.ts';

export type Ports = { port: number; controllerPort: number };
export type Broker = { ports: Ports; signal(name: NodeJS.Signals): Promise<void>; stop(): Promise<void> };
export type JavaBrokerOptions = { folder: string; java: string; jars: string; log: (line: string) => void };

const host = '127.0.0.1';
// The first compiler alone and the serial collector: up in 3 s instead of 6, and 300 MB resident.
const jvm = ['-Xms64m', '-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'];

/** Ports for a broker: the given one or a free one, and a free one for its controller. */
export async function brokerPorts(port: number | undefined): Promise<Ports> {
  const [broker, controllerPort] = await Promise.all([port ?? freePort(), freePort()]);
  return { port: broker, controllerPort };
}

// In the C locale java can't name a folder with diacritics; `env` becomes the java process, so signals and the process id are java's own.
const underUtf8 = (java: string, args: readonly string[]): [string, string[]] => ['env', ['LC_ALL=C.UTF-8', java, ...args]];

/** Makes the folder a Kafka data folder (again: no harm) and ends a broker whose start was killed. */
export async function prepareFolder(options: JavaBrokerOptions, ports: Ports): Promise<void> {
  await mkdir(join(options.folder, 'kafka'), { recursive: true });
  await endOrphan(options);
  await writeProperties(options, ports);
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  const args = ['format', '--ignore-formatted', '--cluster-id', clusterId, '--config', propertiesPath(options.folder)];
  await new Promise<void>((resolve, reject) => {
    execFile(
      ...underUtf8(options.java, [...jvm, '-cp', join(options.jars, '*'), 'kafka.tools.StorageTool', ...args]),
      { cwd: options.folder },
      (error, stdout, stderr) => {
        if (!error) return resolve();
        // A folder formatted by an earlier start carries that start's cluster id, which stays.
        if (/Invalid cluster\.id|already formatted/i.test(stderr + stdout)) return resolve();
        reject(startFailed(options.folder, `${stderr}${stdout}`.trim().split('\n').at(-1) ?? error.message, error));
      },
    );
  });
}

/** Starts the broker and waits until it answers. `undefined` when a port was taken in the meantime. */
export async function startJavaBroker(options: JavaBrokerOptions, ports: Ports): Promise<Broker | undefined> {
  await writeProperties(options, ports);
  const logPath = join(options.folder, 'kafka.log');
  const from = await stat(logPath).then(
    (file) => file.size,
    () => 0,
  );
  const logFile = await open(logPath, 'a', 0o600);
  // A session of its own, as for PostgreSQL: Ctrl-C reaches the services first, and close() ends the broker after them.
  const child = spawn(...underUtf8(options.java, [...jvm, '-cp', join(options.jars, '*'), 'kafka.Kafka', propertiesPath(options.folder)]), {
    cwd: options.folder,
    detached: true,
    stdio: ['ignore', logFile.fd, logFile.fd],
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  await logFile.close();
  await writeFile(pidPath(options.folder), `${child.pid ?? ''}\n`);

  const started = performance.now();
  for (let told = started; !(await answersKafka(host, ports.port)) || hasEnded(child); await pause(50)) {
    if (hasEnded(child)) {
      const said = (await readFile(logPath)).subarray(from).toString('utf8');
      if (/Address already in use|BindException/.test(said)) return undefined;
      throw startFailed(
        options.folder,
        said
          .trim()
          .split('\n')
          .findLast((line) => /ERROR|Exception/.test(line)) ?? 'it ended at once',
      );
    }
    const now = performance.now();
    if (now - told > 4_000) {
      options.log('Kafka is starting');
      told = now;
    }
    if (now - started > 120_000) {
      child.kill('SIGKILL');
      throw startFailed(options.folder, 'no answer for two minutes');
    }
  }
  return {
    ports,
    signal: async (name) => {
      child.kill(name);
      if (name === 'SIGKILL' || name === 'SIGTERM') await exited;
    },
    stop: async () => {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const patience = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(patience);
      await rm(pidPath(options.folder), { force: true });
    },
  };
}

/** Nobody else can own this broker: the folder belongs to the start that holds the data folder's PostgreSQL, or is a test's own. */
async function endOrphan({ folder, log }: JavaBrokerOptions): Promise<void> {
  const pid = Number(await readFile(pidPath(folder), 'utf8').catch(() => ''));
  if (!(pid > 0)) return;
  const lives = async (): Promise<boolean> => (await commandLine(pid)).includes(propertiesPath(folder));
  if (!(await lives())) return;
  log('a broker of a killed start still runs on this folder; stopping it');
  // Its log is recovered at the next start; a fast end would have to wait for a controlled shutdown first.
  process.kill(pid, 'SIGKILL');
  const started = performance.now();
  while ((await lives()) && performance.now() - started < 10_000) await pause(20);
}

function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return new Promise((resolve) => {
    execFile('ps', ['-ww', '-o', 'command=', '-p', String(pid)], (_error, stdout) => resolve(stdout));
  });
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

async function writeProperties({ folder }: JavaBrokerOptions, ports: Ports): Promise<void> {
  const settings = brokerSettings({ listenHost: host, ...ports, dataFolder: join(folder, 'kafka') });
  await writeFile(propertiesPath(folder), asProperties(settings));
}

function propertiesPath(folder: string): string {
  return join(folder, 'kafka.properties');
}

function pidPath(folder: string): string {
  return join(folder, 'kafka.pid');
}

function startFailed(folder: string, reason: string, cause?: unknown): StartProblem {
  return new StartProblem(
    'start-failed',
    {
      vi: `Kafka không khởi động được trên ${folder} (${reason}); chi tiết ở ${join(folder, 'kafka.log')}.`,
      en: `Kafka could not start on ${folder} (${reason}); details are in ${join(folder, 'kafka.log')}.`,
    },
    { cause },
  );
}

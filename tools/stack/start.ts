import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serviceNames } from '@khue/contracts/services';
import type { Environment } from '@khue/host/config';
import { findKafka, startKafka, type LocalKafka } from '@khue/infra/kafka/local-broker';
import { startEmbedded, type Embedded } from '@khue/infra/postgres/embedded';
import { StartProblem } from '@khue/infra/start-problem';
import { openDataFolder } from '@khue/standalone/data-folder';
import { openLogFile } from '@khue/standalone/log-file';
import { planStack, type Process, type StackPlan } from './plan.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** How long a process may take to be ready, and to stop before it is killed. */
const waits = { readyMs: 60_000, stopMs: 25_000 } as const;

export interface StackOptions {
  readonly data: string;
  readonly gatewayPort: number;
  readonly ports: StackPlan['ports'];
  readonly env: Environment;
  readonly say: (line: string) => void;
  /** Called when a process ends by itself. */
  readonly onLost: (name: string) => void;
  /** Hands out the way to stop what has been started so far, for a start that is interrupted. */
  readonly opened?: (close: () => Promise<void>) => void;
  /** Other ways from process to process than the straight ones, for who stands between them and cuts. */
  readonly rewire?: (plan: readonly Process[]) => Promise<readonly Process[]>;
}

export interface Stack {
  readonly address: string;
  readonly issuer: string;
  /** The server that runs now. */
  readonly postgres: Embedded;
  readonly kafka: LocalKafka;
  /** The running child of a service, for tests that kill it. */
  readonly child: (name: Process['name']) => ChildProcess | undefined;
  /** Starts a service again after it was killed. */
  restart(name: Process['name']): Promise<void>;
  /** Starts PostgreSQL again after it was killed, on the same port. */
  restartPostgres(): Promise<void>;
  close(): Promise<void>;
}

/** Starts PostgreSQL, Kafka and every service as a process of its own. Throws StartProblem for what an operator can mend. */
export const startStack = async ({ data, gatewayPort, ports, env, say, onLost, opened, rewire }: StackOptions): Promise<Stack> => {
  const folder = await openDataFolder(data);
  const closers: (() => Promise<unknown>)[] = [];
  let closing = false;
  const close = async (): Promise<void> => {
    closing = true;
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  opened?.(close);
  try {
    say('PostgreSQL…');
    const startPostgres = (port?: number): Promise<Embedded> =>
      startEmbedded({
        folder: folder.path,
        ...(port === undefined ? {} : { port }),
        log: say,
        databases: serviceNames.map((name) => ({ name })),
        onExit: () => onLost('PostgreSQL'),
      });
    let postgres = await startPostgres();
    closers.push(() => postgres.close());
    say('Kafka…');
    const found = await findKafka({ brokers: env.KHUE_KAFKA_BROKERS?.split(',').map((broker) => broker.trim()) });
    const kafka = await startKafka({ folder: join(folder.path, 'kafka'), found, keepData: true, log: say });
    closers.push(() => kafka.close());

    const straight = planStack({
      gatewayPort,
      ports,
      data: folder.path,
      brokers: kafka.brokers,
      identityKey: env.KHUE_IDENTITY_KEY ?? folder.identityKey,
      databases: postgres.databases,
    });
    const plan = (await rewire?.(straight)) ?? straight;
    const running = new Map<Process['name'], ChildProcess>();
    const run = async (process: Process): Promise<void> => {
      say(`${process.name}…`);
      // A stream of Node's would end this whole stack at a disk that is full.
      const log = await openLogFile(join(folder.path, `${process.name}.log`));
      const child = spawn(globalThis.process.execPath, [join(root, process.main)], {
        cwd: root,
        env: { ...env, ...process.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => log.write(text));
      child.stderr.once('close', () => void log.close());
      running.set(process.name, child);
      child.once('exit', () => {
        if (running.get(process.name) === child) running.delete(process.name);
        if (!closing) onLost(process.name);
      });
      await isReady(child, process, folder.path);
    };
    closers.push(() => Promise.all([...running.values()].map(stopChild)));
    for (const process of plan) await run(process);
    return {
      address: `http://127.0.0.1:${gatewayPort}`,
      issuer: `http://127.0.0.1:${gatewayPort}/auth`,
      get postgres() {
        return postgres;
      },
      kafka,
      child: (name) => running.get(name),
      restart: (name) => run(plan.find((process) => process.name === name) as Process),
      restartPostgres: async () => {
        postgres = await startPostgres(postgres.port);
      },
      close,
    };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
};

const isReady = (child: ChildProcess, { name, port }: Process, folder: string): Promise<void> =>
  new Promise((ready, failed) => {
    const give = (vi: string, en: string): void =>
      failed(new StartProblem('start-failed', { vi: `${vi} Xem ${join(folder, `${name}.log`)}.`, en: `${en} See ${join(folder, `${name}.log`)}.` }));
    const timer = setTimeout(
      () =>
        give(
          `Dịch vụ ${name} (cổng ${port}) chưa sẵn sàng sau ${waits.readyMs / 1_000} giây.`,
          `The service ${name} (port ${port}) is not ready after ${waits.readyMs / 1_000} seconds.`,
        ),
      waits.readyMs,
    );
    child.stdout?.on('data', (text: Buffer) => {
      if (!text.toString().includes('ready ')) return;
      clearTimeout(timer);
      ready();
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      give(
        `Dịch vụ ${name} (cổng ${port}) dừng ngay khi khởi động (mã ${code}).`,
        `The service ${name} (port ${port}) ended while starting (code ${code}).`,
      );
    });
  });

const stopChild = (child: ChildProcess): Promise<void> =>
  new Promise((stopped) => {
    if (child.exitCode !== null || child.signalCode !== null) return stopped();
    const timer = setTimeout(() => child.kill('SIGKILL'), waits.stopMs);
    child.once('exit', () => {
      clearTimeout(timer);
      stopped();
    });
    // A frozen process can't answer a polite signal before it goes on.
    child.kill('SIGCONT');
    child.kill('SIGTERM');
  });

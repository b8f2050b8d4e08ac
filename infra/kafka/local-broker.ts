import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { StartProblem } from '../start-problem.ts';
import { dockerAnswers, startDockerBroker } from './docker-broker.ts';
import { defaultCache, fetchJars, hasJars } from './jars.ts';
import { brokerPorts, prepareFolder, startJavaBroker } from './java-broker.ts';
import type { Broker } from './java-broker.ts';

export type FoundKafka =
  | { kind: 'brokers'; brokers: string[] }
  | { kind: 'docker' }
  | { kind: 'java'; java: string; mvn: string; cacheFolder: string }
  | { kind: 'none'; missing: string };

export type KafkaOptions = {
  /** Holds `kafka/`, `kafka.properties`, `kafka.pid` and `kafka.log`; nobody else may use it meanwhile. */
  folder: string;
  /** A free one when not given. */
  port?: number;
  log: (line: string) => void;
  /** What findKafka answered; looked for when not given. */
  found?: FoundKafka;
  /** In Docker only, where data otherwise goes with the container: keep them for the next start on this folder. */
  keepData?: boolean;
};

export type LocalKafka = {
  brokers: string[];
  close(): Promise<void>;
  /** Sends the broker a signal (SIGKILL, SIGSTOP, SIGCONT); after SIGKILL returns when it is dead. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Ends the broker if it lives, starts it again on the same port and data, and waits until it answers. */
  restart(): Promise<void>;
};

/** Looks for a Kafka to use: given brokers, else a Docker engine that answers, else Java 17 with Maven (or jars fetched before). Starts and downloads nothing. */
export async function findKafka(env: { brokers?: readonly string[] | undefined; cacheFolder?: string } = {}): Promise<FoundKafka> {
  if (env.brokers && env.brokers.length > 0) return { kind: 'brokers', brokers: [...env.brokers] };
  if (await dockerAnswers()) return { kind: 'docker' };
  const cacheFolder = env.cacheFolder ?? (await defaultCache());
  const missing = ['no brokers were given (KHUE_KAFKA_BROKERS)', 'no Docker engine answers'];
  const [java, maven, cached] = await Promise.all([answer('java', ['-version']), answer('mvn', ['-v']), hasJars(cacheFolder)]);
  const version = Number(/version "(\d+)/.exec(java ?? '')?.[1] ?? 0);
  if (version < 17) missing.push(java === undefined ? 'there is no java' : `java is older than 17 (${version})`);
  if (maven === undefined && !cached) missing.push('there is no mvn to download Kafka with');
  if (version >= 17 && (maven !== undefined || cached)) return { kind: 'java', java: 'java', mvn: 'mvn', cacheFolder };
  return { kind: 'none', missing: missing.join('; ') };
}

/** A Kafka of one node for development and tests, everything on 127.0.0.1. Throws StartProblem, one sentence for the operator. */
export async function startKafka(options: KafkaOptions): Promise<LocalKafka> {
  const found = options.found ?? (await findKafka());
  const folder = resolve(options.folder);
  switch (found.kind) {
    case 'none':
      throw new StartProblem('start-failed', {
        vi: `Không có Kafka: cần KHUE_KAFKA_BROKERS, hoặc Docker, hoặc Java 17 cùng Maven (${found.missing}).`,
        en: `There is no Kafka: give KHUE_KAFKA_BROKERS, or Docker, or Java 17 with Maven (${found.missing}).`,
      });
    case 'brokers':
      return { brokers: found.brokers, close: () => Promise.resolve(), kill: () => notOurs(), restart: () => notOurs() };
    case 'docker': {
      const ports = await brokerPorts(options.port);
      const broker = await startDockerBroker(folder, ports, options.keepData ?? false);
      return { brokers: [`127.0.0.1:${ports.port}`], close: broker.stop, kill: broker.signal, restart: broker.restart };
    }
    case 'java':
      return startWithJava(found, { ...options, folder });
  }
}

async function startWithJava(found: Extract<FoundKafka, { kind: 'java' }>, options: KafkaOptions): Promise<LocalKafka> {
  await fetchJars(found.cacheFolder, found.mvn, options.log);
  const broker = { folder: options.folder, java: found.java, jars: found.cacheFolder, log: options.log };
  await prepareFolder(broker, await brokerPorts(options.port));
  let running: Broker | undefined;
  // A free port may be taken before the broker listens there; one that was asked for is not looked for elsewhere.
  for (let attempt = 0; !running && attempt < 5; attempt += 1) {
    running = await startJavaBroker(broker, await brokerPorts(options.port));
    if (!running && options.port !== undefined) break;
  }
  if (!running) throw portTaken(options.port);
  const { ports } = running;
  let current = running;
  let closed: Promise<void> | undefined;
  return {
    brokers: [`127.0.0.1:${ports.port}`],
    close: () => (closed ??= current.stop()),
    kill: (signal) => current.signal(signal),
    restart: async () => {
      await current.stop();
      const again = await startJavaBroker(broker, ports);
      if (!again) throw portTaken(ports.port);
      current = again;
    },
  };
}

function portTaken(port: number | undefined): StartProblem {
  return new StartProblem('port-taken', {
    vi: `Cổng ${port ?? ''} của Kafka đang được chương trình khác dùng: chọn cổng khác.`,
    en: `Kafka's port ${port ?? ''} is used by another program: choose another one.`,
  });
}

function notOurs(): Promise<never> {
  return Promise.reject(new Error('a broker that was given is not ours to kill or restart'));
}

/** What a program prints when asked, or undefined when there is no such program. */
function answer(program: string, args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, (error, stdout, stderr) => resolve(error ? undefined : `${stdout}${stderr}`));
  });
}

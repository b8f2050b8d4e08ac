import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { GenericContainer } from 'testcontainers';
import { StartProblem } from '../start-problem.ts';
import { answersKafka } from './api-versions.ts';
import { asEnvironment, brokerSettings } from './broker-settings.ts';
import type { Ports } from './java-broker.ts';
import { kafkaVersion } from './jars.ts';

const dataFolder = '/var/lib/kafka/data';

export type DockerBroker = { signal(name: NodeJS.Signals): Promise<void>; restart(): Promise<void>; stop(): Promise<void> };

/** Whether an engine answers. testcontainers looks where Docker's own tools do (contexts, rootless, Desktop). */
export async function dockerAnswers(): Promise<boolean> {
  // Imported when needed: it takes most of a second, and only development installs have it.
  const testcontainers = await import('testcontainers').catch(() => undefined);
  return (
    (await testcontainers?.getContainerRuntimeClient().then(
      () => true,
      () => false,
    )) ?? false
  );
}

/** The same one-node broker in a container. With `keepData` in a volume named after the folder, else gone with the container. */
export async function startDockerBroker(folder: string, ports: Ports, keepData: boolean): Promise<DockerBroker> {
  const testcontainers = await import('testcontainers');
  // On Linux the host's own network, so that it listens on 127.0.0.1 and nowhere else; Docker Desktop has none and publishes the port.
  const hostNetwork = process.platform === 'linux';
  const settings = brokerSettings({ listenHost: hostNetwork ? '127.0.0.1' : '0.0.0.0', ...ports, dataFolder });
  const container = withNetwork(new testcontainers.GenericContainer(`apache/kafka:${await kafkaVersion()}`), hostNetwork, ports.port)
    .withEnvironment({ ...asEnvironment(settings), KAFKA_HEAP_OPTS: '-Xmx512m' })
    .withBindMounts(keepData ? [{ source: volumeName(folder), target: dataFolder, mode: 'rw' }] : [])
    .withWaitStrategy(testcontainers.Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(180_000);
  const started = await container.start();
  await untilItAnswers(ports.port);
  const engine = await testcontainers.getContainerRuntimeClient();
  return {
    signal: async (name) => {
      await engine.container.getById(started.getId()).kill({ signal: name });
    },
    restart: async () => {
      await started.restart();
      await untilItAnswers(ports.port);
    },
    stop: async () => {
      await started.stop({ timeout: 15_000 });
    },
  };
}

function withNetwork(container: GenericContainer, hostNetwork: boolean, port: number): GenericContainer {
  return hostNetwork ? container.withNetworkMode('host') : container.withExposedPorts({ container: port, host: port });
}

/** A volume and not the folder itself: the image's user owns the one and may not write into the other. */
function volumeName(folder: string): string {
  return `khue-kafka-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;
}

async function untilItAnswers(port: number): Promise<void> {
  const started = performance.now();
  while (!(await answersKafka('127.0.0.1', port))) {
    if (performance.now() - started > 120_000) {
      throw new StartProblem('not-answering', {
        vi: `Kafka trong Docker không trả lời ở cổng ${port}: Docker có chạy trên chính máy này không?`,
        en: `Kafka in Docker does not answer on port ${port}: does Docker run on this very machine?`,
      });
    }
    await pause(100);
  }
}

import { once } from 'node:events';
import { serviceNames } from '@khue/contracts/services';
import { environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import type { Process, StackPlan } from '../stack/plan.ts';
import { startStack } from '../stack/start.ts';
import { choosePorts, crashServer, makeDataFolder, signalServer, wayTo, type City, type CityOptions } from './city.ts';
import type { CuttingProxy } from './cutting-proxy.ts';
import { inspectable } from './live-memory.ts';
import { serverOf } from './processes.ts';

const processes = [...serviceNames, 'gateway'] as const;

/** Every service as a process of its own, on Kafka, as `npm run stack` runs it; with ways between them that may lose answers. */
export const startStackCity = async (options: CityOptions): Promise<City> => {
  const { random, say } = options;
  const { data, disk, leave } = await makeDataFolder(options);
  const ways = new Map<string, CuttingProxy>();
  const open = async (name: string, address: string, asks?: (sent: Buffer) => boolean): Promise<number> => {
    const way = await wayTo(address, name, random, asks ? { asks } : {});
    ways.set(name, way);
    return way.port;
  };
  const inspectors = new Map<string, number>();
  /** Two of the ways inside the stack; the others stay straight, so that a dead neighbor looks like one, too. */
  const rewire = async (plan: readonly Process[]): Promise<readonly Process[]> => {
    const change = async (process: Process): Promise<Process> => {
      const through = async (variable: string, name: string, asks?: (sent: Buffer) => boolean): Promise<Process> => {
        const url = new URL(process.env[variable] ?? '');
        url.port = String(await open(name, url.href, asks));
        return { ...process, env: { ...process.env, [variable]: url.href.replace(/\/$/, '') } };
      };
      if (process.name === 'gateway') return through('KHUE_REGISTRY_URL', 'gateway to registry');
      if (process.name !== 'enrollment') return process;
      return through('KHUE_ENROLLMENT_DATABASE_URL', 'enrollment to PostgreSQL', (sent) => sent.includes('commit\0'));
    };
    const changed: Process[] = [];
    for (const process of plan) {
      const { env, ...rest } = await change(process);
      const port = await freePort();
      inspectors.set(process.name, port);
      changed.push({ ...rest, env: { ...env, ...inspectable(port, environment().NODE_OPTIONS) } });
    }
    return changed;
  };

  const ports = await choosePorts();
  let kafkaLives = true;
  const closeRest = async (): Promise<void> => {
    for (const way of ways.values()) await way.close();
    await leave();
  };
  // A broker of its own, also where one was given: it is killed.
  const env = { ...environment(), KHUE_KAFKA_BROKERS: undefined };
  const stack = await startStack({
    data,
    gatewayPort: Number(ports.KHUE_PORT),
    ports: Object.fromEntries(serviceNames.map((name) => [name, Number(ports[`KHUE_${name.toUpperCase()}_PORT`])])) as StackPlan['ports'],
    env,
    say,
    onLost: () => undefined,
    rewire,
  }).catch(async (error: unknown) => {
    await closeRest();
    throw error;
  });
  await open('client to gateway', stack.address);

  const signalService = async (name: Process['name'], signal: NodeJS.Signals): Promise<void> => {
    const child = stack.child(name);
    if (!child) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGKILL') await gone;
  };
  return {
    place: 'stack',
    address: `http://127.0.0.1:${ways.get('client to gateway')?.port}`,
    gateway: stack.address,
    issuer: stack.issuer,
    ports,
    data,
    ways,
    disk,
    signal: async (target, name) => {
      if (target === 'PostgreSQL') return signalServer(data, name);
      if (target !== 'Kafka') return signalService(target as Process['name'], name);
      kafkaLives &&= name !== 'SIGKILL';
      return stack.kafka.kill(name);
    },
    crash: () => crashServer(data),
    revive: async () => {
      const revived: string[] = [];
      if ((await serverOf(data)).length === 0) {
        await stack.restartPostgres();
        revived.push('PostgreSQL');
      }
      if (!kafkaLives) {
        await stack.kafka.restart();
        kafkaLives = true;
        revived.push('Kafka');
      }
      for (const name of processes) {
        if (stack.child(name)) continue;
        await stack.restart(name);
        revived.push(name);
      }
      return revived;
    },
    processes: () =>
      new Map(
        processes.flatMap((name) => {
          const pid = stack.child(name)?.pid;
          const inspector = inspectors.get(name);
          return pid === undefined || inspector === undefined ? [] : [[name, { pid, inspector }] as const];
        }),
      ),
    close: async () => {
      await signalServer(data, 'SIGCONT');
      if (kafkaLives) await stack.kafka.kill('SIGCONT');
      await stack.close();
      await closeRest();
    },
  };
};

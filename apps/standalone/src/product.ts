import { createServer } from 'node:net';
import { join } from 'node:path';
import { serviceNames, services, type ServiceName } from '@khue/contracts/services';
import { createEnrollment } from '@khue/enrollment/service';
import { createGateway } from '@khue/gateway/service';
import { clockOf, gatewayConfig, readSettings, serviceConfig, type Environment } from '@khue/host/config';
import type { Deps, RunningService } from '@khue/host/host';
import { createLogger } from '@khue/host/logger';
import { startEmbedded } from '@khue/infra/postgres/embedded';
import { StartProblem } from '@khue/infra/start-problem';
import type { Bus } from '@khue/messaging/bus';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { createQuota } from '@khue/quota/service';
import { createRegistry } from '@khue/registry/service';
import { createReporting } from '@khue/reporting/service';
import { openDataFolder, whyUnusable } from './data-folder.ts';
import { openLogFile } from './log-file.ts';

/** How each service is composed. */
export const compositions: Readonly<Record<ServiceName, (deps: Deps) => Promise<RunningService>>> = {
  registry: createRegistry,
  enrollment: createEnrollment,
  quota: createQuota,
  reporting: createReporting,
};

export interface ProductOptions {
  readonly data: string;
  readonly port: number;
  readonly env: Environment;
  readonly say: (line: string) => void;
  /** Called when PostgreSQL ends by itself. */
  readonly onLost: (reason: string) => void;
  /** Hands out the way to stop what has been started so far, for a start that is interrupted. */
  readonly opened?: (close: () => Promise<void>) => void;
  /** Another bus than the embedded one, for tests on Kafka. */
  readonly bus?: (log: ReturnType<typeof createLogger>) => Bus;
}

export interface Product {
  readonly address: string;
  /** `iss` of the tokens this product takes. */
  readonly issuer: string;
  readonly addresses: Readonly<Record<string, string>>;
  /** The time by the city's clock, which is another one than the system's in tests only. */
  readonly now: () => Date;
  readonly adminUrl: (database: string) => string;
  close(): Promise<void>;
}

/** Starts every service in this process, on one embedded PostgreSQL and one bus. Throws StartProblem for what an operator can mend. */
export const startProduct = async ({ data, port, env, say, onLost, opened, bus: makeBus }: ProductOptions): Promise<Product> => {
  // Before anything is started: a clock that can't be is refused at once.
  const { now, test } = clockOf(readSettings(env));
  if (test) say(`a test clock is set: it is ${now().toISOString()} here`);
  const folder = await openDataFolder(data);
  await assertFree(port);
  say('PostgreSQL…');
  const closers: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  opened?.(closeAll);
  try {
    const logFile = await openLogFile(join(folder.path, 'khue.log'));
    closers.push(() => logFile.close());
    const logOf = (service: string): ReturnType<typeof createLogger> => createLogger(service, logFile);
    const postgres = await startEmbedded({ folder: folder.path, log: say, databases: serviceNames.map((name) => ({ name })), onExit: onLost });
    closers.push(() => postgres.close());
    const bus = makeBus?.(logOf('bus')) ?? embeddedBus({ log: logOf('bus') });
    closers.push(() => bus.close());

    const addresses: Record<string, string> = {};
    const ports = await choosePorts(env);
    const common: Environment = {
      ...env,
      KHUE_PORT: String(port),
      KHUE_DATA: folder.path,
      KHUE_IDENTITY_KEY: env.KHUE_IDENTITY_KEY ?? folder.identityKey,
    };
    for (const name of serviceNames) {
      say(`${name}…`);
      const urls = postgres.databases[name];
      const config = serviceConfig(name, {
        ...common,
        [`KHUE_${name.toUpperCase()}_PORT`]: String(ports[name]),
        [`KHUE_${name.toUpperCase()}_DATABASE_URL`]: urls?.appUrl,
        [`KHUE_${name.toUpperCase()}_OWNER_DATABASE_URL`]: urls?.ownerUrl,
      });
      const service = await compositions[name]({ config, bus, log: logOf(name) });
      closers.push(() => service.stop());
      addresses[name] = await listening(service.start(), ports[name], `KHUE_${name.toUpperCase()}_PORT`);
    }
    const urls = Object.fromEntries(Object.entries(addresses).map(([name, address]) => [`KHUE_${name.toUpperCase()}_URL`, address]));
    const config = gatewayConfig({ ...common, ...urls });
    const gateway = await createGateway({ config, log: logOf('gateway') });
    closers.push(() => gateway.stop());
    await listening(gateway.start(), port, '--port');
    return { address: `http://127.0.0.1:${port}`, issuer: config.issuer, addresses, now, adminUrl: postgres.adminUrl, close: closeAll };
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw whyUnusable(folder.path, error) ?? error;
  }
};

/** A port set by the operator is taken as it is; a default one gives way to a free one, for two cities may run side by side. */
const choosePorts = async (env: Environment): Promise<Readonly<Record<ServiceName, number>>> => {
  const chosen: Partial<Record<ServiceName, number>> = {};
  for (const name of serviceNames) {
    const given = env[`KHUE_${name.toUpperCase()}_PORT`];
    const { port } = services[name];
    chosen[name] = given ? Number(given) : (await isFree(port)) ? port : 0;
  }
  return chosen as Record<ServiceName, number>;
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((answer) => {
    const probe = createServer();
    probe.once('error', () => answer(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => answer(true)));
  });

const taken = (port: number, setting: string, cause?: unknown): StartProblem =>
  new StartProblem(
    'port-taken',
    {
      vi: `Cổng ${port} đang được chương trình khác dùng: dừng chương trình đó, hoặc chọn cổng khác bằng ${setting}.`,
      en: `Port ${port} is taken by another program: stop that one, or choose another port with ${setting}.`,
    },
    { cause },
  );

const assertFree = async (port: number): Promise<void> => {
  if (!(await isFree(port))) throw taken(port, '--port');
};

const listening = async (start: Promise<string>, port: number, setting: string): Promise<string> => {
  try {
    return await start;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? taken(port, setting, error) : error;
  }
};

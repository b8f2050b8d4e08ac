import { parseArgs } from 'node:util';
import { isServiceName, topicsOf, type ServiceName } from '@khue/contracts/services';
import { ConfigProblem, environment, readSettings, serviceConfig } from '@khue/host/config';
import { createLogger } from '@khue/host/logger';
import type { Bus } from '@khue/messaging/bus';
import { openPool } from '@khue/messaging/database';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { createLogReader } from '@khue/messaging/log-reader';
import { rebuild } from '@khue/messaging/rebuild';
import type { Pool } from 'pg';
import { serviceDatabase } from './service-database.ts';

// npm run rebuild -- --service S --group G [--data ./.data], beside the running service: the group's projections anew from the first event.
const usage = 'Usage: npm run rebuild -- --service S --group G [--data ./.data]   (groups that project: reporting, <service>-directory)';

const readOptions = (): { service: ServiceName; group: string; data: string | undefined } => {
  const { values } = parseArgs({ options: { service: { type: 'string' }, group: { type: 'string' }, data: { type: 'string' } } });
  const { service, group, data } = values;
  if (!isServiceName(service) || !group) throw new ConfigProblem(usage);
  return { service, group, data };
};

const positionOf = async (pool: Pool): Promise<number> =>
  (await pool.query<{ position: number }>(`select position from messaging.head where topic = '*'`)).rows[0]?.position ?? 0;

/** Every producer's log, read where it lies: what the embedded bus does inside the running product. */
const logsOf = async (wanted: readonly string[], open: (service: ServiceName) => Promise<Pool>, bus: Bus, city: string): Promise<void> => {
  for (const producer of new Set(wanted.map((topic) => topic.split('.')[1] as ServiceName))) {
    const pool = await open(producer);
    await bus.connectProducer({
      service: producer,
      topics: topicsOf(producer),
      log: createLogReader(pool, `khue/${city}/${producer}`),
      pool,
      term: () => null,
      position: () => positionOf(pool),
      unsent: async () => ({ rows: 0, oldestSeconds: 0 }),
    });
  }
};

const pools: Pool[] = [];
try {
  const { service, group, data } = readOptions();
  const env = environment();
  const settings = readSettings(env);
  const folder = data ?? settings.KHUE_DATA;
  const database = await serviceDatabase(service, env, folder);
  if (!database.ownerUrl) throw new ConfigProblem(`Set KHUE_${service.toUpperCase()}_OWNER_DATABASE_URL: a rebuild makes tables.`);
  const log = createLogger(service);
  const config = serviceConfig(service, database.env);
  const bus = config.bus === 'kafka' ? kafkaBus({ brokers: config.brokers, clientId: `khue-${service}-rebuild`, log }) : embeddedBus({ log });
  const { compositions } = await import('@khue/standalone/product');
  const composed = await compositions[service]({ config, bus, log });
  const served = composed.consumers.get(group);
  if (!served) throw new ConfigProblem(`${service} has no group "${group}". ${usage}`);
  // What it decides once it has told; its records stand as they were decided.
  if (!served.searchPath?.[0])
    throw new ConfigProblem(`${group} of ${service} decides by what it hears and tells others: made anew, it would tell all of it again. ${usage}`);
  const [schema] = served.searchPath;
  if (config.bus === 'embedded') {
    const open = async (producer: ServiceName): Promise<Pool> => {
      const pool = openPool({ url: (await serviceDatabase(producer, env, folder)).appUrl, name: 'rebuild', max: 2 });
      pools.push(pool);
      return pool;
    };
    await logsOf(served.topics, open, bus, config.city);
  }
  await composed.prepare();
  const firstRows =
    schema === 'directory'
      ? async (owner: { query(text: string): Promise<unknown> }) =>
          void (await owner.query('insert into version (number) select coalesce(max(number), 0) + 1000000 from directory.version'))
      : undefined;
  await rebuild({ pool: composed.pool, ownerUrl: database.ownerUrl, group: served, schema, bus, log, ...(firstRows ? { firstRows } : {}) });
  process.stdout.write(`${group} of ${service} was made anew\n`);
  await composed.stop();
  await bus.close();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof ConfigProblem ? 2 : 1;
} finally {
  for (const pool of pools) await pool.end();
}

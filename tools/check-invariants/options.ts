import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { serviceNames, services } from '@khue/contracts/services';
import { ConfigProblem, type Environment } from '@khue/host/config';
import { serviceDatabase } from '../service-database.ts';
import type { City } from './check.ts';

export interface Options {
  readonly data: string;
  readonly stack: boolean;
  readonly history: string | undefined;
  readonly json: boolean;
}

export const usage = 'Usage: npm run check-invariants -- [--data ./.data | --stack] [--history FILE] [--json]';

/** Throws ConfigProblem: one sentence and the usage. */
export const readOptions = (argv: readonly string[], env: Environment): Options => {
  const parse = () =>
    parseArgs({
      args: [...argv],
      options: {
        data: { type: 'string' },
        stack: { type: 'boolean', default: false },
        history: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
  let values: ReturnType<typeof parse>['values'];
  try {
    ({ values } = parse());
  } catch (error) {
    throw new ConfigProblem(`${(error as Error).message} ${usage}`);
  }
  const { data, stack = false, history, json = false } = values;
  return { data: data ?? env.KHUE_DATA ?? (stack ? './.stack' : './.data'), stack, history, json };
};

/** Where the city lies: as the environment says, else in the data folder of the running product or stack. Throws ConfigProblem. */
export const findCity = async ({ data, stack }: Options, env: Environment): Promise<City> => {
  const databases: Record<string, string> = {};
  for (const service of serviceNames) databases[service] = (await serviceDatabase(service, env, data)).appUrl;
  const brokers = stack || env.KHUE_BUS === 'kafka' ? await brokersOf(data, env) : undefined;
  // In one process services give way to others on their ports; the stack's are as documented, unless the environment says otherwise.
  const ports = serviceNames.flatMap((service): [string, string][] => {
    const port = env[`KHUE_${service.toUpperCase()}_PORT`] ?? (stack ? String(services[service].port) : undefined);
    return port === undefined ? [] : [[service, `http://127.0.0.1:${port}`]];
  });
  return {
    databases: databases as City['databases'],
    ...(brokers ? { brokers } : {}),
    ...(ports.length > 0 ? { addresses: Object.fromEntries(ports) } : {}),
  };
};

/** Those of the environment, else the one that the stack keeps in its folder. */
const brokersOf = async (data: string, env: Environment): Promise<readonly string[]> => {
  if (env.KHUE_KAFKA_BROKERS) return env.KHUE_KAFKA_BROKERS.split(',').map((broker) => broker.trim());
  const settings = await readFile(join(data, 'kafka', 'kafka.properties'), 'utf8').catch(() => '');
  const found = /^advertised\.listeners=PLAINTEXT:\/\/(.+)$/m.exec(settings)?.[1];
  if (found) return [found];
  throw new ConfigProblem(`There is no Kafka of a stack in ${data}: name its folder with --data, or set KHUE_KAFKA_BROKERS.`);
};

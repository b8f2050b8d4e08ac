import { ConfigProblem, environment, readSettings, serviceConfig } from '@khue/host/config';
import { createLogger } from '@khue/host/logger';
import { openPool } from '@khue/messaging/database';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { list, readOptions, redriveAll, type Outcome } from './dead-letters/command.ts';
import { serviceDatabase, type ServiceDatabase } from './service-database.ts';

// npm run dead-letters -- list|redrive --service S [--group G] [--subject ID] [--dry-run] [--json] [--data ./.data], beside the running service.
// Exit code 0: done. 1: something failed again, or the database is away. 2: asked for wrongly.
type Options = ReturnType<typeof readOptions>;

const listed = async (options: Options, { appUrl }: ServiceDatabase): Promise<Outcome> => {
  const pool = openPool({ url: appUrl, name: 'dead-letters', max: 1 });
  try {
    return await list(pool, options);
  } finally {
    await pool.end();
  }
};

/** Composes the service without starting it: its handlers, its pool, no door and no bus. Order with the running one is kept by the watermarks' locks. */
const redriven = async (options: Options, { env }: ServiceDatabase): Promise<Outcome> => {
  const { compositions } = await import('@khue/standalone/product');
  const log = createLogger(options.service);
  const service = await compositions[options.service]({ config: serviceConfig(options.service, env), bus: embeddedBus({ log }), log });
  try {
    await service.prepare();
    return await redriveAll(service.pool, service.consumers.values(), options, log);
  } finally {
    await service.stop();
  }
};

try {
  const options = readOptions(process.argv.slice(2));
  const env = environment();
  const database = await serviceDatabase(options.service, env, options.data ?? readSettings(env).KHUE_DATA);
  const outcome = await (options.verb === 'list' ? listed : redriven)(options, database);
  process.stdout.write(options.json ? `${JSON.stringify(outcome.json, null, 2)}\n` : outcome.lines.map((line) => `${line}\n`).join(''));
  process.exitCode = outcome.done ? 0 : 1;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof ConfigProblem ? 2 : 1;
}

import { parseArgs } from 'node:util';
import { isServiceName } from '@khue/contracts/services';
import { ConfigProblem, environment, readSettings } from '@khue/host/config';
import { openPool } from '@khue/messaging/database';
import { moveBack } from '@khue/messaging/sent';
import { jumpAhead } from '@khue/messaging/stamp';
import { serviceDatabase } from './service-database.ts';

// What an operator does to a service's log.
//   npm run log -- jump-ahead --service S                           after its database was restored: no new event takes the position of a lost one
//   npm run log -- move-back --service S --topic T --position N     Kafka lost what it had acknowledged: what comes after N is sent again
const usage = 'Usage: npm run log -- jump-ahead --service S | move-back --service S --topic T --position N   [--data ./.data]';

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { service: { type: 'string' }, topic: { type: 'string' }, position: { type: 'string' }, data: { type: 'string' } },
  });
  const [verb] = positionals;
  const { service, topic } = values;
  const position = Number(values.position);
  if (!isServiceName(service) || (verb !== 'jump-ahead' && verb !== 'move-back')) throw new ConfigProblem(usage);
  if (verb === 'move-back' && (!topic || !Number.isSafeInteger(position) || position < 0)) throw new ConfigProblem(usage);
  const env = environment();
  const database = await serviceDatabase(service, env, values.data ?? readSettings(env).KHUE_DATA);
  const pool = openPool({ url: database.appUrl, name: 'log', max: 1 });
  try {
    if (verb === 'jump-ahead') process.stdout.write(`the next event of ${service} comes after position ${await jumpAhead(pool)}\n`);
    else {
      await moveBack(pool, topic as string, position);
      process.stdout.write(`${topic} is sent again from position ${position + 1}\n`);
    }
  } finally {
    await pool.end();
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof ConfigProblem ? 2 : 1;
}

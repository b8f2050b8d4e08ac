import { ConfigProblem, environment } from '@khue/host/config';
import { untilSignal } from '@khue/host/run';
import { StartProblem } from '@khue/infra/start-problem';
import { narrate } from '@khue/standalone/narrator';
import { readOptions } from '@khue/standalone/options';
import { ensureSample } from '@khue/standalone/sample';
import { welcome } from '@khue/standalone/welcome';
import { standardPorts } from './stack/plan.ts';
import { startStack } from './stack/start.ts';

// npm run stack: every service as its own process, on a local Kafka and PostgreSQL; same options, sample and ports as `npm start`.
const { say, stop: fallSilent } = narrate();
const give = (problem: string, code: number): never => {
  process.stderr.write(`${problem}\n`);
  process.exit(code);
};

let close = async (): Promise<void> => undefined;
let stopping = false;
try {
  const options = readOptions(process.argv.slice(2), { ...environment(), KHUE_DATA: environment().KHUE_DATA ?? './.stack' });
  untilSignal(async () => {
    stopping = true;
    say('stopping…');
    await close();
  });
  const stack = await startStack({
    data: options.data,
    gatewayPort: options.port,
    ports: standardPorts,
    env: environment(),
    say,
    opened: (closeOpened) => {
      close = closeOpened;
    },
    onLost: (name) => say(`${name} ended; see its log in ${options.data}`),
  });
  if (options.sample) await ensureSample(stack, options, say);
  await welcome(stack, options, say);
  fallSilent();
  say(`ready ${stack.address}`);
} catch (error) {
  // A start that was interrupted fails in the middle; whoever interrupted it is stopping what runs.
  if (!stopping) {
    await close().catch(() => undefined);
    if (error instanceof StartProblem) give(`${error.vi}\n${error.en}`, 1);
    if (error instanceof ConfigProblem) give(error.message, 2);
    give(`could not start: ${(error as Error).message}`, 1);
  }
}

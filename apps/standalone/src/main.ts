import { ConfigProblem, environment } from '@khue/host/config';
import { untilSignal } from '@khue/host/run';
import { StartProblem } from '@khue/infra/start-problem';
import { narrate } from './narrator.ts';
import { readOptions } from './options.ts';
import { startProduct } from './product.ts';
import { ensureSample } from './sample.ts';
import { welcome } from './welcome.ts';

const { say, stop: fallSilent } = narrate();
const give = (problem: string, code: number): never => {
  process.stderr.write(`${problem}\n`);
  process.exit(code);
};

let close = async (): Promise<void> => undefined;
let stopping = false;
try {
  const options = readOptions(process.argv.slice(2), environment());
  untilSignal(async () => {
    stopping = true;
    say('stopping…');
    await close();
  });
  const product = await startProduct({
    data: options.data,
    port: options.port,
    env: environment(),
    say,
    opened: (closeOpened) => {
      close = closeOpened;
    },
    onLost: (reason) => give(`PostgreSQL ended (${reason}); nothing that was acknowledged is lost. Start again.`, 1),
  });
  if (options.sample) await ensureSample(product, options, say);
  await welcome(product, options, say);
  fallSilent();
  say(`ready ${product.address}`);
} catch (error) {
  // A start that was interrupted fails in the middle; whoever interrupted it is stopping what runs.
  if (!stopping) {
    await close().catch(() => undefined);
    if (error instanceof StartProblem) give(`${error.vi}\n${error.en}`, 1);
    if (error instanceof ConfigProblem) give(error.message, 2);
    give(`could not start: ${(error as Error).message}`, 1);
  }
}

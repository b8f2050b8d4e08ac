import { ConfigProblem, gatewayConfig } from '@khue/host/config';
import { createLogger } from '@khue/host/logger';
import { untilSignal } from '@khue/host/run';
import { createGateway } from './service.ts';

try {
  const gateway = await createGateway({ config: gatewayConfig(), log: createLogger('gateway') });
  untilSignal(gateway.stop);
  process.stdout.write(`ready ${await gateway.start()}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(error instanceof ConfigProblem ? 2 : 1);
}

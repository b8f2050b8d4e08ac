import type { ServiceName } from '@khue/contracts/services';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { ConfigProblem, serviceConfig } from './config.ts';
import type { Deps, RunningService } from './host.ts';
import { createLogger } from './logger.ts';

/** How long a stop may take before the process leaves anyway. */
const stopWaitMs = 20_000;

/** Runs one service as this process until SIGINT or SIGTERM. Prints `ready <address>`; a problem of configuration is one sentence and exit code 2. */
export const runService = async (name: ServiceName, create: (deps: Deps) => Promise<RunningService>): Promise<void> => {
  try {
    const config = serviceConfig(name);
    const log = createLogger(name);
    const bus = config.bus === 'kafka' ? kafkaBus({ brokers: config.brokers, clientId: `khue-${name}`, log }) : embeddedBus({ log });
    const service = await create({ config, bus, log });
    untilSignal(async () => {
      await service.stop();
      await bus.close();
    });
    const address = await service.start();
    process.stdout.write(`ready ${address}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigProblem ? error.message : `could not start: ${(error as Error).message}`}\n`);
    process.exit(error instanceof ConfigProblem ? 2 : 1);
  }
};

/** Calls `stop` once on SIGINT or SIGTERM, then leaves; a second signal leaves at once. */
export const untilSignal = (stop: () => Promise<void>): void => {
  let stopping = false;
  const onSignal = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), stopWaitMs).unref();
    stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
};

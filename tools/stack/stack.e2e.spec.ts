import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import { openIssuer } from '@khue/gateway/issuer';
import { environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import { scenario } from '@khue/standalone/scenario.fixture';
import { describeOnKafka } from '@khue/testing/kafka';
import { afterAll } from 'vitest';
import type { StackPlan } from './plan.ts';
import { startStack, type Stack } from './start.ts';

describeOnKafka('the stack', () => {
  let stack: Stack | undefined;
  let data: string | undefined;
  afterAll(async () => {
    await stack?.close();
    if (data) await rm(data, { recursive: true, force: true });
  }, 90_000);

  scenario('in one process a service, on Kafka', async () => {
    data = await mkdtemp(join(tmpdir(), 'khue-stack-'));
    const ports: Record<string, number> = {};
    for (const name of serviceNames) ports[name] = await freePort();
    // A broker of its own, also where the run was given one: topics are named after services.
    const env = { ...environment(), KHUE_KAFKA_BROKERS: undefined };
    stack = await startStack({
      data,
      gatewayPort: await freePort(),
      ports: ports as StackPlan['ports'],
      env,
      say: () => undefined,
      onLost: () => undefined,
    });
    const { sign } = await openIssuer({ data, issuer: stack.issuer, audience: 'khue' });
    return { address: stack.address, token: (sub) => sign(sub, 600) };
  });
});

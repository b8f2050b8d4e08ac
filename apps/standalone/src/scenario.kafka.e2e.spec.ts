import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import { openIssuer } from '@khue/gateway/issuer';
import { freePort } from '@khue/infra/free-port';
import type { LocalKafka } from '@khue/infra/kafka/local-broker';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { describeOnKafka, ownKafka } from '@khue/testing/kafka';
import { afterAll } from 'vitest';
import { startProduct, type Product } from './product.ts';
import { scenario } from './scenario.fixture.ts';

// Ports that nobody else on this machine is after.
const anyPorts = Object.fromEntries(serviceNames.map((name) => [`KHUE_${name.toUpperCase()}_PORT`, '0']));

// A broker of its own: topics are named after services, and two cities on one broker would hear each other.
describeOnKafka('on Kafka', () => {
  let product: Product | undefined;
  let kafka: LocalKafka | undefined;
  let data: string | undefined;
  afterAll(async () => {
    await product?.close();
    await kafka?.close();
    if (data) await rm(data, { recursive: true, force: true });
  }, 60_000);

  scenario('in one process on Kafka', async () => {
    data = await mkdtemp(join(tmpdir(), 'khue-kafka-'));
    const broker = (kafka = await ownKafka());
    product = await startProduct({
      data,
      port: await freePort(),
      env: anyPorts,
      say: () => undefined,
      onLost: () => undefined,
      bus: (log) => kafkaBus({ brokers: [...broker.brokers], clientId: 'khue', log }),
    });
    const { sign } = await openIssuer({ data, issuer: product.issuer, audience: 'khue' });
    return { address: product.address, token: (sub) => sign(sub, 600) };
  });
});

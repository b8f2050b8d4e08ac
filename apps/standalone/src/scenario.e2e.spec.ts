import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import { freePort } from '@khue/infra/free-port';
import { openIssuer } from '@khue/gateway/issuer';
import { afterAll } from 'vitest';
import { startProduct, type Product } from './product.ts';
import { scenario } from './scenario.fixture.ts';

// Ports that nobody else on this machine is after.
const anyPorts = Object.fromEntries(serviceNames.map((name) => [`KHUE_${name.toUpperCase()}_PORT`, '0']));
let product: Product | undefined;
let data: string | undefined;
afterAll(async () => {
  await product?.close();
  if (data) await rm(data, { recursive: true, force: true });
}, 40_000);

scenario('in one process on the embedded bus', async () => {
  data = await mkdtemp(join(tmpdir(), 'khue thành phố '));
  product = await startProduct({ data, port: await freePort(), env: anyPorts, say: () => undefined, onLost: () => undefined });
  const { sign } = await openIssuer({ data, issuer: product.issuer, audience: 'khue' });
  return { address: product.address, token: (sub) => sign(sub, 600) };
});

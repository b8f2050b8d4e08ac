import { serviceNames } from '@khue/contracts/services';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { openIssuer } from '@khue/gateway/issuer';
import { ConfigProblem, environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import { compress, pack, trim } from './release-fixture/archive.ts';
import { goOn, live, type LeftOpen, type LifeOptions } from './release-fixture/life.ts';
import { dump } from './release-fixture/records.ts';
import { fiveYears, mostBytes, releaseFiles, releaseFolder, type Release } from './release-fixture/release.ts';
import type { Client } from './seed/client.ts';

const usage = `npm run release-fixture [-- --from DIR] [--out DIR] [--sample-scale 0.0005]

The last step of a release: lets the code of this checkout (or of another one, --from) make a small sample city that lives, once in one process and once as a stack
on Kafka, and keeps the data folders and all messages, compressed. The next release must start on them; a test does. Only the last fixture is kept: this writes
over it. Needs a Kafka as the tests do.`;

const execute = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

const readOptions = (): { from: string; out: string; scale: number } => {
  const options = { from: { type: 'string' }, out: { type: 'string' }, 'sample-scale': { type: 'string' }, help: { type: 'boolean' } } as const;
  const { values } = parseArgs({ options });
  const scale = Number(values['sample-scale'] ?? 0.0005);
  if (values.help || !(scale > 0 && scale <= 1)) throw new ConfigProblem(usage);
  return { from: resolve(values.from ?? root), out: resolve(values.out ?? releaseFolder), scale };
};

interface RunningCity {
  readonly address: string;
  readonly issuer: string;
}

/** The programs of a checkout, as they are there. */
const codeOf = (from: string) => {
  const load = <T>(path: string): Promise<T> => import(pathToFileURL(join(from, path)).href) as Promise<T>;
  return {
    product: () => load<typeof import('@khue/standalone/product')>('apps/standalone/src/product.ts'),
    sample: () => load<typeof import('@khue/standalone/sample')>('apps/standalone/src/sample.ts'),
    stack: () => load<typeof import('./stack/start.ts')>('tools/stack/start.ts'),
  };
};
type Code = ReturnType<typeof codeOf>;

/** Loads the sample and lets it live. */
const fill = async (
  code: Code,
  city: RunningCity,
  data: string,
  sampleScale: number,
): Promise<{ client: Client; left: LeftOpen; report: unknown }> => {
  const { ensureSample, localClient } = await code.sample();
  await ensureSample(city, { data, sampleScale }, say);
  const client = await localClient(city, data, 'board');
  const { sign } = await openIssuer({ data, issuer: city.issuer, audience: 'khue' });
  const erase: LifeOptions['erase'] = async (sub, path, version) => {
    const headers = { authorization: `Bearer ${await sign(sub, 600)}`, 'if-match': `"${version}"` };
    const { status } = await fetch(`${city.address}${path}`, { method: 'DELETE', headers });
    if (status !== 204) throw new Error(`DELETE ${path} answered ${status}`);
  };
  const left = await live({ client, say, erase });
  return { client, left, report: await client.as('reader').get(fiveYears) };
};

const inOneProcess = async (code: Code, data: string, scale: number): Promise<unknown> => {
  const { startProduct } = await code.product();
  const ports = Object.fromEntries(serviceNames.map((name) => [`KHUE_${name.toUpperCase()}_PORT`, '0']));
  const lost = (reason: string): void => say(`PostgreSQL ended: ${reason}`);
  const product = await startProduct({ data, port: await freePort(), env: ports, say, onLost: lost });
  try {
    return (await fill(code, product, data, scale)).report;
  } finally {
    await product.close();
  }
};

/** Sent is what has no row left to send. */
const untilSent = async (address: string): Promise<void> => {
  for (;;) {
    const health = (await (await fetch(`${address}/health/ready`)).json()) as { unsent: number | null };
    if (health.unsent === 0) return;
    await pause(100);
  }
};

const asStack = async (code: Code, data: string, scale: number): Promise<{ report: unknown; left: LeftOpen; messages: string }> => {
  const { startStack } = await code.stack();
  const ports = Object.fromEntries(await Promise.all(serviceNames.map(async (name) => [name, await freePort()] as const)));
  // A broker of its own: topics are named after services.
  const env = { ...environment(), KHUE_KAFKA_BROKERS: undefined };
  const options = { data, gatewayPort: await freePort(), env, say, onLost: (name: string) => say(`${name} ended`) };
  const stack = await startStack({ ...options, ports: ports as Parameters<typeof startStack>[0]['ports'] });
  try {
    const { client, left, report } = await fill(code, stack, data, scale);
    const quota = stack.child('quota');
    if (quota) {
      const ended = once(quota, 'exit');
      quota.kill('SIGTERM');
      await ended;
    }
    await goOn(client, left);
    await untilSent(`http://127.0.0.1:${ports['enrollment']}`);
    return { report, left, messages: await dump({ brokers: stack.kafka.brokers, clientId: 'khue-release-fixture', log: quiet }) };
  } finally {
    await stack.close();
  }
};

const write = async (out: string, name: string, bytes: Buffer): Promise<void> => {
  await writeFile(join(out, name), bytes);
  say(`${name}: ${bytes.length} bytes`);
};

const base = await mkdtemp(join(tmpdir(), 'khue-release-'));
try {
  const { from, out, scale } = readOptions();
  const code = codeOf(from);
  const commit = (await execute('git', ['-C', from, 'rev-parse', 'HEAD'])).stdout.trim();
  const [city, stack] = [join(base, 'city'), join(base, 'stack')];
  say(`a city in one process, by ${commit}`);
  const report = await inOneProcess(code, city, scale);
  say(`a stack on Kafka, by ${commit}`);
  const lived = await asStack(code, stack, scale);
  await mkdir(out, { recursive: true });
  for (const name of await readdir(out)) await rm(join(out, name));
  for (const folder of [city, stack]) await trim(folder);
  await write(out, releaseFiles.city, await pack(city));
  await write(out, releaseFiles.stack, await pack(stack));
  await write(out, releaseFiles.messages, compress(Buffer.from(lived.messages)));
  const about: Release = { commit, reports: { city: report, stack: lived.report }, unanswered: lived.left };
  await write(out, releaseFiles.about, Buffer.from(`${JSON.stringify(about, null, 2)}\n`));
  const sizes = await Promise.all((await readdir(out)).map(async (name) => (await stat(join(out, name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > mostBytes) throw new Error(`${bytes} bytes are more than the ${mostBytes} that may be kept: use a smaller --sample-scale`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof ConfigProblem ? 2 : 1;
} finally {
  await rm(base, { recursive: true, force: true });
}

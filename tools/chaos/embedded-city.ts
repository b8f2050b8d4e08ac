import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import { choosePorts, crashServer, makeDataFolder, signalServer, wayTo, type City, type CityOptions } from './city.ts';
import { inspectable } from './live-memory.ts';
import { serverOf, signal } from './processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Everything in one process beside its PostgreSQL, as `npm start` runs it. */
export const startEmbeddedCity = async (options: CityOptions): Promise<City> => {
  const { data, disk, leave } = await makeDataFolder(options);
  const ports = await choosePorts();
  const inspector = await freePort();
  const log = createWriteStream(join(options.folder, 'product.log'), { flags: 'a' });
  const gateway = `http://127.0.0.1:${ports.KHUE_PORT}`;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const args = ['apps/standalone/src/main.ts', '--no-sample', '--data', data];
    // A group of its own: what interrupts this program ends the product when its turn comes.
    const started = spawn(process.execPath, args, {
      cwd: root,
      env: { ...environment(), ...ports, ...inspectable(inspector, environment().NODE_OPTIONS) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    child = started;
    started.once('exit', () => {
      if (child === started) child = undefined;
    });
    started.stderr.pipe(log, { end: false });
    await new Promise<void>((ready, failed) => {
      started.stdout.on('data', (text: Buffer) => {
        log.write(text);
        if (/^ready /m.test(text.toString())) ready();
      });
      started.once('exit', (code) =>
        failed(new Error(`the product ended with ${code} before it was ready; see ${join(options.folder, 'product.log')}`)),
      );
    });
  };

  const signalProduct = async (name: NodeJS.Signals): Promise<void> => {
    const current = child;
    if (!current) return;
    const gone = once(current, 'exit');
    current.kill(name);
    if (name === 'SIGKILL' || name === 'SIGTERM') await gone;
  };
  const close = async (): Promise<void> => {
    await signalServer(data, 'SIGCONT');
    await signalProduct('SIGCONT');
    await signalProduct('SIGTERM');
    signal(await serverOf(data), 'SIGKILL');
    for (const way of ways.values()) await way.close();
    await leave();
    log.end();
  };
  const ways = new Map([['client to gateway', await wayTo(gateway, 'client to gateway', options.random)]]);
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    place: 'embedded',
    address: `http://127.0.0.1:${ways.get('client to gateway')?.port}`,
    gateway,
    issuer: `${gateway}/auth`,
    ports,
    data,
    ways,
    disk,
    signal: (target, name) => (target === 'product' ? signalProduct(name) : signalServer(data, name)),
    crash: () => crashServer(data),
    revive: async () => {
      if (child) return [];
      await start();
      return ['product'];
    },
    processes: () => new Map(child?.pid === undefined ? [] : [['product', { pid: child.pid, inspector }]]),
    close,
  };
};

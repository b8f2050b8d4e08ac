import { copyFile, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import type { Environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import { cuttingProxy, type CuttingProxy, type ProxyOptions } from './cutting-proxy.ts';
import type { Place } from './plan.ts';
import { commandOf, serverOf, signal } from './processes.ts';
import type { Random } from './random.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

export interface CityOptions {
  /** Everything of this city lies here. */
  readonly folder: string;
  readonly random: Random;
  readonly say: (line: string) => void;
  /** Whether its data lie on a disk of their own, that can be filled. */
  readonly ownDisk: boolean;
}

/** A process of ours, and where its inspector opens when it is asked to. */
export interface Watched {
  readonly pid: number;
  readonly inspector: number;
}

/** A running city that can be hurt. */
export interface City {
  readonly place: Place;
  /** Where clients type: a way that may lose answers. */
  readonly address: string;
  /** The same door without that way. */
  readonly gateway: string;
  /** What the tokens name as their issuer. */
  readonly issuer: string;
  /** KHUE_PORT and KHUE_<SERVICE>_PORT, under which a look at the city finds it. */
  readonly ports: Environment;
  readonly data: string;
  /** Ways that may lose answers, by name. */
  readonly ways: ReadonlyMap<string, CuttingProxy>;
  /** Why there is none is said when it is missing. */
  readonly disk: SmallDisk | undefined;
  /** Of a target of faults; after SIGKILL resolves when it is dead. */
  signal(target: string, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Kills one process of PostgreSQL that serves somebody. */
  crash(): Promise<void>;
  /** Starts what does not run; answers what that was. */
  revive(): Promise<readonly string[]>;
  /** Our own processes, for a look at their memory. */
  readonly processes: () => ReadonlyMap<string, Watched>;
  close(): Promise<void>;
}

/** Free ports for the gateway and the services, as the environment names them. */
export const choosePorts = async (): Promise<Record<string, string>> => {
  const ports: Record<string, string> = { KHUE_PORT: String(await freePort()) };
  for (const name of serviceNames) ports[`KHUE_${name.toUpperCase()}_PORT`] = String(await freePort());
  return ports;
};

interface DataFolder {
  readonly data: string;
  readonly disk: SmallDisk | undefined;
  /** Saves the logs from a disk that goes. */
  leave(): Promise<void>;
}

/** The folder of the data, on a disk of its own where that was asked for and is allowed. Kafka's part stays outside: only PostgreSQL's disk is filled. */
export const makeDataFolder = async ({ folder, ownDisk, say }: CityOptions): Promise<DataFolder> => {
  const data = join(folder, 'data');
  await mkdir(data);
  await mkdir(join(folder, 'kafka'));
  const disk = ownDisk
    ? await mountSmallDisk(data).catch((error: Error) => {
        say(`NOT RUN HERE: the full disk, for no disk can be mounted (${error.message.split('\n')[0]})`);
        return undefined;
      })
    : undefined;
  await symlink(join(folder, 'kafka'), join(data, 'kafka'));
  const leave = async (): Promise<void> => {
    for (const name of await readdir(data)) if (/\.log(\.1)?$/.test(name)) await copyFile(join(data, name), join(folder, name));
    await disk?.unmount();
  };
  return { data, disk, leave };
};

/** A way that loses answers by the city's own chance. */
export const wayTo = (address: string, name: string, random: Random, more: Partial<ProxyOptions> = {}): Promise<CuttingProxy> => {
  const { hostname: host, port } = new URL(address);
  return cuttingProxy({ port: 0, to: { host, port: Number(port) }, chance: random.fork(name).next, ...more });
};

/** Hurts PostgreSQL of a folder, all of it. */
export const signalServer = async (data: string, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
  const pids = await serverOf(data);
  signal(pids, name);
  // Its first process makes no more now; these are the ones that it made meanwhile.
  if (name === 'SIGSTOP') signal(await serverOf(data), name);
};

/** Kills a process of the server that works for a client; the server ends all others and recovers. */
export const crashServer = async (data: string): Promise<void> => {
  for (const pid of (await serverOf(data)).slice(1)) {
    if (!/_app .*127\.0\.0\.1/.test(await commandOf(pid))) continue;
    signal([pid], 'SIGKILL');
    return;
  }
  throw new Error('no process of PostgreSQL serves anybody');
};

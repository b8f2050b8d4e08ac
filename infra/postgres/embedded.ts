import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { StartProblem } from '../start-problem.ts';
import { chooseAccount, findBinaries } from './binaries.ts';
import { adoptData, createData, diskFull, folderProblem, hasData, openFolder, sweepLeftovers } from './data-folder.ts';
import { tryLock } from './folder-lock.ts';
import { databaseUrl, provision } from './provision.ts';
import type { DatabaseUrls } from './provision.ts';
import { addDatabases, openSecret } from './secret-file.ts';
import type { Secret } from './secret-file.ts';
import { becomes, isServerOf, killStragglers, readPidFile, removeStalePidFile, stopServer } from './server-process.ts';
import { spawnServer } from './spawn-server.ts';
import type { OwnServer } from './spawn-server.ts';

export type EmbeddedOptions = {
  /** Made when missing; holds `postgres/`, `postgres.secret` and `postgres.log`. */
  folder: string;
  /** A free one when not given. */
  port?: number;
  log: (line: string) => void;
  databases?: readonly { name: string }[];
  /** Called once when the server ends without `close()`. */
  onExit?: (reason: string) => void;
};

export type Embedded = {
  host: string;
  port: number;
  pid: number;
  /** Superuser; for provisioning and tests, never for a service. */
  adminUrl(database: string): string;
  /** The URLs of each database asked for, by name. */
  databases: Record<string, DatabaseUrls>;
  close(): Promise<void>;
};

const host = '127.0.0.1';

/**
 * Runs the PostgreSQL that npm brought on a folder of ours. Throws StartProblem, one sentence for the operator.
 *
 * Not by the package's own class: it tells readiness from log lines, hooks the exit of the whole process, keeps its instances in a module variable,
 * and knows nothing of orphans, of a second start on the same folder, or of a folder its server's account may not enter.
 *
 * An orphan (its parent was killed, it runs on) is stopped and started anew rather than adopted: only a child of ours reports its end, and it would
 * keep the port, the settings and the binaries of the start that was killed.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const folder = resolve(options.folder);
  try {
    return await start(folder, options);
  } catch (error) {
    if (error instanceof StartProblem) throw error;
    const { code, path } = error as { code?: string; path?: string };
    if (code === '53100') throw diskFull(folder, error);
    throw typeof path === 'string' ? folderProblem(folder, error) : error;
  }
}

async function start(folder: string, options: EmbeddedOptions): Promise<Embedded> {
  await openFolder(folder);
  const { account, binaries } = await chooseAccount(await findBinaries(), folder);
  const secret = await openSecret(folder, await hasData(folder, binaries));
  const names = (options.databases ?? []).map((database) => database.name);

  // Each round ends in a server of ours, in a StartProblem, or in a reason to look anew: a rival came or went meanwhile. The lock decides who stays;
  // only its holder stops a server, so of any number of racing starts the last holder goes on and every other one sees the lock taken.
  for (let round = 0; round < 12; round += 1) {
    if (!(await hasData(folder, binaries))) {
      options.log('creating the database');
      await createData(folder, binaries, account, secret.superuser);
    }
    await endOrphan(folder, secret, options.log);
    await adoptData(folder, account);
    const spawned = await spawnServer({ folder, port: options.port, log: options.log }, binaries, account);
    if (spawned.kind === 'stragglers') {
      await killStragglers(folder);
      // Where processes cannot be listed they need a moment to see by themselves that their server is gone.
      await pause(250);
    }
    if (spawned.kind !== 'ready') continue;
    const { server } = spawned;
    const lock = await tryLock(adminUrl(server.port, secret, 'postgres'), server.lives);
    if (lock.kind === 'gone') {
      // A rival that found it before us stops it; when nobody does, it is broken.
      if (!(await becomes(() => !server.lives(), 10_000))) await server.stop();
      continue;
    }
    if (lock.kind === 'taken') {
      server.leave();
      throw inUse(folder);
    }
    if (lock.kind !== 'held') {
      await server.stop();
      throw lock.kind === 'refused' ? wrongSecret(folder) : notAnswering(folder, server.pid);
    }
    try {
      await sweepLeftovers(folder);
      const full = await addDatabases(folder, secret, names);
      const databases = await provision(adminUrl(server.port, full, 'postgres'), names, full.databases);
      return embedded(server, full, databases, lock.release, options.onExit);
    } catch (error) {
      await server.stop();
      await lock.release();
      throw error;
    }
  }
  throw inUse(folder);
}

function embedded(
  server: OwnServer,
  secret: Secret,
  databases: Record<string, DatabaseUrls>,
  release: () => Promise<void>,
  onExit: ((reason: string) => void) | undefined,
): Embedded {
  let closed: Promise<void> | undefined;
  void server.exited.then(async (reason) => {
    await release();
    if (!closed) onExit?.(reason);
  });
  const close = async (): Promise<void> => {
    await server.stop();
    await release();
  };
  return {
    host,
    port: server.port,
    pid: server.pid,
    adminUrl: (database) => adminUrl(server.port, secret, database),
    databases,
    close: () => (closed ??= close()),
  };
}

/** Leaves no server of this folder running, or throws: `in-use` when another start owns it. */
async function endOrphan(folder: string, secret: Secret, log: (line: string) => void): Promise<void> {
  const seen = await readPidFile(folder);
  if (!seen) return;
  if (!(await isServerOf(seen.pid, folder))) return removeStalePidFile(folder, seen);
  const { pid } = seen;
  const isGone = async (): Promise<boolean> => (await readPidFile(folder))?.pid !== pid || !(await isServerOf(pid, folder));
  let port: number | undefined;
  const isReady = async (): Promise<boolean> => {
    const now = await readPidFile(folder);
    port = now?.pid === pid && now.ready ? now.port : undefined;
    return port !== undefined;
  };
  log('a server already runs on this folder; looking whether anyone owns it');
  await becomes(async () => (await isReady()) || (await isGone()), 120_000);
  if (port === undefined) {
    if (await isGone()) return;
    throw notAnswering(folder, pid);
  }
  const lock = await tryLock(adminUrl(port, secret, 'postgres'), () => false);
  if (lock.kind === 'taken') throw inUse(folder);
  if (lock.kind === 'refused') throw wrongSecret(folder);
  if (lock.kind === 'silent') throw notAnswering(folder, pid);
  if (lock.kind === 'gone') return;
  log('nobody does: its start was killed; stopping it');
  try {
    await stopServer(pid, isGone);
  } finally {
    await lock.release();
  }
}

function adminUrl(port: number, secret: Secret, database: string): string {
  return databaseUrl(`postgresql://${host}:${port}/`, database, 'postgres', secret.superuser);
}

function inUse(folder: string): StartProblem {
  return new StartProblem('in-use', {
    vi: `Thư mục dữ liệu ${folder} đang được một lần khởi động khác dùng: dừng chương trình kia, hoặc chọn thư mục khác.`,
    en: `The data folder ${folder} is in use by another start: stop that one, or choose another folder.`,
  });
}

function wrongSecret(folder: string): StartProblem {
  return new StartProblem('secret-unusable', {
    vi: `Mật khẩu trong ${folder}/postgres.secret không thuộc về dữ liệu bên cạnh: khôi phục cả hai từ cùng một bản sao lưu.`,
    en: `The password in ${folder}/postgres.secret is not that of the data beside it: restore both from the same backup.`,
  });
}

function notAnswering(folder: string, pid: number): StartProblem {
  return new StartProblem('not-answering', {
    vi: `Một PostgreSQL (tiến trình ${pid}) giữ ${folder} nhưng không trả lời: dừng tiến trình đó rồi khởi động lại.`,
    en: `A PostgreSQL (process ${pid}) holds ${folder} and does not answer: end that process and start again.`,
  });
}

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startEmbedded } from './embedded.ts';
import type { Embedded, EmbeddedOptions } from './embedded.ts';
import { becomes, isServerOf } from './server-process.ts';

const databases = [{ name: 'registry' }, { name: 'quota' }];
const running = new Set<Embedded>();
const children = new Set<ChildProcess>();
const clients = new Set<Client>();
let base: string;
let shared: string;

const start = async (folder: string, more: Partial<EmbeddedOptions> = {}): Promise<Embedded> => {
  const server = await startEmbedded({ folder, databases, log: () => undefined, ...more });
  running.add(server);
  return server;
};

const connect = async (url: string): Promise<Client> => {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  clients.add(client);
  return client;
};

const ask = async (url: string, sql: string): Promise<unknown[]> => {
  const client = await connect(url);
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
  await client.end();
  return rows.flat();
};

/** A start in a process of its own, which can be killed without ending this one. */
const startInChild = (folder: string): ChildProcess => {
  const script = `
    import { startEmbedded } from ${JSON.stringify(new URL('./embedded.ts', import.meta.url).href)};
    const server = await startEmbedded({ folder: process.argv[1], databases: ${JSON.stringify(databases)}, log: () => undefined });
    console.log(server.pid);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  return child;
};

const killed = async (child: ChildProcess): Promise<void> => {
  child.kill('SIGKILL');
  await once(child, 'exit');
};

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'khue-embedded-'));
  // Open to everyone, so that the server's account gets in without help; the closed case is a test of its own.
  await chmod(base, 0o755);
  shared = join(base, 'Dữ liệu của tôi');
});

afterEach(async () => {
  for (const client of clients) await client.end().catch(() => undefined);
  for (const child of children) child.kill('SIGKILL');
  for (const server of running) await server.close();
  for (const set of [clients, children, running]) set.clear();
});

afterAll(() => rm(base, { recursive: true, force: true }));

describe('the embedded PostgreSQL', { timeout: 60_000 }, () => {
  test('starts on an empty folder with blanks and diacritics and gives every service its database', async () => {
    const server = await start(shared);
    expect(
      await ask(
        server.adminUrl('quota'),
        `SELECT current_setting(s) FROM unnest(ARRAY['fsync', 'synchronous_commit', 'full_page_writes', 'jit', 'TimeZone', 'listen_addresses']) s`,
      ),
    ).toEqual(['on', 'on', 'on', 'off', 'UTC', '127.0.0.1']);
    expect(await ask(server.adminUrl('quota'), `SELECT count(*)::int FROM pg_collation WHERE collname = 'vi-x-icu'`)).toEqual([1]);
    await ask(server.databases['quota']!.ownerUrl, 'CREATE TABLE seat (id int)');
    await ask(server.databases['quota']!.ownerUrl, 'INSERT INTO seat VALUES (7)');
    expect(await ask(server.databases['quota']!.appUrl, `SELECT unaccent('Nguyễn'), upper('đỗ ư'), similarity('ab', 'ab')::int`)).toEqual([
      'Nguyen',
      'ĐỖ Ư',
      1,
    ]);
    expect((await stat(join(shared, 'postgres.secret'))).mode & 0o777).toBe(0o600);
  });

  test('keeps data and passwords for the next start', async () => {
    const before = await start(shared);
    const password = new URL(before.databases['quota']!.appUrl).password;
    await before.close();
    const server = await start(shared);
    expect(await ask(server.databases['quota']!.ownerUrl, 'SELECT id FROM seat')).toEqual([7]);
    expect(new URL(server.databases['quota']!.appUrl).password).toBe(password);
  });

  test('a runtime role makes no table, no schema, no temporary table, and reaches no other database', async () => {
    const { appUrl } = (await start(shared)).databases['quota']!;
    for (const sql of [
      'CREATE TABLE t (id int)',
      'CREATE TABLE extensions.t (id int)',
      'CREATE SCHEMA s',
      'CREATE TEMPORARY TABLE t (id int)',
      'TABLE seat',
    ]) {
      await expect(ask(appUrl, sql), sql).rejects.toMatchObject({ code: '42501' });
    }
    for (const other of ['registry', 'postgres', 'template1']) {
      await expect(ask(appUrl.replace(/[^/]+$/, other), 'SELECT 1'), other).rejects.toMatchObject({ code: '42501' });
    }
  });

  test('a folder in use refuses another start and is not disturbed by it', async () => {
    const server = await start(shared);
    await expect(start(shared)).rejects.toMatchObject({
      name: 'StartProblem',
      code: 'in-use',
      vi: expect.stringContaining(shared),
      en: expect.stringContaining('in use by another start'),
    });
    expect(await ask(server.adminUrl('postgres'), 'SELECT 1')).toEqual([1]);
  });

  test('the folder stays owned when a killed connection makes the server restart its children', async () => {
    const server = await start(shared);
    const owner = async (): Promise<unknown> => {
      const held = `SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted AND application_name = 'khue-owner'`;
      return (await ask(server.adminUrl('postgres'), held).catch(() => []))[0];
    };
    const before = await owner();
    const { rows } = await (await connect(server.adminUrl('postgres'))).query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    process.kill(rows[0]!.pid, 'SIGKILL');
    expect(await becomes(async () => ![undefined, before].includes(await owner()), 20_000)).toBe(true);
    await expect(start(shared)).rejects.toMatchObject({ code: 'in-use' });
  });

  test('the end of the server is told once, and after kill -9 the next start has every commit, though the pid file names a living stranger', async () => {
    const ends: string[] = [];
    const server = await start(shared, { onExit: (reason) => ends.push(reason) });
    await ask(server.databases['quota']!.ownerUrl, 'INSERT INTO seat VALUES (8)');
    process.kill(server.pid, 'SIGKILL');
    expect(await becomes(() => ends.length > 0, 10_000)).toBe(true);
    expect(ends).toEqual(['signal SIGKILL']);

    // A process of the server's own account: PostgreSQL takes it for a living server and would refuse for ever.
    const { uid, gid } = await stat(join(shared, 'postgres'));
    const stranger = spawn('sleep', ['60'], process.getuid?.() === 0 ? { uid, gid } : {});
    children.add(stranger);
    const pidFile = join(shared, 'postgres', 'postmaster.pid');
    await writeFile(pidFile, (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(stranger.pid)));
    const again = await start(shared);
    expect(await ask(again.databases['quota']!.ownerUrl, 'SELECT id FROM seat ORDER BY id')).toEqual([7, 8]);
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  });

  test('after kill -9 of the server a query that still computes does not hold the folder', async () => {
    const server = await start(shared);
    const client = await connect(server.adminUrl('postgres'));
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    // Asks for no interrupt and waits for nothing, so it does not notice that its server is gone.
    const endless = client
      .query(`SELECT count(*) FROM generate_series(1, 1000000000) a CROSS JOIN generate_series(1, 1000000) b`)
      .catch((error: Error) => error);
    expect(
      await becomes(
        async () =>
          (
            await ask(server.adminUrl('postgres'), `SELECT count(*)::int FROM pg_stat_activity WHERE pid = ${rows[0]!.pid} AND state = 'active'`)
          )[0] === 1,
        10_000,
      ),
    ).toBe(true);
    process.kill(server.pid, 'SIGKILL');
    const again = await start(shared);
    expect(await endless).toBeInstanceOf(Error);
    expect(await ask(again.adminUrl('postgres'), 'SELECT 1')).toEqual([1]);
  });

  test('a server whose start was killed is ended and the next start has its data', async () => {
    const child = startInChild(shared);
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const orphan = Number(line.toString());
    await killed(child);
    expect(await isServerOf(orphan, shared)).toBe(true);
    const server = await start(shared);
    expect(await isServerOf(orphan, shared)).toBe(false);
    expect(await ask(server.databases['quota']!.ownerUrl, 'SELECT max(id) FROM seat')).toEqual([8]);
  });

  test('of starts that race for a new folder exactly one wins and the others learn that it is in use', async () => {
    const folder = join(base, 'race');
    const outcomes = await Promise.allSettled([start(folder), start(folder), start(folder)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'in-use' });
    const [server] = [...running];
    expect(await ask(server!.adminUrl('quota'), 'SELECT 1')).toEqual([1]);
    expect((await readdir(folder)).sort()).toEqual(['postgres', 'postgres.log', 'postgres.secret']);
  });

  test('a start killed while it makes the database leaves nothing half, and the next one cleans up', async () => {
    const folder = join(base, 'killed');
    const child = startInChild(folder);
    const drafts = async (): Promise<string[]> => (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('.postgres-new-'));
    expect(await becomes(async () => (await drafts()).length > 0, 20_000)).toBe(true);
    await killed(child);
    expect(await readdir(folder)).not.toContain('postgres');
    await start(folder);
    expect(await drafts()).toEqual([]);
  });

  test('a folder below one that only its owner may enter works, also for root', async () => {
    const closed = join(base, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const server = await start(join(closed, 'data'));
    expect(await ask(server.databases['registry']!.appUrl, 'SELECT 1')).toEqual([1]);
  });
});

describe('a start that cannot be says why in one sentence in each language', { timeout: 20_000 }, () => {
  const cases: [string, string, (folder: string) => Promise<string>][] = [
    ['a file in place of the folder', 'folder-unusable', async (folder) => (await writeFile(folder, ''), folder)],
    ['a folder below a file', 'folder-unusable', async (folder) => (await writeFile(folder, ''), join(folder, 'data'))],
    ['a folder where nothing can be made, for root neither', 'folder-unusable', async () => '/proc/khue/data'],
    [
      'data of another major version',
      'other-version',
      async (folder) => (
        await mkdir(join(folder, 'postgres'), { recursive: true }),
        await writeFile(join(folder, 'postgres', 'PG_VERSION'), '17\n'),
        folder
      ),
    ],
    [
      'files that are not a database',
      'folder-unusable',
      async (folder) => (await mkdir(join(folder, 'postgres', 'photos'), { recursive: true }), folder),
    ],
    [
      'data without their password file',
      'secret-unusable',
      async (folder) => (
        await mkdir(join(folder, 'postgres'), { recursive: true }),
        await writeFile(join(folder, 'postgres', 'PG_VERSION'), '18\n'),
        folder
      ),
    ],
    [
      'a damaged password file',
      'secret-unusable',
      async (folder) => (await mkdir(folder), await writeFile(join(folder, 'postgres.secret'), '{"superuser": "sesame'), folder),
    ],
  ];
  test.each(cases)('%s', async (title, code, make) => {
    const folder = await make(join(base, title));
    const problem: unknown = await start(folder).catch((error: unknown) => error);
    expect(problem).toMatchObject({ name: 'StartProblem', code, vi: expect.stringMatching(/^\S.*\.$/), en: expect.stringMatching(/^\S.*\.$/) });
    expect(String(problem)).not.toContain('sesame');
  });

  test('a port that another program has', async () => {
    const taken = await start(shared);
    await expect(start(join(base, 'race'), { port: taken.port })).rejects.toMatchObject({ code: 'port-taken' });
  });
});

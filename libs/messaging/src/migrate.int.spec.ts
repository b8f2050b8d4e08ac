import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { eventually } from '@khue/testing/eventually';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrate } from './migrate.ts';

const program = fileURLToPath(new URL('migrator.fixture.ts', import.meta.url));
let database: TestDatabase;
let owner: pg.Client;
let folder: string;
const children: ChildProcess[] = [];

const migration = async (name: string, sql: string): Promise<void> => {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), sql);
};
/** A process that migrates; answers what it has applied, or the signal that ended it. */
const start = (name: string): { child: ChildProcess; ended: Promise<string[] | string> } => {
  const url = new URL(database.ownerUrl);
  url.searchParams.set('application_name', name);
  const child = spawn(process.execPath, [program, url.href, `${database.name}_app`, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const said = text(child.stdout);
  const ended = once(child, 'exit').then(async ([code, signal]) => (code === 0 ? (JSON.parse(await said) as string[]) : String(signal ?? code)));
  return { child, ended };
};
const recorded = async (): Promise<unknown> =>
  (await owner.query('select migration_name as name, count(*)::int as times from public._prisma_migrations group by 1 order by 1')).rows;
const names = ['0001_one', '0002_slow', '0003_three'];
const eachOnce = names.map((name) => ({ name, times: 1 }));

beforeAll(async () => {
  database = await postgres();
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await database.close();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'khue-migrate-'));
  await owner.query(
    'drop table if exists public._prisma_migrations; drop schema if exists grown cascade; create table if not exists public.gate (n int)',
  );
  // None may be applied twice, nor can be: each makes what the next one needs and adds a row.
  await migration('0001_one', 'create schema grown; create table grown.step (n int); insert into grown.step values (1)');
  await migration('0002_slow', 'create table grown.half (n int); lock table public.gate; insert into grown.step values (2)');
  await migration(
    '0003_three',
    'alter table grown.half add column done boolean; insert into grown.step values (3); grant usage on schema grown to ${app}',
  );
});
afterEach(async () => {
  children.splice(0).forEach((child) => child.kill('SIGKILL'));
  await rm(folder, { recursive: true, force: true });
});

test(
  'of 20 processes that migrate at once one is killed in the middle of it, and all others end with everything applied exactly once',
  { timeout: 120_000 },
  async () => {
    const gate = new pg.Client({ connectionString: database.ownerUrl });
    await gate.connect();
    await gate.query('set idle_in_transaction_session_timeout = 0; begin; lock table public.gate');
    const started = new Map(Array.from({ length: 20 }, (_, n) => [`migrator-${n}`, start(`migrator-${n}`)]));
    // One is inside the second migration, the other 19 wait for it.
    const inside = await eventually(
      async () => {
        const { rows } = await owner.query<{ name: string; waits: string }>(
          `select application_name as name, locktype as waits from pg_stat_activity join pg_locks using (pid)
         where datname = current_database() and application_name like 'migrator-%' and not granted`,
        );
        expect(rows.map(({ waits }) => waits).sort()).toEqual([...Array<string>(19).fill('advisory'), 'relation']);
        return rows.find(({ waits }) => waits === 'relation')?.name ?? '';
      },
      { withinMs: 60_000, everyMs: 100 },
    );
    const victim = started.get(inside);
    victim?.child.kill('SIGKILL');
    expect(await victim?.ended).toBe('SIGKILL');
    await gate.query('commit');
    await gate.end();

    const said = await Promise.all([...started.values()].filter((each) => each !== victim).map(({ ended }) => ended));
    expect(said).toHaveLength(19);
    // One of them applied what was left, all others nothing.
    expect(said.filter((each) => each.length > 0)).toEqual([['0002_slow', '0003_three']]);
    expect(await recorded()).toEqual(eachOnce);
    expect((await owner.query('select n from grown.step order by n')).rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  },
);

test('one that was applied and then changed is refused', async () => {
  const migrateHere = () => migrate({ ownerUrl: database.ownerUrl, appRole: `${database.name}_app`, folders: [folder] });
  expect(await migrateHere()).toEqual(names);
  expect(await migrateHere()).toEqual([]);
  await migration('0001_one', 'create schema other');
  await expect(migrateHere()).rejects.toThrow('0001_one was changed after it was applied');
});

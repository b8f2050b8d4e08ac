import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openPool } from '@khue/messaging/database';
import { eventually } from '@khue/testing/eventually';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { doorSchema, peopleDoor, peopleFile, personLine, sliced, type Mood } from './door.fixture.ts';
import { expireImports } from './expire.ts';
import { createImportFlow, type ImportFlow } from './import-flow.ts';
import { createImportRunner, type ImportRunner, type RunnerOptions } from './import-runner.ts';
import { anyPlan, indexOrder, nextRowsText } from './progress.ts';

const ROWS = 5_500;

let database: TestDatabase;
let pool: pg.Pool;
let owner: pg.Client;
let mood: Mood;
let flow: ImportFlow;
let errors: unknown[];
const runners: ImportRunner[] = [];

beforeAll(async () => {
  database = await postgres();
  await doorSchema(database.ownerUrl, `${database.name}_app`);
  pool = openPool({ url: database.appUrl, name: 'import-runner.int.spec' });
  owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
});
afterAll(async () => {
  await owner.end();
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query('delete from door.person; delete from door.effect; delete from imports.import; delete from imports.staged_row');
  mood = {};
  errors = [];
  flow = createImportFlow({ pool, kinds: [peopleDoor(mood)], wake: () => runners.forEach((runner) => runner.wake()) });
});
afterEach(() => Promise.all(runners.splice(0).map((runner) => runner.stop())));

const started = (options: Partial<RunnerOptions> = {}): ImportRunner => {
  const runner = createImportRunner({
    pool,
    kinds: [peopleDoor(mood)],
    pace: async () => undefined,
    committed: () => undefined,
    onError: (error) => errors.push(error),
    ...options,
  });
  runners.push(runner);
  runner.start();
  return runner;
};
const lines = (count: number, from = 1): string[] => Array.from({ length: count }, (_, n) => personLine(from + n));
const planned = async (file: string): Promise<{ id: string; planHash: string }> => {
  const answer = await flow.planUpload({ id: uuidv7(), kind: 'people', upload: sliced(file), fileName: 'f.csv', actor: 'officer.a', unitId: null, context: {} });
  if (!answer.ok) throw new Error(answer.code);
  return answer.plan;
};
const step = (id: string) => ({ id, actor: 'approver.a', context: {} });
/** Planned and asked to be committed, with no runner there yet. */
const committing = async (file = peopleFile(lines(ROWS))): Promise<string> => {
  const { id, planHash } = await planned(file);
  expect((await flow.startCommit({ ...step(id), planHash })).ok).toBe(true);
  return id;
};
const reach = (id: string, state: string) =>
  eventually(
    async () => {
      const status = await flow.importStatus(id);
      expect(status?.state).toBe(state);
      return status;
    },
    { withinMs: 30_000 },
  );
const counted = async (): Promise<{ people: number; registered: number; revoked: number }> =>
  (await pool.query(`select (select count(*)::int from door.person) as people, count(*) filter (where what = 'registered')::int as registered,
     count(*) filter (where what = 'revoked')::int as revoked from door.effect`)).rows[0];
/** As if a holder had said nothing for 11 seconds. */
const silence = () => pool.query(`update imports.import set heartbeat_at = heartbeat_at - interval '11 s'`);

describe('a commit or revocation that is interrupted', () => {
  test('goes on where it was and doubles nothing, wherever in a chunk it failed', async () => {
    const id = await committing();
    let chunks = 0;
    const failing = (when: string) => () => {
      chunks += 1;
      if (chunks % 3 === 0) throw new Error(`interrupted ${when}`);
    };
    mood.applying = failing('before');
    mood.applied = failing('after');
    started();
    expect(await reach(id, 'done')).toMatchObject({ done: ROWS, total: ROWS, failures: 0 });
    expect(errors.length).toBeGreaterThan(1);
    expect(await counted()).toEqual({ people: ROWS, registered: ROWS, revoked: 0 });
  });

  test('goes on after its connections were cut', async () => {
    const id = await committing();
    let cuts = 0;
    mood.applied = async (_, tx) => {
      if ((cuts += 1) > 3) return;
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    };
    started();
    await reach(id, 'done');
    expect(await counted()).toEqual({ people: ROWS, registered: ROWS, revoked: 0 });
  });

  test.each(['committing', 'revoking'])('goes on after kill -9 of its process while %s', async (state) => {
    const id = await committing();
    if (state === 'revoking') {
      started();
      await reach(id, 'done');
      await Promise.all(runners.splice(0).map((runner) => runner.stop()));
      expect((await flow.startRevoke(step(id))).ok).toBe(true);
    }
    const child = spawn(process.execPath, [fileURLToPath(new URL('./committer.fixture.ts', import.meta.url)), database.appUrl], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    await eventually(async () => expect((await flow.importStatus(id))?.done).toBeGreaterThan(1_500));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const halfway = await flow.importStatus(id);
    expect(halfway).toMatchObject({ state });
    expect(halfway?.done).toBeLessThan(ROWS);
    started();
    await silence();
    runners[0]?.wake();
    await reach(id, state === 'committing' ? 'done' : 'revoked');
    expect(await counted()).toEqual(state === 'committing' ? { people: ROWS, registered: ROWS, revoked: 0 } : { people: 0, registered: ROWS, revoked: ROWS });
  });

  test('would double its rows if the progress were not in the same transaction (the control)', async () => {
    const id = await committing();
    let chunks = 0;
    mood.applied = async (rows) => {
      if ((chunks += 1) !== 2) return;
      await pool.query(`insert into door.effect (what, person, import_id, actor) select 'registered', id, $2, 'outside' from unnest($1::uuid[]) as id`, [rows.map((row) => row.id), id]);
      throw new Error('interrupted');
    };
    started();
    await reach(id, 'done');
    expect(await counted()).toEqual({ people: ROWS, registered: ROWS + 1_000, revoked: 0 });
  });
});

describe('two processes', () => {
  test('work on an import one at a time: a silent holder that wakes up again leaves it to the other', async () => {
    const id = await committing();
    const gates: (() => void)[] = [];
    const gate = (): Promise<void> => new Promise((open) => gates.push(open));
    const chunks = { first: 0, second: 0 };
    const looked = { first: 0, second: 0 };
    const runner = (name: 'first' | 'second') => started({ kinds: [peopleDoor({ applied: () => void (chunks[name] += 1) })], pace: gate, committed: () => void (looked[name] += 1) });
    const pass = async (): Promise<void> => {
      await eventually(() => expect(gates.length).toBeGreaterThan(0));
      gates.shift()?.();
    };
    runner('first');
    await pass();
    await eventually(() => expect(gates).toHaveLength(1));
    await silence();
    runner('second');
    await eventually(() => expect(gates).toHaveLength(2));
    await pass();
    await eventually(() => expect(looked.first).toBe(2));
    expect(chunks).toEqual({ first: 1, second: 0 });
    for (let chunk = 1; chunk < 6; chunk += 1) await pass();
    await reach(id, 'done');
    expect(chunks).toEqual({ first: 1, second: 5 });
    expect(await counted()).toEqual({ people: ROWS, registered: ROWS, revoked: 0 });
  });

  test('leave each other what is not silent', async () => {
    const id = await committing();
    let let_go: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (let_go = resolve));
    let paced = 0;
    started({ pace: () => ((paced += 1) === 2 ? held : Promise.resolve()) });
    await eventually(() => expect(paced).toBe(2));
    let second = 0;
    const other = started({ pace: async () => void (second += 1) });
    await other.stop();
    expect(second).toBe(0);
    let_go?.();
    await reach(id, 'done');
  });

  test('hand an import over at once where one is stopped', async () => {
    const id = await committing();
    let paced = 0;
    const first = started({ pace: () => ((paced += 1) === 2 ? new Promise(() => undefined) : Promise.resolve()) });
    await eventually(() => expect(paced).toBe(2));
    await first.stop();
    expect((await pool.query('select holder from imports.import')).rows).toEqual([{ holder: null }]);
    started();
    await reach(id, 'done');
    expect(await counted()).toMatchObject({ registered: ROWS });
  });
});

describe('a commit', () => {
  test('waits before each chunk until it may go on, and says meanwhile that it lives', async () => {
    const id = await committing(peopleFile(lines(2_500)));
    const waiting: (() => void)[] = [];
    started({ pace: () => new Promise((resolve) => waiting.push(resolve)) });
    for (const done of [0, 1_000, 2_000]) {
      await eventually(() => expect(waiting).toHaveLength(1));
      expect((await flow.importStatus(id))?.done).toBe(done);
      if (done === 0) {
        await silence();
        await eventually(async () => expect((await pool.query(`select 1 from imports.import where heartbeat_at > clock_timestamp() - interval '5 s'`)).rowCount).toBe(1));
      }
      waiting.splice(0).forEach((go) => go());
    }
    await reach(id, 'done');
  });

  test('takes turns with others: a small import never waits for the end of a large one', async () => {
    const large = await committing();
    let slow = true;
    mood.applied = async (rows, tx) => {
      if (slow && rows.length === 1_000) await tx.query('select pg_sleep(0.6)');
    };
    started();
    await eventually(async () => expect((await flow.importStatus(large))?.done).toBeGreaterThan(0));
    const small = await committing(peopleFile(lines(10, ROWS + 1)));
    await reach(small, 'done');
    expect((await flow.importStatus(large))?.state).toBe('committing');
    slow = false;
    await reach(large, 'done');
  });

  test('rejects the row that the database does not accept, and no other', async () => {
    const id = await committing(peopleFile([...lines(1_200), personLine(1_201, { name: 'Nguyễn '.repeat(9) }), ...lines(300, 1_300)]));
    started();
    expect(await reach(id, 'done')).toMatchObject({ accepted: 1_500, rejected: 1 });
    expect(await counted()).toEqual({ people: 1_500, registered: 1_500, revoked: 0 });
    const { rows } = await pool.query(`select row_no, errors->0->>'code' as code from imports.staged_row where verdict = 'rejected'`);
    expect(rows).toEqual([{ row_no: 1_202, code: 'row-unacceptable' }]);
  });
});

describe('a revocation', () => {
  test('undoes what the import did and nothing else, last row first', async () => {
    const id = await committing();
    started();
    await reach(id, 'done');
    await pool.query(`insert into door.person select gen_random_uuid(), '1', 'Người Khác', 'HN-01', gen_random_uuid()`);
    const order: number[] = [];
    mood.revoking = (rows) => order.push(...rows.map((row) => row.rowNo));
    await flow.startRevoke(step(id));
    expect(await reach(id, 'revoked')).toMatchObject({ done: ROWS, total: ROWS, revokedBy: 'approver.a' });
    expect(order).toEqual(Array.from({ length: ROWS }, (_, n) => ROWS + 1 - n));
    expect(await counted()).toEqual({ people: 1, registered: ROWS, revoked: ROWS });
    expect(await flow.startRevoke(step(id))).toMatchObject({ ok: true, status: { state: 'revoked' } });
  });

  test('of a commit under way stops it and undoes what it has done so far', async () => {
    const id = await committing();
    let paced = 0;
    let go: (() => void) | undefined;
    started({ pace: () => ((paced += 1) === 3 ? new Promise<void>((resolve) => (go = resolve)) : Promise.resolve()) });
    await eventually(() => expect(paced).toBe(3));
    expect((await flow.startRevoke(step(id))).ok).toBe(true);
    go?.();
    expect(await reach(id, 'revoked')).toMatchObject({ done: 2_000, total: 2_000 });
    expect(await counted()).toEqual({ people: 0, registered: 2_000, revoked: 2_000 });
  });
});

describe('personal data', () => {
  test('of plans nobody committed goes after 7 days, and the plan with it', async () => {
    const { id, planHash } = await planned(peopleFile([...lines(20), personLine(21, { number: '' })]));
    await expireImports(pool);
    expect((await flow.rejected(id)).ok).toBe(true);
    await pool.query(`update imports.import set created_at = created_at - interval '8 days'`);
    await expireImports(pool);
    expect((await pool.query('select 1 from imports.staged_row')).rowCount).toBe(0);
    expect(await flow.startCommit({ ...step(id), planHash })).toMatchObject({ ok: false, code: 'plan-expired' });
    expect(await flow.rejected(id)).toMatchObject({ ok: false, code: 'rejected-rows-expired' });
  });

  test('of finished imports goes after 90 days, and they can still be revoked', async () => {
    const id = await committing(peopleFile([...lines(20), personLine(21, { number: '' })]));
    started();
    await reach(id, 'done');
    await pool.query(`update imports.import set finished_at = finished_at - interval '91 days'`);
    await expireImports(pool);
    expect((await pool.query('select 1 from imports.staged_row where cells is not null or value is not null or errors is not null')).rowCount).toBe(0);
    await flow.startRevoke(step(id));
    await reach(id, 'revoked');
    expect(await counted()).toMatchObject({ people: 0, revoked: 20 });
  });
});

test('the next chunk of a large import is read in the order of its index, also before anybody analyzed the table', async () => {
  const id = uuidv7();
  await owner.query('alter table imports.staged_row set (autovacuum_enabled = off)');
  await owner.query(
    `insert into imports.staged_row (import_id, row_no, verdict, cells, value)
     select $1, n, case when n % 10 = 0 then 'accepted' else 'unchanged' end, '[]', '{}' from generate_series(1, 100000) as n`,
    [id],
  );
  const planOf = async (text: string, settings: string): Promise<string> => {
    await owner.query(`begin; ${settings}`);
    const { rows } = await owner.query<{ 'QUERY PLAN': string }>(`explain ${text}`, [id, 20_000, 1_000]);
    await owner.query('rollback');
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };
  for (const text of Object.values(nextRowsText)) {
    expect(await planOf(text, indexOrder)).not.toMatch(/Sort|Bitmap|Seq Scan/);
    // The control: left alone, the planner sorts.
    expect(await planOf(text, anyPlan)).toMatch(/Sort/);
  }
});

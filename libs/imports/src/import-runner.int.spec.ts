import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from '@khue/testing/eventually';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { peopleDoor, peopleFile, personLine } from './door.fixture.ts';
import { lines, ROWS, runningDoor, step, type RunningDoor } from './running-door.fixture.ts';

let door: RunningDoor;
beforeAll(async () => {
  door = await runningDoor();
});
afterAll(() => door.close());
beforeEach(() => door.reset());
afterEach(() => door.stopRunners());

describe('a commit or revocation that is interrupted', () => {
  test('goes on where it was and doubles nothing, wherever in a chunk it failed', async () => {
    const id = await door.committing();
    let chunks = 0;
    const failing = (when: string) => () => {
      chunks += 1;
      if (chunks % 3 === 0) throw new Error(`interrupted ${when}`);
    };
    door.mood.applying = failing('before');
    door.mood.applied = failing('after');
    door.started();
    expect(await door.reach(id, 'done')).toMatchObject({ done: ROWS, total: ROWS, failures: 0 });
    expect(door.errors.length).toBeGreaterThan(1);
    expect(await door.counted()).toEqual({ people: ROWS, registered: ROWS, revoked: 0 });
  });

  test('goes on after its connections were cut', async () => {
    const id = await door.committing();
    let cuts = 0;
    door.mood.applied = async (_, tx) => {
      if ((cuts += 1) > 3) return;
      const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await door.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    };
    door.started();
    await door.reach(id, 'done');
    expect(await door.counted()).toEqual({ people: ROWS, registered: ROWS, revoked: 0 });
  });

  test.each(['committing', 'revoking'])('goes on after kill -9 of its process while %s', async (state) => {
    const id = await door.committing();
    if (state === 'revoking') {
      door.started();
      await door.reach(id, 'done');
      await door.stopRunners();
      expect((await door.flow.startRevoke(step(id))).ok).toBe(true);
    }
    const child = spawn(process.execPath, [fileURLToPath(new URL('./committer.fixture.ts', import.meta.url)), door.database.appUrl], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      await eventually(async () => expect((await door.flow.importStatus(id))?.done).toBeGreaterThan(1_500));
    } finally {
      child.kill('SIGKILL');
    }
    await once(child, 'exit');
    const halfway = await door.flow.importStatus(id);
    expect(halfway).toMatchObject({ state });
    expect(halfway?.done).toBeLessThan(ROWS);
    door.started();
    await door.silence();
    await door.reach(id, state === 'committing' ? 'done' : 'revoked');
    expect(await door.counted()).toEqual(
      state === 'committing' ? { people: ROWS, registered: ROWS, revoked: 0 } : { people: 0, registered: ROWS, revoked: ROWS },
    );
  });

  test('would double its rows if the progress were not in the same transaction (the control)', async () => {
    const id = await door.committing();
    let chunks = 0;
    door.mood.applied = async (rows) => {
      if ((chunks += 1) !== 2) return;
      await door.pool.query(
        `insert into door.effect (what, person, import_id, actor) select 'registered', id, $2, 'outside' from unnest($1::uuid[]) as id`,
        [rows.map((row) => row.id), id],
      );
      throw new Error('interrupted');
    };
    door.started();
    await door.reach(id, 'done');
    expect(await door.counted()).toEqual({ people: ROWS, registered: ROWS + 1_000, revoked: 0 });
  });
});

describe('two processes', () => {
  test('work on an import one at a time: a silent holder that wakes up again leaves it to the other', async () => {
    const id = await door.committing();
    const gates: (() => void)[] = [];
    const gate = (): Promise<void> => new Promise((open) => gates.push(open));
    const chunks = { first: 0, second: 0 };
    const looked = { first: 0, second: 0 };
    const runner = (name: 'first' | 'second') =>
      door.started({ kinds: [peopleDoor({ applied: () => void (chunks[name] += 1) })], pace: gate, committed: () => void (looked[name] += 1) });
    const pass = async (): Promise<void> => {
      await eventually(() => expect(gates.length).toBeGreaterThan(0));
      gates.shift()?.();
    };
    runner('first');
    await pass();
    await eventually(() => expect(gates).toHaveLength(1));
    await door.silence();
    runner('second');
    await eventually(() => expect(gates).toHaveLength(2));
    await pass();
    await eventually(() => expect(looked.first).toBe(2));
    expect(chunks).toEqual({ first: 1, second: 0 });
    for (let chunk = 1; chunk < 6; chunk += 1) await pass();
    await door.reach(id, 'done');
    expect(chunks).toEqual({ first: 1, second: 5 });
    expect(await door.counted()).toEqual({ people: ROWS, registered: ROWS, revoked: 0 });
  });

  test('leave each other what is not silent', async () => {
    const id = await door.committing();
    let let_go: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (let_go = resolve));
    let paced = 0;
    door.started({ pace: () => ((paced += 1) === 2 ? held : Promise.resolve()) });
    await eventually(() => expect(paced).toBe(2));
    let second = 0;
    const other = door.started({ pace: async () => void (second += 1) });
    await other.stop();
    expect(second).toBe(0);
    let_go?.();
    await door.reach(id, 'done');
  });

  test('hand an import over at once where one is stopped', async () => {
    const id = await door.committing();
    let paced = 0;
    const first = door.started({ pace: () => ((paced += 1) === 2 ? new Promise(() => undefined) : Promise.resolve()) });
    await eventually(() => expect(paced).toBe(2));
    await first.stop();
    expect((await door.pool.query('select holder from imports.import')).rows).toEqual([{ holder: null }]);
    door.started();
    await door.reach(id, 'done');
    expect(await door.counted()).toMatchObject({ registered: ROWS });
  });
});

describe('a commit', () => {
  test('waits before each chunk until it may go on, and says meanwhile that it lives', async () => {
    const id = await door.committing(peopleFile(lines(2_500)));
    const waiting: (() => void)[] = [];
    door.started({ pace: () => new Promise((resolve) => waiting.push(resolve)) });
    for (const done of [0, 1_000, 2_000]) {
      await eventually(() => expect(waiting).toHaveLength(1));
      expect((await door.flow.importStatus(id))?.done).toBe(done);
      if (done === 0) {
        await door.silence();
        await eventually(async () =>
          expect((await door.pool.query(`select 1 from imports.import where heartbeat_at > clock_timestamp() - interval '5 s'`)).rowCount).toBe(1),
        );
      }
      waiting.splice(0).forEach((go) => go());
    }
    await door.reach(id, 'done');
  });

  test('takes turns with others: a small import never waits for the end of a large one', async () => {
    const large = await door.committing();
    let slow = true;
    door.mood.applied = async (rows, tx) => {
      if (slow && rows.length === 1_000) await tx.query('select pg_sleep(0.6)');
    };
    door.started();
    await eventually(async () => expect((await door.flow.importStatus(large))?.done).toBeGreaterThan(0));
    const small = await door.committing(peopleFile(lines(10, ROWS + 1)));
    await door.reach(small, 'done');
    expect((await door.flow.importStatus(large))?.state).toBe('committing');
    slow = false;
    await door.reach(large, 'done');
  });

  test('takes small steps while people type, and large ones when they rest', async () => {
    const id = await door.committing(peopleFile(lines(2_500)));
    const steps: number[] = [];
    const people = { typing: () => steps.length < 3, answered: async () => undefined };
    door.started({ kinds: [peopleDoor({ applied: async (rows) => void steps.push(rows.length) })], people });
    await door.reach(id, 'done');
    expect(steps).toEqual([100, 100, 100, 1_000, 1_000, 200]);
  });

  test('rejects the row that the database does not accept, and no other', async () => {
    const id = await door.committing(peopleFile([...lines(1_200), personLine(1_201, { name: 'Nguyễn '.repeat(9) }), ...lines(300, 1_300)]));
    door.started();
    expect(await door.reach(id, 'done')).toMatchObject({ accepted: 1_500, rejected: 1 });
    expect(await door.counted()).toEqual({ people: 1_500, registered: 1_500, revoked: 0 });
    const { rows } = await door.pool.query(`select row_no, errors->0->>'code' as code from imports.staged_row where verdict = 'rejected'`);
    expect(rows).toEqual([{ row_no: 1_202, code: 'row-unacceptable' }]);
  });
});

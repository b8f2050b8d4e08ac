import { eventually } from '@khue/testing/eventually';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { peopleFile, personLine } from './door.fixture.ts';
import { expireImports } from './expire.ts';
import { anyPlan, indexOrder, nextRowsText } from './progress.ts';
import { lines, ROWS, runningDoor, step, type RunningDoor } from './running-door.fixture.ts';

let door: RunningDoor;
beforeAll(async () => {
  door = await runningDoor();
});
afterAll(() => door.close());
beforeEach(() => door.reset());
afterEach(() => door.stopRunners());

describe('a revocation', () => {
  test('undoes what the import did and nothing else, last row first', async () => {
    const id = await door.committing();
    door.started();
    await door.reach(id, 'done');
    await door.pool.query(`insert into door.person select gen_random_uuid(), '1', 'Người Khác', 'HN-01', gen_random_uuid()`);
    const order: number[] = [];
    door.mood.revoking = (rows) => order.push(...rows.map((row) => row.rowNo));
    await door.flow.startRevoke(step(id));
    expect(await door.reach(id, 'revoked')).toMatchObject({ done: ROWS, total: ROWS, revokedBy: 'approver.a' });
    expect(order).toEqual(Array.from({ length: ROWS }, (_, n) => ROWS + 1 - n));
    expect(await door.counted()).toEqual({ people: 1, registered: ROWS, revoked: ROWS });
    expect(await door.flow.startRevoke(step(id))).toMatchObject({ ok: true, status: { state: 'revoked' } });
  });

  test('of a commit under way stops it and undoes what it has done so far', async () => {
    const id = await door.committing();
    let paced = 0;
    let go: (() => void) | undefined;
    door.started({ pace: () => ((paced += 1) === 3 ? new Promise<void>((resolve) => (go = resolve)) : Promise.resolve()) });
    await eventually(() => expect(paced).toBe(3));
    expect((await door.flow.startRevoke(step(id))).ok).toBe(true);
    go?.();
    expect(await door.reach(id, 'revoked')).toMatchObject({ done: 2_000, total: 2_000 });
    expect(await door.counted()).toEqual({ people: 0, registered: 2_000, revoked: 2_000 });
  });
});

describe('personal data', () => {
  test('of plans nobody committed goes after 7 days, and the plan with it', async () => {
    const { id, planHash } = await door.planned(peopleFile([...lines(20), personLine(21, { number: '' })]));
    await expireImports(door.pool);
    expect((await door.flow.rejected(id)).ok).toBe(true);
    await door.pool.query(`update imports.import set created_at = created_at - interval '8 days'`);
    await expireImports(door.pool);
    expect((await door.pool.query('select 1 from imports.staged_row')).rowCount).toBe(0);
    expect(await door.flow.startCommit({ ...step(id), planHash })).toMatchObject({ ok: false, code: 'plan-expired' });
    expect(await door.flow.rejected(id)).toMatchObject({ ok: false, code: 'rejected-rows-expired' });
  });

  test('of finished imports goes after 90 days, and they can still be revoked', async () => {
    const id = await door.committing(peopleFile([...lines(20), personLine(21, { number: '' })]));
    door.started();
    await door.reach(id, 'done');
    await door.pool.query(`update imports.import set finished_at = finished_at - interval '91 days'`);
    await expireImports(door.pool);
    expect(
      (await door.pool.query('select 1 from imports.staged_row where cells is not null or value is not null or errors is not null')).rowCount,
    ).toBe(0);
    await door.flow.startRevoke(step(id));
    await door.reach(id, 'revoked');
    expect(await door.counted()).toMatchObject({ people: 0, revoked: 20 });
  });
});

test('the next chunk of a large import is read in the order of its index, also before anybody analyzed the table', async () => {
  const id = uuidv7();
  const owner = new pg.Client({ connectionString: door.database.ownerUrl });
  await owner.connect();
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
  await owner.end();
});

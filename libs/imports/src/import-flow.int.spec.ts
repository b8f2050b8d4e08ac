import { openPool } from '@khue/messaging/database';
import { eventually } from '@khue/testing/eventually';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { doorSchema, nobody, peopleDoor, peopleFile, personLine, sliced, type Mood } from './door.fixture.ts';
import { createImportFlow, type ImportFlow } from './import-flow.ts';
import { createImportRunner, type ImportRunner } from './import-runner.ts';
import { uploadsAtOnce } from './limits.ts';
import { layout } from './people.fixture.ts';
import { importRefusals } from './refusals.ts';
import { rowId } from './row-id.ts';
import type { Upload } from './upload.ts';

let database: TestDatabase;
let pool: pg.Pool;
let mood: Mood;
let flow: ImportFlow;
let runner: ImportRunner;

beforeAll(async () => {
  database = await postgres();
  await doorSchema(database.ownerUrl, `${database.name}_app`);
  pool = openPool({ url: database.appUrl, name: 'import-flow.int.spec' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query(
    'delete from door.person; delete from door.effect; delete from imports.import; delete from imports.staged_row; delete from imports.row_key',
  );
  mood = {};
  const kinds = [peopleDoor(mood)];
  runner = createImportRunner({ pool, kinds, pace: async () => undefined, people: nobody, committed: () => undefined, onError: () => undefined });
  flow = createImportFlow({ pool, kinds, people: nobody, wake: () => runner.wake() });
  runner.start();
});
afterEach(() => runner.stop());

const upload = (file: Upload) =>
  flow.planUpload({ id: uuidv7(), kind: 'people', upload: file, fileName: 'danh sách.csv', actor: 'officer.a', unitId: null, context: {} });
const plan = async (file: string) => {
  const planned = await upload(sliced(file));
  if (!planned.ok) throw new Error(planned.code);
  return planned.plan;
};
const step = (id: string) => ({ id, actor: 'approver.a', context: { correlationId: 'c-1' } });
const reach = (id: string, state: string) =>
  eventually(async () => {
    const status = await flow.importStatus(id);
    expect(status?.state).toBe(state);
    return status;
  });
const commit = async ({ id, planHash }: { id: string; planHash: string }) => {
  expect(await flow.startCommit({ ...step(id), planHash })).toMatchObject({ ok: true });
  return reach(id, 'done');
};
const people = async () =>
  (await pool.query<{ id: string; full_name: string }>('select id, full_name from door.person order by identity_number')).rows;
const effects = async () =>
  (await pool.query<{ what: string; n: number }>('select what, count(*)::int as n from door.effect group by what order by what')).rows;
const rejectedFile = async (id: string): Promise<string> => {
  const answer = await flow.rejected(id);
  if (!answer.ok) throw new Error(answer.code);
  let file = '';
  for await (const part of answer.csv) file += part;
  return file;
};

const lines = (count: number, from = 1): string[] => Array.from({ length: count }, (_, n) => personLine(from + n));
const mixed = [
  ...lines(3),
  personLine(4, { unit: 'NOWHERE' }),
  personLine(5, { number: '1.23E+11' }),
  personLine(6, { name: '=HYPERLINK(1)', number: '' }),
  personLine(2, { name: 'Kẻ Trùng' }),
];

describe('a plan', () => {
  test('shows what would happen and changes nothing', async () => {
    const planned = await plan(peopleFile(mixed));
    expect(planned).toMatchObject({ rows: 7, accepted: 3, rejected: 4, unchanged: 0 });
    expect(planned.findings.map(({ column, code, rows }) => [column, code, rows])).toEqual(
      expect.arrayContaining([
        ['unitCode', 'unit-unknown', 1],
        ['identityNumber', 'identity-number-scientific', 1],
        ['identityNumber', 'cell-missing', 1],
        ['*', 'row-duplicate', 1],
      ]),
    );
    expect(await flow.importStatus(planned.id)).toMatchObject({
      state: 'planned',
      rows: 7,
      accepted: 3,
      rejected: 4,
      fileName: 'danh sách.csv',
      actor: 'officer.a',
      planHash: planned.planHash,
    });
    expect(await people()).toEqual([]);
  });

  test('has the same hash for the same file over the same state, and another once the state or a cell differs', async () => {
    const file = peopleFile(lines(5));
    const first = await plan(file);
    expect((await plan(file)).planHash).toBe(first.planHash);
    expect((await plan(file.replace('HN-01', 'HN-02'))).planHash).not.toBe(first.planHash);
    await pool.query(`insert into door.person select gen_random_uuid(), '001080000003', 'Người Khác', 'HN-01', gen_random_uuid()`);
    expect((await plan(file)).planHash).not.toBe(first.planHash);
  });

  test('finds duplicates across chunks, and names the first row', async () => {
    const planned = await plan(peopleFile([...lines(4_500), personLine(1, { name: 'Kẻ Trùng' })]));
    expect(planned).toMatchObject({ rows: 4_501, accepted: 4_500, rejected: 1 });
    expect(await rejectedFile(planned.id)).toContain('Trùng với dòng 2 của tệp.');
    expect((await pool.query('select 1 from imports.row_key')).rowCount).toBe(0);
  });

  test('of a file that arrived cut off is refused, and nothing staged remains', async () => {
    let judged = 0;
    mood.judging = (rows) => void (judged += rows);
    const cut = async function* (): AsyncGenerator<Uint8Array> {
      yield* sliced(peopleFile(lines(9_000)));
      await eventually(() => expect(judged).toBeGreaterThan(4_000));
      throw new Error('aborted');
    };
    expect(await upload(cut())).toEqual({ ok: false, code: 'upload-incomplete', params: {} });
    expect((await pool.query<{ state: string }>('select state from imports.import')).rows).toEqual([{ state: 'refused' }]);
    expect((await pool.query('select 1 from imports.staged_row')).rowCount).toBe(0);
  });

  test('of a file longer than the door lets through is refused', async () => {
    const truncated = Object.assign(sliced(peopleFile(lines(2))), { truncated: true });
    expect(await upload(truncated)).toMatchObject({ ok: false, code: 'file-too-large' });
  });

  test('of a file that breaks off being CSV in its middle is refused with the row, and nothing staged remains', async () => {
    expect(await upload(sliced(peopleFile([...lines(4_000), '"x"y,1,2,3'])))).toEqual({ ok: false, code: 'quote-broken', params: { row: 4_002 } });
    expect((await pool.query('select 1 from imports.staged_row')).rowCount).toBe(0);
  });

  test('takes in the whole upload also where it is refused at once: many clients show no answer before', async () => {
    let sent = 0;
    const workbook = async function* (): AsyncGenerator<Uint8Array> {
      for (; sent < 200; sent += 1) yield Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(60_000)]);
    };
    expect(await upload(workbook())).toMatchObject({ ok: false, code: 'file-is-workbook' });
    expect(sent).toBe(200);
  });

  test('that failed inside is refused too, and the error reaches the door', async () => {
    mood.judging = () => {
      throw new Error('a bug');
    };
    await expect(upload(sliced(peopleFile(lines(2))))).rejects.toThrow('a bug');
    expect((await pool.query<{ problem: unknown }>('select problem from imports.import')).rows).toEqual([
      { problem: { code: 'import-unreadable', params: {} } },
    ]);
  });

  test('by a module that exports another layout is refused as a failure of ours', async () => {
    const kind = { ...peopleDoor(mood), layout: { ...layout, version: 2 } };
    const newer = createImportFlow({ pool, kinds: [kind], people: nobody, wake: () => undefined });
    const request = {
      id: uuidv7(),
      kind: 'people',
      upload: sliced(peopleFile(lines(2))),
      fileName: 'f.csv',
      actor: 'officer.a',
      unitId: null,
      context: {},
    };
    await expect(newer.planUpload(request)).rejects.toThrow('people@2');
    expect(await newer.importStatus(request.id)).toMatchObject({ state: 'refused', problem: { code: 'import-unreadable' } });
  });

  test('waits its turn where as many files are being read as there is room for', async () => {
    let go: (() => void) | undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      await waiting;
      yield* sliced(peopleFile(lines(2)));
    };
    const running = Array.from({ length: uploadsAtOnce }, () => upload(slow()));
    expect(await upload(sliced(peopleFile(lines(2))))).toEqual({ ok: false, code: 'uploads-busy', params: {}, retryAfterSeconds: 60 });
    go?.();
    expect((await Promise.all(running)).map((answer) => answer.ok)).toEqual([true, true]);
  });

  test('whose process was killed is refused by those who live', async () => {
    const { id } = await plan(peopleFile(lines(2)));
    await pool.query(`update imports.import set state = 'planning', heartbeat_at = clock_timestamp() - interval '61 s'`);
    runner.wake();
    expect((await reach(id, 'refused'))?.problem?.code).toBe('upload-incomplete');
    await eventually(async () => expect((await pool.query('select 1 from imports.staged_row')).rowCount).toBe(0));
  });
});

describe('a commit', () => {
  test('does exactly the plan, with ids that follow from file and row', async () => {
    const planned = await plan(peopleFile(mixed));
    expect(await commit(planned)).toMatchObject({ done: 3, total: 3, committedBy: 'approver.a' });
    const { rows } = await pool.query<{ file_hash: string }>('select file_hash from imports.import');
    expect((await people()).map((person) => person.id)).toEqual([2, 3, 4].map((rowNo) => rowId(rows[0]?.file_hash ?? '', rowNo)));
    expect(await effects()).toEqual([{ what: 'registered', n: 3 }]);
  });

  test('is refused under another hash, and for what is no finished plan', async () => {
    const { id, planHash } = await plan(peopleFile(lines(3)));
    expect(await flow.startCommit({ ...step(id), planHash: '0'.repeat(64) })).toMatchObject({ ok: false, code: 'plan-hash-mismatch' });
    expect(await flow.startCommit({ ...step(uuidv7()), planHash })).toMatchObject({ ok: false, code: 'not-found' });
    expect(await flow.startRevoke(step(id))).toEqual({ ok: false, code: 'import-not-committed', params: { state: 'planned' } });
    expect(await people()).toEqual([]);
  });

  test('is refused where the plan was read by an older layout', async () => {
    const { id, planHash } = await plan(peopleFile(lines(3)));
    const newer = createImportFlow({
      pool,
      kinds: [{ ...peopleDoor(mood), layout: { ...layout, version: 2 } }],
      people: nobody,
      wake: () => undefined,
    });
    expect(await newer.startCommit({ ...step(id), planHash })).toEqual({
      ok: false,
      code: 'plan-outdated',
      params: { was: 'people@1', now: 'people@2' },
    });
  });

  test('asked for twice is done once', async () => {
    const planned = await plan(peopleFile(lines(2_500)));
    await Promise.all([1, 2, 3].map(() => flow.startCommit({ ...step(planned.id), planHash: planned.planHash })));
    await commit(planned);
    expect(await effects()).toEqual([{ what: 'registered', n: 2_500 }]);
  });

  test('of the same file again changes nothing', async () => {
    const file = peopleFile(lines(2_500));
    await commit(await plan(file));
    const again = await plan(file);
    expect(again).toMatchObject({ rows: 2_500, accepted: 0, rejected: 0, unchanged: 2_500 });
    await commit(again);
    expect(await effects()).toEqual([{ what: 'registered', n: 2_500 }]);
  });

  test('counts a row as unchanged where another import came first, and does not revoke it later', async () => {
    const [one, two] = [await plan(peopleFile(lines(5))), await plan(peopleFile(lines(8)))];
    await commit(one);
    expect(await commit(two)).toMatchObject({ accepted: 3, unchanged: 5, done: 8, total: 8 });
    await flow.startRevoke(step(two.id));
    expect(await reach(two.id, 'revoked')).toMatchObject({ done: 3, total: 3 });
    expect((await people()).length).toBe(5);
  });
});

describe('rejected rows', () => {
  test('come back in their layout with column, rule and mend, and are accepted once mended', async () => {
    const planned = await plan(`DANH SÁCH\n${peopleFile(mixed)}`);
    await commit(planned);
    const file = await rejectedFile(planned.id);
    expect(file.split('\r\n').slice(0, 2)).toEqual([
      '\uFEFFHọ và tên,Số định danh,Ngày sinh,Đơn vị,lỗi_cột,lỗi_quy_tắc,cách_sửa',
      `${personLine(4, { unit: 'NOWHERE' })},Đơn vị,Không có đơn vị này. / No such unit.,Ghi mã đơn vị có thật. / Write the code of a unit that exists.`,
    ]);
    expect(file).toContain("\n'=HYPERLINK(1),,");
    const same = await plan(file);
    expect(same).toMatchObject({ rows: 4, accepted: 1, rejected: 3 });
    const mended = file.replace('NOWHERE', 'HN-01').replace('1.23E+11', '001080000005').replace("'=HYPERLINK(1),", 'Nguyễn Văn 6,001080000006');
    const again = await plan(mended);
    expect(again).toMatchObject({ rows: 4, accepted: 4, rejected: 0 });
    await commit(again);
    expect((await people()).map((person) => person.full_name)).toEqual(['1', '2', '3', '4', '5', '6'].map((n) => `Nguyễn Văn ${n}`));
  });

  test('of a plan under way or refused are not to be had', async () => {
    const { id } = await plan(peopleFile(mixed));
    await pool.query(`update imports.import set state = 'planning'`);
    expect(await flow.rejected(id)).toMatchObject({ ok: false, code: 'import-not-read' });
    expect(await flow.rejected(uuidv7())).toMatchObject({ ok: false, code: 'not-found' });
  });
});

test('every refusal has its text in both languages', () => {
  for (const { vi, en, status } of Object.values(importRefusals)) {
    expect(vi.length).toBeGreaterThan(10);
    expect(en.length).toBeGreaterThan(10);
    expect(status).toBeGreaterThanOrEqual(400);
  }
});

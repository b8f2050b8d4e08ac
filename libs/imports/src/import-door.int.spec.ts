import { unitSucceeded } from '@khue/contracts/events/registry';
import { importRoutes } from '@khue/contracts/http/imports';
import type { Route } from '@khue/contracts/http/route';
import { commonProblems } from '@khue/contracts/problems';
import { service } from '@khue/host/service';
import { toldCity } from '@khue/testing/city';
import { eventually } from '@khue/testing/eventually';
import { bareHome } from '@khue/testing/home';
import { testService, type TestService } from '@khue/testing/service';
import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nobodysDoor, peopleFile, personLine } from './door.fixture.ts';
import { openImports } from './import-door.ts';

const api = '/api/quota/v1';
const routes = importRoutes({ api, of: 'Test', callers: ['officer', 'board'], summary: { vi: 'Nhập thử', en: 'Test import' } });
const uploads = '9f4a1f3e-7d5b-4f0e-9a53-3c1d2b6e8f70';
const ownWords = { status: 422, vi: 'Tệp không có gì.', en: 'Nothing is in the file.' };

const createService = service('quota', { home: bareHome(), problems: { 'file-empty': ownWords }, produces: [] }, (host) =>
  openImports(host, { routes, kinds: [nobodysDoor], uploads }),
);

// d1 with c1 and c2, "ending", which c2 will continue, and "gone", which was split between c1 and c2.
const city = toldCity();
const succeeded = (name: string, ...by: string[]) =>
  city.told(unitSucceeded, city.id(name), {
    unitId: city.id(name),
    successors: by.map((to) => ({ unitId: city.id(to), sharePercent: null })),
    on: '2025-07-01',
    documentNo: null,
    sample: true,
  });
let door: TestService;
beforeAll(async () => {
  door = await testService('quota', createService);
  await door.publish([
    city.unit('city', null),
    city.unit('d1', 'city'),
    city.unit('c1', 'd1'),
    city.unit('c2', 'd1'),
    city.unit('ending', 'd1'),
    city.unit('gone', 'd1'),
    succeeded('gone', 'c1', 'c2'),
    city.grant('board', 'board', 'city'),
    city.grant('officer.c1', 'officer', 'c1'),
    city.grant('officer.c2', 'officer', 'c2'),
    // Who reads everything is still no officer of it.
    city.grant('officer.c2', 'reader', 'city'),
    city.grant('officer.ending', 'officer', 'ending'),
    city.grant('officer.gone', 'officer', 'gone'),
    city.grant('moved', 'officer', 'gone'),
    city.grant('moved', 'officer', 'c1'),
    city.grant('reader', 'reader', 'city'),
  ]);
});
afterAll(() => door.stop());

/** What a route answered, in its published shape and with a refusal it announces. */
const answered = (route: Route, { statusCode: status, body: text, headers }: Awaited<ReturnType<TestService['call']>>) => {
  const isJson = String(headers['content-type']).includes('json');
  const body: any = isJson ? JSON.parse(text) : text;
  if (status >= 400) expect([...(route.problems ?? []), ...Object.keys(commonProblems)]).toContain(body.code);
  else if (typeof route.answer !== 'string') expect(route.answer.parse(body)).toEqual(body);
  return { status, body };
};
const upload = async (sub: string, file: string, { unit = '', key = uuidv7() as string, name = 'danh sách.csv' } = {}) => {
  const boundary = 'the-boundary-of-this-upload';
  return answered(
    routes.planImport,
    await door.service.http.inject({
      method: 'POST',
      url: `${api}/imports?mode=plan${unit && `&unitId=${city.id(unit)}`}`,
      payload: `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: text/csv\r\n\r\n${file}\r\n--${boundary}--\r\n`,
      headers: {
        authorization: `Bearer ${await door.issuer.token(sub)}`,
        'idempotency-key': key,
        'content-type': `multipart/form-data; boundary=${boundary}`,
      },
    }),
  );
};
const planned = async (sub: string, lines: readonly string[], more = {}): Promise<any> => {
  const { status, body } = await upload(sub, peopleFile(lines), more);
  expect(status).toBe(201);
  return body;
};
const commit = async (sub: string, id: string, planHash: string) =>
  answered(routes.commitImport, await door.call(sub, 'POST', `${api}/imports/${id}/commit`, { planHash }));
const revoke = async (sub: string, id: string) => answered(routes.revokeImport, await door.call(sub, 'POST', `${api}/imports/${id}/revoke`));
const read = async (sub: string, id: string) => answered(routes.readImport, await door.call(sub, 'GET', `${api}/imports/${id}`));
const rejected = async (sub: string, id: string) => answered(routes.readRejected, await door.call(sub, 'GET', `${api}/imports/${id}/rejected`));
const list = async (sub: string, query = '') => answered(routes.listImports, await door.call(sub, 'GET', `${api}/imports${query}`));
const reach = (sub: string, id: string, state: string) => eventually(async () => expect((await read(sub, id)).body).toMatchObject({ state }));

describe('an import', () => {
  test('is planned, committed, looked at and taken back', async () => {
    const { id, planHash, ...plan } = await planned('officer.c1', [personLine(1), personLine(2, { unit: 'NOWHERE' })]);
    expect(plan).toMatchObject({ rows: 2, accepted: 1, rejected: 1, findings: [{ kind: 'error', code: 'unit-unknown' }] });
    expect((await rejected('officer.c1', id)).body).toContain('NOWHERE');
    expect(await commit('officer.c1', id, '0'.repeat(64))).toMatchObject({
      status: 409,
      body: { code: 'plan-hash-mismatch', detail: { vi: expect.stringContaining('planHash') } },
    });
    expect((await commit('officer.c1', id, planHash)).status).toBe(202);
    await reach('officer.c1', id, 'done');
    expect((await read('officer.c1', id)).body).toMatchObject({
      done: 1,
      total: 1,
      actor: 'officer.c1',
      committedBy: 'officer.c1',
      unitId: city.id('c1'),
    });
    expect((await revoke('officer.c1', id)).status).toBe(202);
    await reach('officer.c1', id, 'revoked');
  });

  test('says which grant, request and person its rows follow from', async () => {
    const { id, planHash } = await planned('officer.c1', [personLine(3)]);
    await commit('board', id, planHash);
    await reach('board', id, 'done');
    const { rows } = await door.service.pool.query<{ context: object }>('select context from imports.import where id = $1', [id]);
    expect(rows).toEqual([{ context: { grantId: city.id('board board city'), correlationId: expect.stringMatching(/^[\da-f-]{36}$/) } }]);
  });

  test('of a file that is no CSV is refused whole, in the words of the door unless the service has its own', async () => {
    expect(await upload('officer.c1', '%PDF-1.7\n')).toMatchObject({ status: 415, body: { code: 'file-is-pdf' } });
    expect(await upload('officer.c1', '')).toMatchObject({ status: 422, body: { code: 'file-empty', detail: { vi: ownWords.vi } } });
  });
});

describe('an upload under a key', () => {
  const file = peopleFile([personLine(1)]);

  test('has an id that follows from account and key, and sent again is the same import', async () => {
    const key = uuidv7();
    const first = await upload('officer.c1', file, { key });
    expect(first.body.id).toBe(uuidv5(JSON.stringify(['officer.c1', key]), uploads));
    expect(await upload('officer.c1', file, { key })).toEqual(first);
    expect((await upload('officer.c2', file, { key })).body.id).not.toBe(first.body.id);
  });

  test('of another file is refused, whatever became of that one', async () => {
    const key = uuidv7();
    const first = await upload('officer.c1', file, { key });
    expect(await upload('officer.c1', file.replace('1980', '1981'), { key })).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
    expect(await upload('officer.c1', file, { key })).toEqual(first);
    const refused = uuidv7();
    for (const _ of ['first', 'again']) expect((await upload('officer.c1', '%PDF-1.7\n', { key: refused })).body.code).toBe('file-is-pdf');
    expect(await upload('officer.c1', file, { key: refused })).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
  });
});

describe('an import stands at a unit', () => {
  test('that of the first grant whose unit exists, or the one named', async () => {
    expect((await read('moved', (await planned('moved', [personLine(1)])).id)).body.unitId).toBe(city.id('c1'));
    expect((await read('board', (await planned('board', [personLine(1)], { unit: 'c2' })).id)).body.unitId).toBe(city.id('c2'));
  });

  test('within the caller’s scope: another one is readable, so it is out of scope, and one nobody has heard of may be on its way', async () => {
    expect(await upload('officer.c1', 'x', { unit: 'c2' })).toMatchObject({ status: 403, body: { code: 'out-of-scope' } });
    expect(await upload('officer.gone', 'x')).toMatchObject({ status: 403, body: { code: 'out-of-scope' } });
    expect(await upload('board', 'x', { unit: 'never told' })).toMatchObject({ status: 409, body: { code: 'unit-not-known-yet' } });
    expect(await upload('reader', 'x')).toMatchObject({ status: 403, body: { code: 'role-missing' } });
  });

  test('and does not exist for those who are not over it', async () => {
    const { id, planHash } = await planned('officer.c1', [personLine(1)]);
    for (const answer of [
      await read('officer.c2', id),
      await rejected('officer.c2', id),
      await commit('officer.c2', id, planHash),
      await revoke('officer.c2', id),
      await read('board', uuidv7()),
    ])
      expect(answer).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(await read('reader', id)).toMatchObject({ status: 403, body: { code: 'role-missing' } });
    expect((await read('board', id)).body).toMatchObject({ id, state: 'planned' });
  });

  test('and goes with it: who continues the unit commits it and takes it back', async () => {
    const { id, planHash } = await planned('officer.ending', [personLine(1)]);
    await door.publish([succeeded('ending', 'c2')]);
    expect(await read('officer.ending', id)).toMatchObject({ status: 404 });
    expect(await commit('officer.c2', id, planHash)).toMatchObject({ status: 202 });
    await reach('officer.c2', id, 'done');
    expect(await revoke('board', id)).toMatchObject({ status: 202 });
    await reach('board', id, 'revoked');
  });

  test('and is listed to those over it, newest first and page by page', async () => {
    const ids: string[] = [];
    for (const n of [1, 2, 3]) ids.unshift((await planned('officer.c2', [personLine(n)])).id);
    const seen: string[] = [];
    let cursor: string | null = '';
    for (let page = 0; page < 2; page += 1) {
      const { body } = await list('officer.c2', `?limit=2${cursor && `&cursor=${cursor}`}`);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      cursor = body.next;
    }
    expect(seen.slice(0, 3)).toEqual(ids);
    expect((await list('officer.c1')).body.items.map(({ unitId }: { unitId: string }) => unitId)).not.toContain(city.id('c2'));
    expect((await list('board')).body.items.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(ids));
    for (const wrong of ['x', Buffer.from('["yesterday","1"]').toString('base64url')])
      expect(await list('board', `?cursor=${wrong}`)).toMatchObject({ status: 400, body: { code: 'cursor-invalid' } });
  });
});

import { randomUUID } from 'node:crypto';
import { eventually } from '@khue/testing/eventually';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAsPublished, openCity, type City } from '../city.fixture.ts';

let city: City;
beforeAll(async () => {
  city = await openCity();
  await city.unit('past', 'd1');
  await city.done('board', 'POST', `/units/${city.units.past}/dissolve`, { on: '2025-07-01', documentNo: '1-NQ' });
});
afterAll(() => city.stop());

const upload = async (sub: string, csv: string, { query = '', key = randomUUID() as string } = {}) => {
  const boundary = 'the-boundary-of-this-upload';
  const payload = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="danh sách.csv"\r\ncontent-type: text/csv\r\n\r\n${csv}\r\n--${boundary}--\r\n`;
  const answer = await city.registry.service.http.inject({
    method: 'POST',
    url: `/api/registry/v1/imports?mode=plan${query}`,
    payload,
    headers: {
      authorization: `Bearer ${await city.registry.issuer.token(sub)}`,
      'idempotency-key': key,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    },
  });
  const told = { status: answer.statusCode, body: answer.json() };
  expectAsPublished('POST', '/imports', told);
  return told;
};
const finished = (sub: string, id: string, state: string) =>
  eventually(async () => {
    const { body } = await city.done(sub, 'GET', `/imports/${id}`);
    expect(body).toMatchObject({ state });
    return body;
  });
const committed = async (sub: string, { id, planHash }: { id: string; planHash: string }) => {
  expect(await city.ask(sub, 'POST', `/imports/${id}/commit`, { planHash })).toMatchObject({ status: 202 });
  return finished(sub, id, 'done');
};
const revoked = async (sub: string, id: string) => {
  expect(await city.ask(sub, 'POST', `/imports/${id}/revoke`)).toMatchObject({ status: 202 });
  return finished(sub, id, 'revoked');
};
const on = (unit: string) =>
  city.sql<{ name: string; identity_number: string | null; facts: object; version: number }>(
    'select * from registry.people where unit_id = $1 order by name',
    [city.units[unit]],
  );

describe('a list of people', () => {
  test('is planned, committed as planned, and sent again changes nothing', async () => {
    const csv =
      'DANH SÁCH CÁN BỘ;;;;;;;\r\nSTT;Họ và tên;Số CCCD;Ngày sinh;Giới tính;Mã đơn vị;Chức vụ;Đảng viên\r\n' +
      `1;${'Nguyễn Thị Hồng'.normalize('NFD')};001180000101;5/9/1980;Nữ;c11;Phó trưởng phòng;Chính thức\r\n2;Trần Văn  Nam;;1979;Nam;c11;Chuyên viên;\r\n`;
    const plan = await upload('officer.a', csv);
    expect(plan).toMatchObject({
      status: 201,
      body: { rows: 2, accepted: 2, rejected: 0, unchanged: 0, findings: [{ kind: 'warning', column: 'post', code: 'post-unknown' }] },
    });
    expect(await on('c11')).toEqual([]);
    expect(await committed('officer.a', plan.body)).toMatchObject({ done: 2, total: 2, committedBy: 'officer.a', unitId: city.units.c11 });
    expect(await on('c11')).toMatchObject([
      {
        name: 'Nguyễn Thị Hồng',
        identity_number: '001180000101',
        birth: '1980-09-05',
        facts: { post: { code: 'division-deputy-head' }, party: { status: 'full' } },
        version: 1,
      },
      { name: 'Trần Văn Nam', identity_number: null, birth: '1979', facts: {} },
    ]);
    expect((await city.told('people')).map(({ type, sequence, data }) => [type, sequence, data.name])).toEqual([
      ['registry.person-card', 1, 'Nguyễn Thị Hồng'],
      ['registry.person-card', 1, 'Trần Văn Nam'],
    ]);

    const again = await upload('officer.a', csv);
    expect(again.body).toMatchObject({ rows: 2, accepted: 0, unchanged: 2 });
    await committed('officer.a', again.body);
    expect(await city.told('people')).toHaveLength(2);
    expect(await city.sql(`select actor, after from messaging.audit where command = 'ImportPeople'`)).toEqual([
      { actor: 'officer.a', after: { people: 2, refused: 0 } },
    ]);
  });

  test('is judged row by row: each refusal names column, rule and mend, and the rest goes in', async () => {
    await city.done('board', 'POST', '/people', { name: 'Đã Có Nơi Khác', identityNumber: '001080000201', birth: '1980', unitId: city.units.c21 });
    await city.done('board', 'POST', '/people', { name: 'Đã Có Tại Đây', identityNumber: '001080000202', birth: '1980', unitId: city.units.c12 });
    const csv = [
      'Identity number,Full name,Date of birth,Unit code,Degree',
      '001080000203,Người Mới,1980,c12,Thạc sỹ',
      '001080000203,Trùng Trong Tệp,1980,c12,',
      '001080000201,Ở Nơi Khác,1980,c12,',
      '001080000202,Tên Đã Đổi,1980,c12,',
      '001080000202,Đã Có Tại Đây,1980,c12,',
      '1080000204,Mất Số Không,1980,c12,',
      '1.0808E+11,Mất Hẳn,1980,c12,',
      ',Không Rõ Là Ai,,c12,',
      '001080000205,Ngoài Phạm Vi,1980,c11,',
      '001080000206,Đơn Vị Lạ,1980,zzz,',
      '001080000207,=cmd(),19/13/1980,c12,Giáo sư',
      '',
    ].join('\n');
    const plan = await upload('officer.b', csv);
    expect(plan.body).toMatchObject({ rows: 11, accepted: 1, rejected: 9, unchanged: 1 });
    const file = (await city.done('officer.b', 'GET', `/imports/${plan.body.id}/rejected`)).body as string;
    const rules = [
      'Trùng với dòng 2',
      'ở đơn vị c21',
      'với nội dung khác',
      'bỏ số 0',
      'E+11',
      'Thiếu cả số định danh',
      'ngoài phạm vi',
      'mang mã này',
      'không có trong lịch',
    ];
    const lines = file.trim().split('\r\n').slice(1);
    expect(lines).toHaveLength(9);
    rules.forEach((rule, place) => expect(lines[place]).toContain(rule));
    expect(file).toContain("'=cmd()");
    await committed('officer.b', plan.body);
    expect((await on('c12')).map(({ name }) => name)).toEqual(['Người Mới', 'Đã Có Tại Đây']);
    const mended = await upload('officer.b', file.replace('1080000204', '001080000204'));
    expect(mended.body).toMatchObject({ rows: 9, accepted: 1, rejected: 8 });
  });

  test('of the past belongs to units of its time, where the board brings it', async () => {
    const csv = 'Họ và tên,Năm sinh,Mã đơn vị\nNgười Của Huyện Cũ,1960,past\n';
    expect((await upload('officer.a', csv)).body).toMatchObject({ accepted: 0, rejected: 1 });
    await committed('board', (await upload('board', csv)).body);
    expect(await on('past')).toMatchObject([{ name: 'Người Của Huyện Cũ' }]);
  });

  test('meets a world that has moved on since the plan: the row is refused by the rule of today', async () => {
    const plan = (await upload('board', 'Số định danh,Họ và tên,Mã đơn vị\n001080000301,Đến Sau,c21\n001080000302,Vẫn Vào,c21\n')).body;
    await city.done('board', 'POST', '/people', { name: 'Đến Trước', identityNumber: '001080000301', unitId: city.units.c21 });
    expect(await committed('board', plan)).toMatchObject({ accepted: 1, rejected: 1 });
    expect((await city.done('board', 'GET', `/imports/${plan.id}/rejected`)).body).toContain('đã có trong hồ sơ');
  });

  test('is seen and handled only by those over its unit, with the hash of its plan', async () => {
    const plan = (await upload('officer.a', 'Họ và tên,Năm sinh,Mã đơn vị\nRiêng Tư,1970,c11\n')).body;
    for (const path of [`/imports/${plan.id}`, `/imports/${plan.id}/rejected`])
      expect(await city.ask('officer.b', 'GET', path)).toMatchObject({ status: 404 });
    expect(await city.ask('officer.b', 'POST', `/imports/${plan.id}/commit`, { planHash: plan.planHash })).toMatchObject({ status: 404 });
    expect(await city.ask('reader', 'GET', `/imports/${plan.id}`)).toMatchObject({ status: 403 });
    expect(await city.ask('officer.a', 'POST', `/imports/${plan.id}/commit`, { planHash: '0'.repeat(64) })).toMatchObject({
      status: 409,
      body: { code: 'plan-hash-mismatch' },
    });
    expect(await upload('officer.a', 'x', { query: `&unitId=${city.units.c12}` })).toMatchObject({ status: 403, body: { code: 'out-of-scope' } });
    expect((await city.done('officer.a', 'GET', '/imports?limit=1')).body).toMatchObject({
      items: [{ id: plan.id, state: 'planned' }],
      next: expect.any(String),
    });
    expect((await city.done('board', 'GET', '/imports')).body.items.map(({ id }: { id: string }) => id)).toContain(plan.id);
  });

  test('that is no CSV is refused whole, with the reason', async () => {
    expect(await upload('officer.a', 'PK\u0003\u0004 a workbook')).toMatchObject({ status: 415, body: { code: 'file-is-workbook' } });
    expect(await upload('officer.a', 'Họ và tên,Ngày sinh\nAi Đó,1980\n')).toMatchObject({
      status: 422,
      body: { code: 'column-missing', detail: { vi: expect.stringContaining('Mã đơn vị') } },
    });
  });
});

describe('a revoked import', () => {
  test('takes back whom it brought and nobody has touched; the same file brings them again, under the same ids', async () => {
    const csv = 'Số định danh,Họ và tên,Năm sinh,Mã đơn vị\n001080000401,Sẽ Đi,1980,d2\n001080000402,Sẽ Ở Lại,1980,d2\n';
    const plan = (await upload('board', csv)).body;
    await committed('board', plan);
    const stays = (await city.done('board', 'GET', `/people?unitId=${city.units.d2}&q=se%20o%20lai`)).body.items[0];
    await city.done('board', 'PATCH', `/people/${stays.id}`, { sex: 'male' }, { 'if-match': '"1"' });
    await revoked('board', plan.id);
    expect((await on('d2')).map(({ name }) => name)).toEqual(['Sẽ Ở Lại']);

    const again = (await upload('board', csv)).body;
    expect(again).toMatchObject({ accepted: 1, unchanged: 1 });
    await committed('board', again);
    const cards = (await city.told('people')).filter(({ data }) => data.name === 'Sẽ Đi');
    expect(cards.map(({ sequence }) => sequence)).toEqual([1, 3]);
    expect(new Set(cards.map(({ subject }) => subject)).size).toBe(1);
    const [erased] = (await city.told('people')).filter(({ type }) => type === 'registry.person-erased');
    expect(erased).toMatchObject({ subject: cards[0]?.subject, sequence: 2 });
  });
});

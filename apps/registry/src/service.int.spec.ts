import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCity, openRegistry, type City } from './city.fixture.ts';

const document = { documentNo: '1656/NQ-UBTVQH15' };
const nowhere = '00000000-0000-7000-8000-000000000000';

describe('an empty registry', () => {
  let city: City;
  beforeAll(async () => {
    city = await openRegistry();
  });
  afterAll(() => city.stop());

  test('is founded by the named account alone, until the first grant', async () => {
    const root = { code: 'city', kind: 'city', name: 'Thành phố', parentId: null, from: '2008-08-01' };
    expect(await city.ask('somebody', 'POST', '/units', root)).toMatchObject({ status: 403, body: { code: 'role-missing' } });
    await city.unit('city', null);
    await city.unit('d1', 'city');
    await city.done('board', 'POST', '/documents', { number: '15/2008/QH12', issuer: 'Quốc hội', issuedOn: '2008-05-29', governs: 'organization' });
    const officer = { sub: 'officer', role: 'officer', unitId: city.units.d1, validFrom: '2020-01-01', documentNo: '1-QĐ/TU' };
    expect(await city.ask('board', 'POST', '/grants', officer)).toMatchObject({ status: 409, body: { code: 'first-grant-is-board' } });
    await city.grant('chief', 'board', 'city');
    expect(await city.ask('board', 'POST', '/grants', officer)).toMatchObject({ status: 403, body: { code: 'role-missing' } });
    expect(await city.ask('chief', 'POST', '/grants', officer)).toMatchObject({ status: 201, etag: '"1"' });
  });
});

describe('a registry', () => {
  let city: City;
  beforeAll(async () => {
    city = await openCity();
  });
  afterAll(() => city.stop());

  test('shows units in the structure of a date, page by page, found without diacritics', async () => {
    await city.unit('tho', 'd2', { name: 'Phường Thọ Xương', from: '2020-01-01' });
    await city.done('board', 'POST', `/units/${city.units.tho}/move`, { parentId: city.units.d1, on: '2022-01-01', ...document });
    const on = async (date: string) =>
      (await city.done('reader', 'GET', `/units?on=${date}&q=tho%20x%C6%B0%C6%A1ng`)).body.items.map((unit: { parentId: string }) => unit.parentId);
    expect([await on('2019-12-31'), await on('2020-01-01'), await on('2022-01-01')]).toEqual([[], [city.units.d2], [city.units.d1]]);
    const first = (await city.done('reader', 'GET', '/units?limit=4')).body;
    const second = (await city.done('reader', 'GET', `/units?limit=4&cursor=${first.next}`)).body;
    expect([...first.items, ...second.items].map((unit: { code: string }) => unit.code)).toEqual(['c11', 'c12', 'c21', 'city', 'd1', 'd2', 'tho']);
    expect(second.next).toBeNull();
    expect(await city.done('reader', 'GET', `/units/${city.units.tho}`)).toMatchObject({
      etag: '"2"',
      body: {
        version: 2,
        parents: [
          { parentId: city.units.d2, to: '2022-01-01' },
          { parentId: city.units.d1, to: null },
        ],
      },
    });
    expect((await city.done('reader', 'GET', `/units?parentId=${city.units.d2}`)).body.items).toMatchObject([{ code: 'c21' }]);
    for (const cursor of ['x', Buffer.from('[1]').toString('base64url'), Buffer.from('["\\u0000"]').toString('base64url')]) {
      expect(await city.ask('reader', 'GET', `/units?cursor=${cursor}`)).toMatchObject({ status: 400, body: { code: 'cursor-invalid' } });
    }
  });

  test('refuses with the field and both languages, and takes no member that is not asked for', async () => {
    const unit = { code: 'c11', kind: 'ward', name: 'Trùng mã', parentId: city.units.d1, from: '2020-01-01' };
    expect(await city.ask('board', 'POST', '/units', unit)).toMatchObject({
      status: 409,
      body: { code: 'unit-code-taken', errors: [{ field: 'code', vi: expect.stringContaining('Mã đơn vị'), en: expect.any(String) }] },
    });
    expect(await city.ask('board', 'POST', '/units', { ...unit, code: 'new', version: 3 })).toMatchObject({
      status: 400,
      body: { code: 'body-invalid', errors: [{ field: 'version', code: 'member-not-accepted' }] },
    });
    expect(await city.ask('board', 'POST', '/units', { ...unit, code: 'new', from: '2020-02-30' })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'from', code: 'date-invalid' }] },
    });
    expect(await city.ask('board', 'POST', `/units/${nowhere}/dissolve`, { on: '2026-01-01', ...document })).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    });
    expect(await city.ask('officer.a', 'POST', '/units', { ...unit, code: 'new' })).toMatchObject({ status: 403, body: { code: 'role-missing' } });
  });

  test('registers a unit once under one key, also when the answer was lost', async () => {
    const body = { code: 'once', kind: 'ward', name: 'Một lần', parentId: city.units.d2, from: '2020-01-01' };
    const key = { 'idempotency-key': 'unit-once' };
    const [first, again] = [await city.done('board', 'POST', '/units', body, key), await city.done('board', 'POST', '/units', body, key)];
    expect(again).toEqual(first);
    expect(await city.ask('board', 'POST', '/units', { ...body, code: 'twice' }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
  });

  test('lets many commands at once see each other: of two units with one code one is registered', async () => {
    const body = (place: number) => ({
      code: place < 2 ? 'same' : `many-${place}`,
      kind: 'ward',
      name: `Nhiều ${place}`,
      parentId: city.units.d2,
      from: '2020-01-01',
    });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, place) => city.ask('board', 'POST', '/units', body(place))));
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(39).fill(201), 409]);
  });

  test('a grant counts from the answer on, and its revocation too', async () => {
    const person = (unit: string) => ({ name: 'Người Thử Quyền', birth: '1980', unitId: city.units[unit] });
    expect(await city.ask('officer.new', 'POST', '/people', person('c21'))).toMatchObject({ status: 403, body: { code: 'role-missing' } });
    const grantId = await city.grant('officer.new', 'officer', 'd2');
    expect(await city.ask('officer.new', 'POST', '/people', person('c21'))).toMatchObject({ status: 201 });
    expect(await city.ask('officer.new', 'POST', '/people', person('c11'))).toMatchObject({ status: 403, body: { code: 'out-of-scope' } });
    expect((await city.done('officer.new', 'GET', '/me')).body).toMatchObject({
      sub: 'officer.new',
      grants: [{ id: grantId, role: 'officer', unitId: city.units.d2 }],
    });
    await city.done('board', 'POST', `/grants/${grantId}/revoke`, { documentNo: '2-QĐ/TU', reason: 'chuyển công tác' });
    expect(await city.ask('officer.new', 'POST', '/people', person('c21'))).toMatchObject({ status: 403, body: { code: 'role-missing' } });
    expect((await city.done('board', 'GET', '/grants?sub=officer.new')).body.items).toMatchObject([
      { id: grantId, revokedOn: expect.any(String), version: 2 },
    ]);
    expect(await city.ask('officer.a', 'GET', '/grants')).toMatchObject({ status: 403 });
    // A board elsewhere, to whom it is not listed, hears what they would hear of none.
    const hidden = await city.grant('officer.other', 'officer', 'd1');
    await city.grant('board.d2', 'board', 'd2');
    const answers = await Promise.all([hidden, nowhere].map((id) => city.ask('board.d2', 'POST', `/grants/${id}/revoke`, { documentNo: '3-QĐ/TU' })));
    expect(answers[0]).toMatchObject({ status: 404, body: { code: 'not-found' } });
    const [unseen, none] = answers.map((told) => ({ ...told, body: { ...told.body, correlationId: '' } }));
    expect(unseen).toEqual(none);
    const audit = await city.sql('select actor, command, reason, before, after from messaging.audit where subject = $1 order by id', [grantId]);
    expect(audit).toMatchObject([
      { actor: 'board', command: 'IssueGrant', before: null },
      { command: 'RevokeGrant', reason: 'chuyển công tác', before: { revokedOn: null }, after: { revokedBy: '2-QĐ/TU' } },
    ]);
  });

  test('records a number of an issuer once, and lists the newest first', async () => {
    const recorded = {
      number: '57-QĐ/TW',
      issuer: 'Bộ Chính trị',
      issuedOn: '2022-02-08',
      governs: 'eligibility',
      title: 'Về đào tạo lý luận chính trị',
    };
    const answers = await Promise.all([1, 2, 3].map(() => city.ask('board', 'POST', '/documents', recorded)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    await city.done('board', 'POST', '/documents', { ...recorded, number: '350-QĐ/TW', issuedOn: '2025-08-29' });
    const list = (await city.done('reader', 'GET', '/documents?q=bo%20chinh%20tri&limit=1')).body;
    expect(list.items).toMatchObject([{ number: '350-QĐ/TW', issuedOn: '2025-08-29' }]);
    expect((await city.done('reader', 'GET', `/documents?q=bo%20chinh%20tri&limit=1&cursor=${list.next}`)).body).toMatchObject({
      items: [{ number: '57-QĐ/TW' }],
      next: null,
    });
    expect(await city.ask('officer.a', 'POST', '/documents', recorded)).toMatchObject({ status: 403 });
  });

  test('splits a unit: it ends, its successors are on record, and its people’s history is assigned', async () => {
    await city.unit('old', 'd1');
    const person = (await city.done('board', 'POST', '/people', { name: 'Lý Thường Kiệt', birth: '1979-02-03', unitId: city.units.old })).body;
    const split = {
      on: '2026-07-01',
      ...document,
      sample: true,
      successors: [
        { unitId: city.units.c11, sharePercent: 60 },
        { unitId: city.units.c12, sharePercent: 40 },
      ],
    };
    await city.grant('officer.old', 'officer', 'old');
    expect(await city.done('board', 'POST', `/units/${city.units.old}/succeed`, split)).toMatchObject({
      body: { to: '2026-07-01', parentId: null, version: 2 },
    });
    expect((await city.done('reader', 'GET', `/units/${city.units.old}/successors`)).body.items).toMatchObject([
      { code: 'c11', sharePercent: 60, sample: true },
      { code: 'c12', sharePercent: 40 },
    ]);

    // The old unit's officer writes nothing more, and reads nothing: the unit is no more.
    expect(await city.ask('officer.old', 'PATCH', `/people/${person.id}`, { sex: 'male' }, { 'if-match': '"1"' })).toMatchObject({ status: 404 });
    // Not assigned yet: the board's to read. Assigned: the successor's, and nobody else's.
    for (const sub of ['officer.a', 'officer.b', 'officer.old']) expect((await city.ask(sub, 'GET', `/people/${person.id}`)).status).toBe(404);
    const assign = { items: [{ personId: person.id, toUnitId: city.units.c12 }] };
    expect(await city.ask('officer.b', 'POST', `/units/${city.units.old}/assignments`, assign)).toMatchObject({ status: 403 });
    const { assignmentId } = (await city.done('board', 'POST', `/units/${city.units.old}/assignments`, assign)).body.items[0];
    expect((await city.ask('officer.a', 'GET', `/people/${person.id}`)).status).toBe(404);
    expect((await city.done('officer.b', 'GET', `/people/${person.id}`)).body).toMatchObject({ unitId: city.units.old });
    expect((await city.done('officer.b', 'GET', '/people')).body.items).toMatchObject([{ id: person.id }]);
    expect((await city.done('officer.a', 'GET', '/people')).body.items).toEqual([]);
    // Mended by an assignment to the other successor: the second fact of the same subject.
    await city.done('board', 'POST', `/units/${city.units.old}/assignments`, { items: [{ personId: person.id, toUnitId: city.units.c11 }] });
    expect((await city.told('facts')).filter(({ subject }) => subject === assignmentId)).toMatchObject([
      { type: 'registry.history-assigned', sequence: 1, data: { personId: person.id, toUnitId: city.units.c12 } },
      { sequence: 2, data: { toUnitId: city.units.c11 } },
    ]);
    expect((await city.told('facts')).filter(({ subject }) => subject === city.units.old)).toMatchObject([
      { type: 'registry.unit-established', sequence: 1 },
      { type: 'registry.unit-succeeded', sequence: 2 },
    ]);
  });
});

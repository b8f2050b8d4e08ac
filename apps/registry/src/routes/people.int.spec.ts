import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCity, type City, type Told } from '../city.fixture.ts';

let city: City;
beforeAll(async () => {
  city = await openCity();
  await city.grant('board.d2', 'board', 'd2');
});
afterAll(() => city.stop());

let serial = 0;
const someNumber = (): string => `001080${String((serial += 1)).padStart(6, '0')}`;
const enter = (sub: string, unit: string, name: string, more: Record<string, unknown> = {}): Promise<Told> =>
  city.ask(sub, 'POST', '/people', { name, unitId: city.units[unit], ...more });
const seen = (version: number): Record<string, string> => ({ 'if-match': `"${version}"` });
const nobody = '00000000-0000-7000-8000-000000000000';
const asOfNobody = (answers: readonly Told[] = []) => answers.map((told) => ({ ...told, body: { ...told.body, correlationId: '' } }));
const cardsOf = async (id: string) => (await city.told('people')).filter(({ subject }) => subject === id);

describe('a person', () => {
  test('is registered with a card for the others: the number stands in it as a reference, in the answer masked', async () => {
    const number = someNumber();
    const answer = await enter('officer.a', 'c11', 'Trần  Thị Lan', {
      identityNumber: number,
      birth: '1981',
      sex: 'female',
      facts: { party: { status: 'full' } },
    });
    expect(answer).toMatchObject({ status: 201, etag: '"1"', body: { name: 'Trần Thị Lan', identityNumber: `*********${number.slice(-3)}` } });
    expect(answer.body.warnings.map(({ code }: { code: string }) => code)).toEqual([
      'identity-number-sex-differs',
      'identity-number-birth-year-differs',
    ]);
    const [card] = await cardsOf(answer.body.id);
    expect(card).toMatchObject({
      type: 'registry.person-card',
      sequence: 1,
      data: {
        name: 'Trần Thị Lan',
        facts: { birth: '1981', sex: 'female', party: { status: 'full' } },
        identityRef: expect.stringMatching(/^[\w-]{43}$/),
      },
    });
    expect(JSON.stringify(card)).not.toContain(number);
  });

  test('is read whole by officer and board in scope, and each reading is on record', async () => {
    const number = someNumber();
    const { id } = (
      await enter('officer.a', 'c11', 'Phạm Văn Đồng', { identityNumber: number, birth: '1982', facts: { degree: 'master', ethnicMinority: true } })
    ).body;
    expect((await city.done('officer.a', 'GET', `/people/${id}`)).body).toMatchObject({
      identityNumber: number,
      facts: { degree: 'master', ethnicMinority: true },
    });
    expect((await city.done('reader', 'GET', `/people/${id}`)).body).toMatchObject({
      identityNumber: `*********${number.slice(-3)}`,
      facts: null,
      name: 'Phạm Văn Đồng',
    });
    expect(await city.ask('officer.b', 'GET', `/people/${id}`)).toMatchObject({ status: 404 });
    const reads = await city.sql<{ actor: string; grant_id: string }>(
      `select actor, grant_id from messaging.audit where subject = $1 and command = 'ReadPerson'`,
      [id],
    );
    expect(reads).toEqual([{ actor: 'officer.a', grant_id: expect.stringMatching(/^[\w-]{36}$/) }]);
  });

  test('of another unit is told to the officer who enters the number: which unit to ask, and nothing of the person', async () => {
    const number = someNumber();
    const { id } = (await enter('officer.a', 'c11', 'Vũ Thị Bí Mật', { identityNumber: number, birth: '1983' })).body;
    const elsewhere = await enter('officer.b', 'c12', 'Người Khác', { identityNumber: number });
    expect(elsewhere).toMatchObject({
      status: 409,
      body: { code: 'person-exists-elsewhere', errors: [{ field: 'identityNumber', vi: expect.stringContaining('c11') }] },
    });
    expect(JSON.stringify(elsewhere.body)).not.toMatch(new RegExp(`${id}|${number}|Bí Mật`));
    expect(await enter('officer.a', 'c11', 'Người Khác', { identityNumber: number })).toMatchObject({
      status: 409,
      body: { code: 'person-exists', detail: { en: expect.stringContaining(id) } },
    });
  });

  test('is registered once by many who enter the same number at the same moment', async () => {
    const numbers = [someNumber(), someNumber(), someNumber()];
    const answers = await Promise.all(
      Array.from({ length: 48 }, (_, place) =>
        enter('board', place % 2 ? 'c11' : 'c12', `Đồng Thời ${place}`, { identityNumber: numbers[place % 3] }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ body }) => body.code === 'person-exists')).toHaveLength(45);
  });

  test('is mended only by who has seen the newest version, and nobody may send what is read-only', async () => {
    const { id } = (await enter('officer.a', 'c11', 'Ngô Quyền', { birth: '1975' })).body;
    expect(await city.ask('officer.a', 'PATCH', `/people/${id}`, { sex: 'male' })).toMatchObject({ status: 428 });
    expect(await city.ask('officer.a', 'PATCH', `/people/${id}`, { sex: 'male', reason: 'theo hồ sơ gốc' }, seen(1))).toMatchObject({
      status: 200,
      etag: '"2"',
    });
    expect(await city.ask('officer.a', 'PATCH', `/people/${id}`, { birth: '1976' }, seen(1))).toMatchObject({ status: 412, etag: '"2"' });
    expect(await city.ask('officer.a', 'PATCH', `/people/${id}`, { mergedInto: id }, seen(2))).toMatchObject({
      status: 400,
      body: { errors: [{ code: 'member-not-accepted' }] },
    });
    expect(await city.ask('reader', 'PATCH', `/people/${id}`, { birth: '1976' }, seen(2))).toMatchObject({
      status: 403,
      body: { code: 'role-missing' },
    });
    expect(await city.ask('officer.a', 'PATCH', `/people/${id}`, { unitId: city.units.c12 }, seen(2))).toMatchObject({
      status: 403,
      body: { errors: [{ field: 'unitId' }] },
    });
    expect(await city.ask('board', 'PATCH', `/people/${id}`, { unitId: city.units.c12 }, seen(2))).toMatchObject({ status: 200 });
    expect((await cardsOf(id)).map(({ sequence, data }) => [sequence, data.unitId])).toEqual([
      [1, city.units.c11],
      [2, city.units.c11],
      [3, city.units.c12],
    ]);
    const audit = await city.sql<{ reason: string | null; after: { sex: string } }>(
      'select reason, after from messaging.audit where subject = $1 order by id',
      [id],
    );
    expect(audit).toMatchObject([{ reason: null }, { reason: 'theo hồ sơ gốc', after: { sex: 'male' } }, { reason: null }]);
  });

  test('does not exist for who may not read the record, whatever version they claim to have seen', async () => {
    const { id } = (await enter('officer.a', 'c11', 'Không Của Mình', { birth: '1975' })).body;
    for (const version of [1, 7]) {
      const answers = [id, nobody].map((person) => [
        city.ask('officer.b', 'PATCH', `/people/${person}`, { birth: '1976' }, seen(version)),
        city.ask('board.d2', 'DELETE', `/people/${person}`, undefined, seen(version)),
      ]);
      const [hidden, absent] = await Promise.all(answers.map((asked) => Promise.all(asked)));
      expect(hidden).toMatchObject([{ status: 404, body: { code: 'not-found' } }, { status: 404 }]);
      expect(asOfNobody(hidden)).toEqual(asOfNobody(absent));
    }
    expect(await cardsOf(id)).toHaveLength(1);
  });

  test('is erased by the board: a last message, no row, and nothing but ids in the audit', async () => {
    const { id } = (await enter('officer.a', 'c11', 'Sẽ Bị Xóa', { identityNumber: someNumber() })).body;
    expect(await city.ask('officer.a', 'DELETE', `/people/${id}`, undefined, seen(1))).toMatchObject({ status: 403 });
    expect(await city.ask('board', 'DELETE', `/people/${id}`, undefined, seen(1))).toMatchObject({ status: 204, body: '' });
    expect(await city.ask('board', 'GET', `/people/${id}`)).toMatchObject({ status: 404 });
    expect(await cardsOf(id)).toMatchObject([{ sequence: 1 }, { type: 'registry.person-erased', sequence: 2, data: { personId: id } }]);
    expect(await city.sql('select before, after from messaging.audit where subject = $1 and command = $2', [id, 'ErasePerson'])).toEqual([
      { before: { id, unitId: city.units.c11 }, after: null },
    ]);
  });

  test('comes with unusable text: refused by the field, before anything is written', async () => {
    for (const [member, value, code] of [
      ['name', 'Có\u0000NUL', 'text-control-character'],
      ['name', 'x', 'text-too-short'],
      ['identityNumber', '1080000001', 'identity-number-lost-zero'],
      ['identityNumber', '1.0808E+11', 'identity-number-scientific'],
      ['birth', '1980-02-30', 'birth-invalid'],
    ] as const) {
      const body = { name: 'Tên Đúng', [member]: value };
      expect(await enter('officer.a', 'c11', body.name, body)).toMatchObject({ status: 400, body: { errors: [{ field: member, code }] } });
    }
  });
});

describe('the list of people', () => {
  test('goes by given name as Vietnamese lists do, page by page, and finds without diacritics', async () => {
    await city.unit('list', 'd2');
    await city.grant('officer.list', 'officer', 'list');
    for (const name of ['Đặng Văn Ba', 'Bùi Thị Ấm', 'Lê An', 'Nguyễn Văn An', 'Trần Đức', 'Cao Dũng', 'Hồ Ân', 'Lê Thị Thuỷ'.normalize('NFD')])
      await enter('officer.list', 'list', name);
    const expected = ['Lê An', 'Nguyễn Văn An', 'Bùi Thị Ấm', 'Hồ Ân', 'Đặng Văn Ba', 'Cao Dũng', 'Trần Đức', 'Lê Thị Thuỷ'];
    const names: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page: { items: { name: string }[]; next: string | null } = (
        await city.done('officer.list', 'GET', `/people?limit=3${next && `&cursor=${next}`}`)
      ).body;
      names.push(...page.items.map(({ name }) => name));
      next = page.next;
    }
    expect(names).toEqual(expected);
    const found = async (q: string) =>
      (await city.done('officer.list', 'GET', `/people?q=${encodeURIComponent(q)}`)).body.items.map(({ name }: { name: string }) => name);
    expect([await found('thủy'), await found('THUY'), await found('an'), await found('%')]).toEqual([
      ['Lê Thị Thuỷ'],
      ['Lê Thị Thuỷ'],
      ['Lê An', 'Nguyễn Văn An', 'Hồ Ân', 'Đặng Văn Ba', 'Trần Đức'],
      [],
    ]);
    expect((await city.done('board', 'GET', `/people?unitId=${city.units.list}`)).body.items).toHaveLength(8);
    expect((await city.done('officer.a', 'GET', `/people?unitId=${city.units.list}`)).body.items).toEqual([]);
  });
});

describe('the queue of duplicates', () => {
  const open = async (): Promise<{ id: string; people: { id: string; name: string }[] }[]> =>
    (await city.done('board', 'GET', '/people/duplicates?limit=200')).body.items;

  test('has who bears the same name and was born the same day, across units; merged, one is the other', async () => {
    const kept = (await enter('officer.a', 'c11', 'Lê Thị Uỷ', { birth: '1984-07-01' })).body;
    const number = someNumber();
    const merged = (await enter('officer.b', 'c12', 'LÊ THỊ ỦY'.normalize('NFD'), { birth: '1984-07-01', identityNumber: number })).body;
    const pair = (await open()).find(({ people }) => people.some(({ id }) => id === kept.id));
    expect(pair?.people.map(({ id }) => id).sort()).toEqual([kept.id, merged.id].sort());
    expect(await city.ask('officer.a', 'POST', `/people/duplicates/${pair?.id}/merge`, { keptPersonId: kept.id })).toMatchObject({ status: 403 });
    const [hidden, absent] = await Promise.all(
      [pair?.id, nobody].map((id) => city.ask('board.d2', 'POST', `/people/duplicates/${id}/merge`, { keptPersonId: kept.id })),
    );
    expect(hidden).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(asOfNobody([hidden as Told])).toEqual(asOfNobody([absent as Told]));
    expect(
      await city.ask('board', 'POST', `/people/duplicates/${pair?.id}/merge`, { keptPersonId: kept.id, reason: 'cùng ngày sinh, cùng quê' }),
    ).toMatchObject({ status: 200, body: { state: 'merged' } });
    expect((await cardsOf(merged.id)).at(-1)).toMatchObject({ sequence: 2, data: { mergedInto: kept.id, identityRef: null } });
    expect((await cardsOf(kept.id)).at(-1)).toMatchObject({ sequence: 2, data: { mergedInto: null, identityRef: expect.any(String) } });
    expect((await city.told('facts')).at(-1)).toEqual({
      type: 'registry.duplicate-merged',
      subject: pair?.id,
      sequence: 1,
      data: { candidateId: pair?.id, keptPersonId: kept.id, mergedPersonId: merged.id },
    });
    expect((await open()).map(({ id }) => id)).not.toContain(pair?.id);
    expect((await city.done('board', 'GET', `/people/${kept.id}`)).body).toMatchObject({ identityNumber: number });
    expect((await city.done('board', 'GET', `/people/${merged.id}`)).body).toMatchObject({ mergedInto: kept.id, identityNumber: null });
    expect(await city.ask('board', 'POST', `/people/duplicates/${pair?.id}/dismiss`, {})).toMatchObject({
      status: 409,
      body: { code: 'duplicate-closed' },
    });
  });

  test('has a pair once, in whichever order and at whichever moment the two came, and not again once dismissed', async () => {
    const twins = await Promise.all(
      Array.from({ length: 6 }, (_, place) =>
        enter('board', 'c11', 'Sinh Đôi', { birth: '1990', ...(place ? {} : { identityNumber: someNumber() }) }),
      ),
    );
    const ids = new Set(twins.map(({ body }) => body.id as string));
    const pairs = (await open()).filter(({ people }) => people.every(({ id }) => ids.has(id)));
    expect(
      new Set(
        pairs.map(({ people }) =>
          people
            .map(({ id }) => id)
            .sort()
            .join(),
        ),
      ),
    ).toHaveProperty('size', pairs.length);
    await city.done('board', 'POST', `/people/duplicates/${pairs[0]?.id}/dismiss`, {});
    expect((await open()).map(({ id }) => id)).not.toContain(pairs[0]?.id);
  });
});

test('no log line and no fact holds a name, a number or a birth date', async () => {
  const people = await city.sql<{ name: string; identity_number: string | null }>('select name, identity_number from registry.people');
  const lines = city.registry.logged.join('') + JSON.stringify(await city.told('facts'));
  for (const { name, identity_number: number } of people) {
    expect(lines).not.toContain(name);
    if (number) expect(lines).not.toContain(number);
  }
});

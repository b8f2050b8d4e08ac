import { readFile } from 'node:fs/promises';
import { seatConfirmed, seatHeld, seatQueued, seatRefused, seatReleased } from '@khue/contracts/events/quota';
import { enrollmentRecord, readEnrollmentRecord } from '@khue/contracts/http/enrollment';
import { classRecord } from '@khue/contracts/http/enrollment-catalog';
import type { TestService } from '@khue/testing/service';
import { testService } from '@khue/testing/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api, assigned, card, city, erased, expectStatus, fit, grant, idOf, publishCatalog, refusedAs, told, unrated } from './service.fixture.ts';
import { createEnrollment } from './service.ts';

let service: TestService;
const post = (sub: string, path: string, body: unknown = undefined, headers: Record<string, string> = {}) =>
  service.call(sub, 'POST', `${api}${path}`, body, headers);
const get = (sub: string, path: string) => service.call(sub, 'GET', `${api}${path}`);
type Row = { id: string; state: string; code: string; version: number; eligibility: { verdict: string } };

const year = new Date().getFullYear();
const open = async (size = 5, programCode = 'TCLLCT'): Promise<string> =>
  (
    await expectStatus<Row>(
      post('school', '/classes', { programCode, hostUnitId: idOf('school'), size, from: `${year}-12-01`, to: `${year + 1}-12-01` }),
      201,
    )
  ).id;
const nominate = async (person: string, classId: string, sub = 'officer.d1'): Promise<Row> =>
  expectStatus<Row>(post(sub, '/nominations', { classId, personId: idOf(person) }), 201);
const seat = { unitId: idOf('c11'), year, programCode: 'TCLLCT', potId: idOf('pot'), accountId: idOf('account') };
const held = (id: string) => told(seatHeld, id, { ...seat, enrollmentId: id, cause: 'requested' });
const stateOf = async (id: string): Promise<string> => (await expectStatus<Row>(get('board', `/enrollments/${id}`), 200)).state;

beforeAll(async () => {
  service = await testService('enrollment', createEnrollment);
  await service.publish(city);
  const people = ['an', 'binh', 'chi', 'dung', 'giang', 'hoa', 'khoa'];
  await service.publish([
    ...people.map((person) => card(person, 'c11')),
    card('lan', 'c21'),
    card('minh', 'c11', { facts: unrated }),
    card('nga', 'old'),
    card('oanh', 'c11', { facts: { ...fit, birth: '2002' } }),
  ]);
  await publishCatalog(service);
});
afterAll(() => service.stop());

describe('programs and rules', () => {
  it('are published in versions, and read by everybody with a role', async () => {
    const again = {
      code: 'X1',
      name: 'Bồi dưỡng',
      level: null,
      form: null,
      line: 'districts',
      hours: 24,
      validFrom: '2026-01-01',
      documentNo: '5-QĐ/TU',
    };
    await expectStatus(post('school', '/programs', again), 201);
    expect(await expectStatus(post('board', '/programs', { ...again, validFrom: '2026-07-01' }), 201)).toMatchObject({ version: 2 });
    const page = await expectStatus<{ items: { version: number }[]; next: string }>(get('reader', '/programs?code=X1&limit=1'), 200);
    expect(page.items.map(({ version }) => version)).toEqual([1]);
    const rest = await expectStatus<{ items: { version: number }[]; next: null }>(
      get('reader', `/programs?code=X1&limit=1&cursor=${page.next}`),
      200,
    );
    expect([rest.items.map(({ version }) => version), rest.next]).toEqual([[2], null]);
    const inForce = await expectStatus<{ items: { version: number }[] }>(get('reader', '/programs?code=X1&on=2026-06-30'), 200);
    expect(inForce.items).toMatchObject([{ version: 1, validFrom: '2026-01-01' }]);
  });
  it('are refused to officers, to strangers, and with members nobody may send', async () => {
    expect(await refusedAs(post('officer.d1', '/programs', {}))).toBe('403 role-missing');
    expect(await refusedAs(get('stranger', '/programs'))).toBe('403 role-missing');
    expect(await refusedAs(post('board', '/programs', { code: 'Y', version: 7 }))).toBe('400 body-invalid');
    expect(await refusedAs(get('board', '/programs?cursor=bm9uZQ'))).toBe('400 cursor-invalid');
  });
  it('of a version that was published before are the same or refused', async () => {
    const rules = JSON.parse(await readFile(new URL('../rules/350-qd-tw.json', import.meta.url), 'utf8')) as Record<string, unknown>;
    const first = await expectStatus<{ hash: string }>(post('board', '/rule-sets', rules), 201);
    const reordered = Object.fromEntries(Object.entries(rules).reverse());
    expect(await expectStatus(post('board', '/rule-sets', reordered), 201)).toMatchObject({ hash: first.hash });
    expect(await refusedAs(post('board', '/rule-sets', { ...rules, document: '350-QĐ/TW, sửa' }))).toBe('409 rule-set-version-old');
    const { items } = await expectStatus<{ items: { hash: string }[] }>(get('officer.d1', '/rule-sets'), 200);
    expect(items.map(({ hash }) => hash)).toEqual([first.hash]);
  });
});

describe('a class', () => {
  it('is numbered without gaps, though many are opened at once', async () => {
    const body = { programCode: 'CN3', hostUnitId: idOf('school'), size: 20, from: '2026-03-01', to: '2026-03-05' };
    const opened = await Promise.all(Array.from({ length: 30 }, () => expectStatus<Row>(post('school', '/classes', body), 201)));
    expect(opened.map(({ code }) => code).sort()).toEqual(Array.from({ length: 30 }, (_, place) => `K26.BD.B${String(place + 1).padStart(2, '0')}`));
    expect(classRecord.parse(await expectStatus(get('reader', `/classes/${opened[0]?.id}`), 200))).toMatchObject({
      taken: 0,
      line: 'update-group-3',
    });
  });
  it('with a code of its own has it alone at its host', async () => {
    const body = { programCode: 'CN3', hostUnitId: idOf('school'), size: 20, from: '2026-03-01', to: '2026-03-05', code: 'L-01' };
    const answers = await Promise.all([post('school', '/classes', body), post('school', '/classes', body)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409]);
    const { items } = await expectStatus<{ items: Row[] }>(get('reader', '/classes?code=L-01'), 200);
    expect(items).toHaveLength(1);
  });
  it('is opened for units in scope by a school, not by others', async () => {
    const body = { programCode: 'TCLLCT', hostUnitId: idOf('c11'), size: 5, from: '2026-12-01', to: '2027-12-01' };
    expect(await refusedAs(post('school', '/classes', body))).toBe('403 out-of-scope');
    expect(await refusedAs(post('board', '/classes', body))).toBe('403 role-missing');
    const unknown = await post('school', '/classes', { ...body, hostUnitId: idOf('nowhere') });
    expect([unknown.statusCode, unknown.headers['retry-after']]).toEqual([409, '1']);
  });
});

describe('a nomination', () => {
  it('answers with the rules it was judged by, and the same again under the same key', async () => {
    const classId = await open();
    const key = { 'idempotency-key': 'once' };
    const first = await post('officer.d1', '/nominations', { classId, personId: idOf('an') }, key);
    const row = enrollmentRecord.parse(first.json());
    expect(row).toMatchObject({
      state: 'nominated',
      unitId: idOf('c11'),
      enteredBy: 'officer.d1',
      eligibility: { verdict: 'eligible', ruleSet: { id: '350-qd-tw' } },
    });
    expect(first.headers.etag).toBe('"1"');
    const again = await post('officer.d1', '/nominations', { classId, personId: idOf('an') }, key);
    expect([again.body, again.headers.etag]).toEqual([first.body, first.headers.etag]);
    expect(await refusedAs(post('officer.d1', '/nominations', { classId, personId: idOf('an') }))).toBe('409 already-nominated');
    expect(await refusedAs(post('officer.c21', '/nominations', { classId, personId: idOf('binh') }))).toBe('409 person-not-known-yet');
    const awaited = await post('officer.d1', '/nominations', { classId, personId: idOf('not there') });
    expect([awaited.statusCode, awaited.json<{ code: string }>().code, awaited.headers['retry-after']]).toEqual([409, 'person-not-known-yet', '1']);
    expect(await refusedAs(post('officer.d1', '/nominations', { classId, personId: idOf('nga') }))).toBe('409 person-not-known-yet');
  });
  it('of many people answers for each', async () => {
    const classId = await open();
    const personIds = ['an', 'lan', 'not there', 'binh'].map(idOf);
    const key = { 'idempotency-key': 'a-list' };
    const { items } = await expectStatus<{ items: { nomination: Row | null; problem: { code: string } | null }[] }>(
      post('officer.d1', '/nominations/bulk', { classId, personIds }, key),
      200,
    );
    expect(items.map(({ nomination, problem }) => nomination?.state ?? problem?.code)).toEqual([
      'nominated',
      'person-not-known-yet',
      'person-not-known-yet',
      'nominated',
    ]);
    const again = await expectStatus<{ items: { nomination: Row | null }[] }>(
      post('officer.d1', '/nominations/bulk', { classId, personIds }, key),
      200,
    );
    expect(again.items.map(({ nomination }) => JSON.stringify(nomination))).toEqual(items.map(({ nomination }) => JSON.stringify(nomination)));
    expect(enrollmentRecord.parse(items[0]?.nomination).eligibility?.results[0]?.vi).toContain('350-QĐ/TW');
    // Another list under that key is refused as a whole, also one of people who were not on the first.
    for (const others of [['an', 'lan', 'giang'], ['hoa']]) {
      expect(await refusedAs(post('officer.d1', '/nominations/bulk', { classId, personIds: others.map(idOf) }, key))).toBe(
        '422 idempotency-key-reused',
      );
    }
    const { rows } = await service.service.pool.query('select count(*)::int as n from enrollment.enrollment where class_id = $1', [classId]);
    expect(rows).toEqual([{ n: 2 }]);
  });
  it('lacking data waits until the card is completed and checked', async () => {
    const { id, eligibility } = await nominate('minh', await open());
    expect(eligibility.verdict).toBe('missing-data');
    expect(await refusedAs(post('approver.d1', `/nominations/${id}/approve`))).toBe('409 eligibility-missing-data');
    await service.publish([card('minh', 'c11')]);
    expect(await expectStatus<Row>(post('officer.d1', `/nominations/${id}/recheck`), 200)).toMatchObject({
      eligibility: { verdict: 'eligible' },
      version: 2,
    });
    await expectStatus(post('approver.d1', `/nominations/${id}/approve`), 200);
  });
  it('of somebody too young is approved with an exception only', async () => {
    const { id } = await nominate('oanh', await open());
    expect(await refusedAs(post('approver.d1', `/nominations/${id}/approve`))).toBe('409 not-eligible');
    const waiver = { ruleId: 'TC.AGE.KTT', documentNo: '12-QĐ/TU', date: '2026-01-05', by: 'Ban Thường vụ Thành ủy' };
    expect(await refusedAs(post('officer.d1', `/nominations/${id}/waivers`, waiver))).toBe('403 role-missing');
    expect(await expectStatus(post('board', `/nominations/${id}/waivers`, waiver), 201)).toMatchObject({
      waivers: [waiver],
      eligibility: { verdict: 'eligible' },
    });
    await expectStatus(post('approver.d1', `/nominations/${id}/approve`, { reason: 'Theo quyết định' }), 200);
    const { rows } = await service.service.pool.query<{ command: string; reason: string | null; actor: string }>(
      'select command, reason, actor from messaging.audit where subject = $1 order by id',
      [id],
    );
    expect(rows).toEqual([
      { command: 'NominateLearner', reason: null, actor: 'officer.d1' },
      { command: 'WaiveRule', reason: null, actor: 'board' },
      { command: 'ApproveNomination', reason: 'Theo quyết định', actor: 'approver.d1' },
    ]);
  });
  it('is approved by another person, in scope, at the version they saw', async () => {
    const classId = await open();
    const { id } = await nominate('chi', classId, 'both');
    expect(await refusedAs(post('both', `/nominations/${id}/approve`))).toBe('409 same-person');
    expect(await refusedAs(post('approver.c21', `/nominations/${id}/approve`))).toBe('404 not-found');
    expect(await refusedAs(post('approver.d1', `/nominations/${id}/approve`, undefined, { 'if-match': '"9"' }))).toBe('412 version-stale');
    expect(await expectStatus<Row>(post('approver.d1', `/nominations/${id}/approve`, undefined, { 'if-match': '"1"' }), 200)).toMatchObject({
      state: 'approved',
      version: 3,
    });
  });
  it('never takes more places than the class has, whatever comes at once', async () => {
    const classId = await open(2);
    const rows = await Promise.all(['an', 'binh', 'chi', 'dung', 'giang', 'hoa'].map((person) => nominate(person, classId)));
    const answers = await Promise.all(rows.map(({ id }) => post('approver.d1', `/nominations/${id}/approve`)));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 409, 409, 409, 409]);
    expect(await expectStatus(get('reader', `/classes/${classId}`), 200)).toMatchObject({ taken: 2 });
  });
});

describe('quota’s answers', () => {
  const asked = async (person: string, size = 1): Promise<{ id: string; classId: string }> => {
    const classId = await open(size);
    const { id } = await nominate(person, classId);
    await expectStatus(post('approver.d1', `/nominations/${id}/approve`), 200);
    return { id, classId };
  };
  it('admit, and the story is read back across services', async () => {
    const { id } = await asked('dung');
    await service.publish([told(seatQueued, id, { ...seat, enrollmentId: id, queueNo: 1 })]);
    expect(await stateOf(id)).toBe('queued');
    await service.publish([held(id)]);
    await service.publish([told(seatConfirmed, id, { ...seat, enrollmentId: id })]);
    expect(readEnrollmentRecord.parse(await expectStatus(get('officer.c11', `/enrollments/${id}`), 200))).toMatchObject({
      state: 'admitted',
      seat: 'confirmed',
      personName: 'Nguyễn Văn dung',
    });
    const story = await expectStatus<{ type: string; service: string; id: string; causationId: string; actor: string }[]>(
      get('officer.c11', `/enrollments/${id}/timeline`),
      200,
    );
    expect(story.map(({ type }) => type)).toEqual([
      'enrollment.learner-nominated',
      'enrollment.nomination-approved',
      'enrollment.seat-requested',
      'quota.seat-queued',
      'quota.seat-held',
      'enrollment.learner-admitted',
      'quota.seat-confirmed',
    ]);
    expect(story[5]).toMatchObject({ causationId: story[4]?.id, actor: 'service:enrollment', service: 'enrollment' });
    expect(await refusedAs(get('officer.c21', `/enrollments/${id}/timeline`))).toBe('404 not-found');
  });
  it('give the place back when there is no seat', async () => {
    const { id, classId } = await asked('giang');
    await service.publish([told(seatRefused, id, { enrollmentId: id, unitId: seat.unitId, year, programCode: 'TCLLCT', reason: 'no-pot' })]);
    expect(await expectStatus(get('board', `/enrollments/${id}`), 200)).toMatchObject({ state: 'turned-down', reason: 'no-pot', seat: 'refused' });
    expect(await expectStatus(get('reader', `/classes/${classId}`), 200)).toMatchObject({ taken: 0 });
    await nominate('giang', classId);
  });
  it('admit nobody who was withdrawn meanwhile', async () => {
    const { id, classId } = await asked('hoa');
    await expectStatus(post('officer.c11', `/nominations/${id}/withdraw`, { reason: 'Ốm' }), 200);
    await service.publish([held(id), told(seatReleased, id, { enrollmentId: id, potId: seat.potId, accountId: seat.accountId, was: 'held' })]);
    expect(await expectStatus(get('board', `/enrollments/${id}`), 200)).toMatchObject({ state: 'withdrawn', seat: 'released' });
    expect(await expectStatus(get('reader', `/classes/${classId}`), 200)).toMatchObject({ taken: 0 });
    expect(await refusedAs(post('officer.c11', `/nominations/${id}/withdraw`))).toBe('409 enrollment-over');
  });
});

describe('reading', () => {
  it('shows each caller the rows of their scope, page by page', async () => {
    const classId = await open(5, 'CN3');
    const rows = [await nominate('an', classId), await nominate('binh', classId), await nominate('lan', classId, 'officer.c21')];
    const ids = async (sub: string, query = ''): Promise<string[]> =>
      (await expectStatus<{ items: Row[] }>(get(sub, `/nominations?classId=${classId}${query}`), 200)).items.map(({ id }) => id);
    const newestFirst = rows.map(({ id }) => id).reverse();
    expect(await ids('board')).toEqual(newestFirst);
    expect(await ids('school')).toEqual(newestFirst);
    expect(await ids('officer.c21')).toEqual([rows[2]?.id]);
    expect(await ids('officer.old')).toEqual([]);
    expect(await refusedAs(get('officer.c21', `/nominations?unitId=${idOf('c11')}`))).toBe('403 out-of-scope');
    const page = await expectStatus<{ items: Row[]; next: string }>(get('board', `/nominations?classId=${classId}&limit=2`), 200);
    expect(page.items.map(({ id }) => id)).toEqual(newestFirst.slice(0, 2));
    expect(await ids('board', `&limit=2&cursor=${page.next}`)).toEqual(newestFirst.slice(2));
  });
  it('of a split unit’s person is the assigned successor’s', async () => {
    await service.publish([assigned('nga', 'old', 'c21')]);
    const classId = await open(5, 'CN3');
    for (const sub of ['officer.old', 'officer.c11'])
      expect(await refusedAs(post(sub, '/nominations', { classId, personId: idOf('nga') }))).toBe('409 person-not-known-yet');
    const { id } = await nominate('nga', classId, 'officer.c21');
    expect(await expectStatus(get('officer.c21', `/nominations/${id}`), 200)).toMatchObject({ unitId: idOf('c21') });
    // As if the split had come after the nomination.
    await service.service.pool.query('update enrollment.enrollment set unit_id = $2 where id = $1', [id, idOf('old')]);
    expect(await refusedAs(post('officer.c11', `/nominations/${id}/withdraw`))).toBe('404 not-found');
    expect(await expectStatus<Row>(post('officer.c21', `/nominations/${id}/withdraw`), 200)).toMatchObject({ unitId: idOf('old'), version: 2 });
  });
  it('of what the caller may not read answers to the byte as of what is not there, and says out-of-scope only of what they may read', async () => {
    const { id } = await nominate('an', await open());
    const nowhere = idOf('nowhere');
    const said = async (answer: ReturnType<typeof get>): Promise<unknown[]> => {
      const { statusCode, headers, body } = await answer;
      const { correlationId, ...problem } = JSON.parse(body) as Record<string, unknown>;
      return [statusCode, headers['retry-after'], headers.etag, body.length, JSON.stringify(problem), typeof correlationId];
    };
    for (const path of ['/nominations/', '/enrollments/'])
      expect(await said(get('officer.c21', path + id))).toEqual(await said(get('officer.c21', path + nowhere)));
    expect(await said(get('officer.c21', `/enrollments/${id}/timeline`))).toEqual(await said(get('officer.c21', `/enrollments/${nowhere}/timeline`)));
    for (const [sub, step] of [
      ['approver.c21', 'approve'],
      ['officer.c21', 'withdraw'],
      ['officer.c21', 'recheck'],
    ] as const)
      expect(await said(post(sub, `/nominations/${id}/${step}`))).toEqual(await said(post(sub, `/nominations/${nowhere}/${step}`)));
    const classId = await open();
    const of = (person: string) => post('officer.c21', '/nominations', { classId, personId: idOf(person) });
    expect(await said(of('an'))).toEqual(await said(of('nobody')));
    expect(await refusedAs(post('approver.d1', `/nominations/${id}/recheck`))).toBe('403 role-missing');
    await service.publish([grant('reader.d1', 'reader', 'd1'), grant('reader.d1', 'approver', 'd2'), grant('reader.d1', 'officer', 'd2')]);
    expect(await refusedAs(post('reader.d1', `/nominations/${id}/approve`))).toBe('403 out-of-scope');
    expect(await refusedAs(post('reader.d1', '/nominations', { classId, personId: idOf('an') }))).toBe('403 out-of-scope');
  });
  it('shows no name of somebody whose card was erased', async () => {
    const { id } = await nominate('khoa', await open());
    await service.publish([erased('khoa')]);
    expect(await expectStatus(get('board', `/nominations/${id}`), 200)).toMatchObject({ personName: null });
  });
});

it('tells how long the oldest approval waits, and logs no names', async () => {
  const { body } = await service.service.http.inject('/metrics');
  expect(body).toMatch(/^khue_saga_oldest_seconds \d/m);
  expect(service.logged.join('\n')).not.toContain('Nguyễn');
});

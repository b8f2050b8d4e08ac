import { OUTCOMES } from '@khue/contracts/eligibility';
import { enrollmentRecord, readEnrollmentRecord } from '@khue/contracts/http/enrollment';
import { testService, type TestService } from '@khue/testing/service';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Findings, RuleFinding } from '../domain/findings.ts';
import { api, card, city, expectStatus, fit, idOf, publishCatalog, unrated } from '../service.fixture.ts';
import { createEnrollment } from '../service.ts';
import { createRuleBook } from './rule-sets.ts';

let service: TestService;
let classId: string;
const people = ['an', 'binh', 'chi', 'dung', 'giang', 'hoa', 'khoa', 'lan', 'minh', 'oanh'];
beforeAll(async () => {
  service = await testService('enrollment', createEnrollment);
  await service.publish(city);
  await service.publish(people.map((person) => card(person, 'c11', { facts: person === 'lan' ? { ...unrated, birth: '2002' } : fit })));
  await publishCatalog(service);
  const year = new Date().getFullYear();
  const body = { programCode: 'TCLLCT', hostUnitId: idOf('school'), size: 20, from: `${year}-12-01`, to: `${year + 1}-12-01` };
  ({ id: classId } = await expectStatus<{ id: string }>(service.call('school', 'POST', `${api}/classes`, body), 201));
});
afterAll(() => service.stop());

const post = (sub: string, path: string, body: unknown, key: string) =>
  service.call(sub, 'POST', `${api}/nominations${path}`, body, { 'idempotency-key': key });
const nominate = (person: string, key: string) => post('officer.d1', '', { classId, personId: idOf(person) }, key);
const read = (id: string) => service.call('board', 'GET', `${api}/nominations/${id}`);
const sql = async <Row extends object>(text: string, ...values: unknown[]): Promise<Row[]> =>
  (await service.service.pool.query<Row>(text, values)).rows;
const stored = async (id: string): Promise<Findings> =>
  (await sql<{ eligibility: Findings }>('select eligibility from enrollment.enrollment where id = $1', id))[0]?.eligibility as Findings;

describe('what a check found', () => {
  it('is kept without words in the row and under the key, and every answer that shows it has them', async () => {
    const first = await nominate('an', 'k-an');
    const { id, eligibility } = enrollmentRecord.parse(first.json());
    expect(eligibility?.results.length).toBeGreaterThan(5);
    const [kept] = await sql<{ answer: object }>(`select answer from messaging.idempotency where key = 'k-an'`);
    for (const written of [await stored(id), kept]) expect(JSON.stringify(written)).not.toContain('thiếu văn bản gốc');
    expect(readEnrollmentRecord.parse((await read(id)).json()).eligibility).toEqual(eligibility);
    expect(readEnrollmentRecord.parse((await service.call('board', 'GET', `${api}/enrollments/${id}`)).json()).eligibility).toEqual(eligibility);
    const { items } = (await service.call('board', 'GET', `${api}/nominations?classId=${classId}`)).json<{ items: { verdict: string }[] }>();
    expect(items.map(({ verdict }) => verdict)).toEqual(['eligible']);
  });
  it('is said again the same to the byte, by every command that shows it', async () => {
    const waiver = { ruleId: 'TC.AGE.KTT', documentNo: '12-QĐ/TU', date: '2026-01-05', by: 'Ban Thường vụ' };
    const { id } = enrollmentRecord.parse((await nominate('lan', 'k-lan')).json());
    await service.publish([card('lan', 'c11', { facts: { ...fit, birth: '2002' } })]);
    const steps = [
      () => nominate('binh', 'k-binh'),
      () => post('officer.d1', `/${id}/recheck`, { reason: 'Bổ sung' }, 'k-recheck'),
      () => post('board', `/${id}/waivers`, waiver, 'k-waive'),
      () => post('approver.d1', `/${id}/approve`, {}, 'k-approve'),
      () => post('officer.d1', `/${id}/withdraw`, {}, 'k-withdraw'),
      () => post('officer.d1', '/bulk', { classId, personIds: ['chi', 'dung'].map(idOf) }, 'k-bulk'),
    ];
    for (const step of steps) {
      const first = await step();
      const again = await step();
      expect([again.statusCode, again.body]).toEqual([first.statusCode, first.body]);
      expect(first.body).toContain('350-QĐ/TW');
      const row = first.json<{ id?: string; items?: { nomination: unknown }[] }>();
      for (const shown of row.items?.map(({ nomination }) => nomination) ?? [row]) enrollmentRecord.parse(shown);
    }
  });
});

it('an answer that was encoded before is the JSON of the answer, whatever was found', async () => {
  const ruleBook = createRuleBook(service.service.pool);
  const { id } = enrollmentRecord.parse((await nominate('oanh', 'k-oanh')).json());
  const { ruleSet, ...found } = await stored(id);
  const results = found.results.map(({ ruleId, ...it }, at) => ({ ...it, ruleId, outcome: OUTCOMES[at % OUTCOMES.length] ?? 'met' }));
  const lacking = results.map((it): RuleFinding => ({ ...it, outcome: 'missing-data', missing: ['degree', 'birth'] }));
  const waived = results.map((it): RuleFinding => ({ ...it, waivedBy: { documentNo: '12-QĐ/TU', date: '2026-01-05' } }));
  const none: Findings = { verdict: 'eligible', reason: 'no-eligibility-rule', ruleSet: null, results: [] };
  const all: Findings[] = [...[found.results, results, lacking, waived, []].map((its) => ({ ...found, ruleSet, results: its })), none];
  // Twice: what was encoded for one is said to the next.
  for (const findings of [...all, ...all])
    expect((await ruleBook.encoded(findings)).toString()).toBe(JSON.stringify(await ruleBook.worded(findings)));
});

describe('what was stored with its words', () => {
  it('is read, approved and said again as it is', async () => {
    const first = await nominate('giang', 'k-giang');
    const { id, eligibility } = enrollmentRecord.parse(first.json());
    const whole = await createRuleBook(service.service.pool).worded(await stored(id));
    const older = { ...whole, results: whole.results.map((it) => ({ ...it, vi: `${it.vi} (cũ)` })) };
    await sql('update enrollment.enrollment set eligibility = $2 where id = $1', id, JSON.stringify(older));
    await sql(`update messaging.idempotency set answer = jsonb_set(answer, '{body,eligibility}', $1) where key = 'k-giang'`, JSON.stringify(older));
    expect(whole).toEqual(eligibility);
    expect(readEnrollmentRecord.parse((await read(id)).json()).eligibility).toEqual(older);
    expect(enrollmentRecord.parse((await nominate('giang', 'k-giang')).json()).eligibility).toEqual(older);
    const approved = await post('approver.d1', `/${id}/approve`, {}, 'k-approve-giang');
    expect([approved.statusCode, enrollmentRecord.parse(approved.json()).eligibility]).toEqual([200, older]);
    // Checked again, it loses them.
    const { id: other } = enrollmentRecord.parse((await nominate('hoa', 'k-hoa')).json());
    await sql('update enrollment.enrollment set eligibility = $2 where id = $1', other, JSON.stringify(older));
    const checked = await post('officer.d1', `/${other}/recheck`, {}, 'k-recheck-hoa');
    expect(enrollmentRecord.parse(checked.json()).eligibility).toEqual(eligibility);
    expect(JSON.stringify(await stored(other))).not.toContain('(cũ)');
  });
});

describe('findings of a rule set that is not stored', () => {
  it('are an error, not an answer without words', async () => {
    const { id } = enrollmentRecord.parse((await nominate('khoa', 'k-khoa')).json());
    const foreign = { ...(await stored(id)), ruleSet: { id: '350-qd-tw', version: 1, hash: 'f'.repeat(64) } };
    await sql('update enrollment.enrollment set eligibility = $2 where id = $1', id, JSON.stringify(foreign));
    const answer = await read(id);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([500, 'internal-error']);
    expect(service.logged.filter((line) => line.includes('unexpected error'))).toHaveLength(1);
    await expect(createRuleBook(service.service.pool).worded(foreign)).rejects.toThrow(`the rule set ${foreign.ruleSet.hash} is not stored`);
  });
  it('are looked for in the database first: another process may have published it', async () => {
    const { id, eligibility } = enrollmentRecord.parse((await nominate('minh', 'k-minh')).json());
    expect(await createRuleBook(service.service.pool).worded(await stored(id))).toEqual(eligibility);
  });
});

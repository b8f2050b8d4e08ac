import {
  classOpened,
  enrollmentWithdrawn,
  learnerAdmitted,
  pastClassRecorded,
  programPublished,
  turnRecorded,
  turnRevoked,
} from '@khue/contracts/events/enrollment';
import { accountAllotted, potOpened, seatConfirmed, seatHeld, seatQueued } from '@khue/contracts/events/quota';
import { duplicateMerged, historyAssigned, unitEstablished, unitSucceeded } from '@khue/contracts/events/registry';
import { toldCity } from '@khue/testing/city';
import { testService, type Published, type TestService } from '@khue/testing/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReporting } from './service.ts';

let reporting: TestService;
const { id, told, grant } = toldCity();
const unit = (name: string, parent: string | null, from = '2008-08-01'): Published =>
  told(unitEstablished, id(name), {
    unitId: id(name),
    code: name,
    kind: 'quận',
    name: `Đơn vị ${name}`,
    parentId: parent && id(parent),
    from,
    documentNo: null,
    sample: true,
  });
const pastClass = (name: string, line: string, unitName: string, from: string): Published =>
  told(pastClassRecorded, id(name), {
    classId: id(name),
    code: name,
    programCode: line,
    line,
    hostUnitId: id(unitName),
    from,
    to: from,
    importId: id('import'),
  });
const turn = (name: string, className: string, person: string, unitName: string): Published =>
  told(turnRecorded, id(name), {
    turnId: id(name),
    classId: id(className),
    personId: id(person),
    unitId: id(unitName),
    importId: id('import'),
    documentNo: 'BC-1',
  });
const get = async (sub: string, url: string): Promise<{ status: number; body: any }> => {
  const response = await reporting.call(sub, 'GET', `/api/reporting/v1/${url}`);
  return { status: response.statusCode, body: response.json() };
};

const pot = (name: string, year: number): Published =>
  told(potOpened, id(name), { potId: id(name), year, programCode: 'advanced-theory', size: 1, documentNo: 'QD-3', rootUnitId: id('city') });
/** Answers to the same question while the service was filled for the first time. */
const early: { status: number; retryAfter: unknown; code: unknown }[] = [];
const askEarly = async (): Promise<void> => {
  const { statusCode: status, headers, json } = await reporting.call('reader', 'GET', '/api/reporting/v1/five-years?from=2018&to=2022');
  early.push({ status, retryAfter: headers['retry-after'], code: json().code });
};

beforeAll(async () => {
  reporting = await testService('reporting', createReporting);
  await askEarly();
  await reporting.publish([
    unit('city', null),
    unit('old', 'city'),
    unit('other', 'city'),
    unit('north', 'city', '2025-07-01'),
    unit('south', 'city', '2025-07-01'),
    grant('board', 'board', 'city'),
    grant('reader', 'reader', 'city'),
    grant('officer.north', 'officer', 'north'),
    grant('officer.other', 'officer', 'other'),
  ]);
  await reporting.publish([
    told(programPublished, id('program'), {
      programId: id('program'),
      code: 'advanced-theory',
      programVersion: 1,
      name: 'Cao cấp',
      line: 'advanced-theory',
      level: 'advanced',
      form: 'non-concentrated',
      validFrom: '2018-01-01',
      documentNo: 'QD-2',
    }),
    // The turn comes before its class: subjects have no order among each other.
    turn('t1', 'c1', 'an', 'old'),
    pastClass('c1', 'advanced-theory', 'old', '2019-03-01'),
    turn('t2', 'c1', 'binh', 'old'),
    turn('t3', 'c2', 'an', 'old'),
    pastClass('c2', 'districts', 'old', '2021-05-01'),
    turn('t4', 'c3', 'chi', 'other'),
    pastClass('c3', 'districts', 'other', '2022-12-31'),
    turn('t5', 'c4', 'an', 'other'),
    pastClass('c4', 'districts', 'other', '2023-01-01'),
  ]);
  await askEarly();
  await reporting.publish([pot('of another year', 2031)]);
});
afterAll(() => reporting.stop());

test('before a service has heard all that was told before it came, it gives no figures instead of wrong ones', () => {
  // First nobody was there to hear, then quota was still missing.
  const notYet = { status: 503, retryAfter: '1', code: 'not-caught-up' };
  expect(early).toEqual([notYet, notYet]);
});

describe('the five-year report', () => {
  test('counts turns and people apart, and people once over all lines', async () => {
    const { body } = await get('reader', 'five-years?from=2018&to=2022');
    expect(body.lines.map((line: any) => [line.code, line.classes, line.turns, line.people])).toEqual([
      ['advanced-theory', 1, 2, 2],
      ['districts', 2, 2, 2],
    ]);
    expect(body.total).toEqual({ classes: 3, turns: 4, people: 3 });
    expect(body.headline).toEqual({ turns: null, source: null });
  });

  test('opens a published headline into its lines and what they leave unexplained', async () => {
    const report = {
      source: 'Báo cáo mẫu',
      from: '2018-01-01',
      to: '2022-12-31',
      headlineTurns: 10,
      lines: [
        { code: 'districts', name: { vi: 'Các quận', en: 'Districts' }, classes: 2, learners: 2, counts: 'people' },
        { code: 'party-boards', name: { vi: 'Ban Đảng', en: 'Boards' }, classes: 1, learners: 5, counts: 'turns' },
      ],
    };
    expect((await reporting.call('board', 'POST', '/api/reporting/v1/published-reports', report)).statusCode).toBe(201);
    expect((await reporting.call('board', 'POST', '/api/reporting/v1/published-reports', report)).json().code).toBe('published-report-exists');
    const { body } = await get('reader', 'five-years?from=2018&to=2022');
    expect(body.lines.map((line: any) => [line.code, line.turns, line.sourceCounts, line.published?.learners ?? null])).toEqual([
      ['districts', 2, 'people', 2],
      ['party-boards', 0, 'turns', 5],
      ['advanced-theory', 2, null, null],
    ]);
    expect([body.headline.turns, body.notExplained]).toEqual([10, 6]);
    expect((await get('reader', 'published-reports')).body.items).toEqual([{ ...report, id: expect.any(String), version: 1 }]);
  });

  test('is refused to an officer for the city, and given for the officer’s own unit', async () => {
    // Everybody signed in may know every unit: what is not his are its figures, so this is a refusal and no absence.
    for (const elsewhere of ['five-years?from=2018&to=2022', `five-years?from=2018&to=2022&unit=${id('old')}`, 'plan-actual?year=2026'])
      expect(await get('officer.other', elsewhere)).toMatchObject({ status: 403, body: { code: 'out-of-scope' } });
    expect((await get('officer.other', `five-years?from=2018&to=2022&unit=${id('other')}`)).body.total).toEqual({ classes: 1, turns: 1, people: 1 });
  });

  test('refuses a period that ends before it starts', async () => {
    expect((await get('reader', 'five-years?from=2022&to=2018')).body.code).toBe('period-invalid');
  });
});

test('a merged person counts once', async () => {
  await reporting.publish([told(duplicateMerged, id('pair'), { candidateId: id('pair'), keptPersonId: id('an'), mergedPersonId: id('chi') })]);
  expect((await get('reader', 'five-years?from=2018&to=2022')).body.total).toEqual({ classes: 3, turns: 4, people: 2 });
});

test('a turn of a split unit reports under it in the structure of its time, and under its assigned successor in today’s', async () => {
  await reporting.publish([
    told(unitSucceeded, id('old'), {
      unitId: id('old'),
      successors: [
        { unitId: id('north'), sharePercent: null },
        { unitId: id('south'), sharePercent: null },
      ],
      on: '2025-07-01',
      documentNo: 'NQ-1',
      sample: true,
    }),
    told(historyAssigned, id('assignment'), {
      assignmentId: id('assignment'),
      fromUnitId: id('old'),
      personId: id('an'),
      toUnitId: id('north'),
      documentNo: null,
    }),
  ]);
  const then = await get('reader', 'turns?by=unit&from=2018&to=2022&structure=then');
  expect(Object.fromEntries(then.body.items.map((item: any) => [item.name, item.turns]))).toEqual({ 'Đơn vị old': 3, 'Đơn vị other': 1 });
  const today = await get('reader', 'turns?by=unit&from=2018&to=2022&structure=today');
  expect(Object.fromEntries(today.body.items.map((item: any) => [item.name, item.turns]))).toEqual({
    'Đơn vị north': 2,
    'Đơn vị old (chưa gán đơn vị kế thừa)': 1,
    'Đơn vị other': 1,
  });
  const north = await get('officer.north', `turns?by=line&from=2018&to=2022&structure=today&unit=${id('north')}`);
  expect(north.body.total).toEqual({ classes: 2, turns: 2, people: 1 });
});

test('a turn that is taken back leaves the figures', async () => {
  await reporting.publish([
    told(turnRevoked, id('t2'), { turnId: id('t2'), classId: id('c1'), personId: id('binh'), unitId: id('old'), importId: id('import') }),
  ]);
  expect((await get('reader', 'turns?by=line&from=2019&to=2019')).body.items).toMatchObject([{ key: 'advanced-theory', classes: 1, turns: 1 }]);
});

test('an admitted learner is a live turn until withdrawn', async () => {
  const enrollment = { enrollmentId: id('e1'), classId: id('live'), personId: id('an'), unitId: id('north') };
  await reporting.publish([
    told(classOpened, id('live'), {
      classId: id('live'),
      code: 'K1.B1',
      programId: id('program'),
      programCode: 'advanced-theory',
      line: 'advanced-theory',
      hostUnitId: id('city'),
      size: 10,
      from: '2026-09-01',
      to: '2027-09-01',
    }),
    told(learnerAdmitted, id('e1'), { ...enrollment, programCode: 'advanced-theory', line: 'advanced-theory', year: 2026 }),
  ]);
  expect((await get('reader', 'turns?by=line&from=2026&to=2026')).body.items).toMatchObject([
    { classes: 1, turns: 1, people: 1, provenance: { live: 1, imported: 0 } },
  ]);
  await reporting.publish([told(enrollmentWithdrawn, id('e1'), { ...enrollment, on: '2026-10-01', wasAdmitted: true })]);
  expect((await get('reader', 'turns?by=line&from=2026&to=2026')).body.items).toMatchObject([{ classes: 1, turns: 0, people: 0 }]);
});

test('plan against actual shows what a unit was allotted, passed on, holds and waits for', async () => {
  const seat = { unitId: id('north'), year: 2026, programCode: 'advanced-theory', potId: id('pot'), accountId: id('account.north') };
  await reporting.publish([
    told(potOpened, id('pot'), {
      potId: id('pot'),
      year: 2026,
      programCode: 'advanced-theory',
      size: 50,
      documentNo: 'QD-9',
      rootUnitId: id('city'),
    }),
    told(accountAllotted, id('account'), {
      accountId: id('account'),
      potId: id('pot'),
      parentAccountId: null,
      unitId: id('city'),
      allotted: 50,
      documentNo: 'QD-9',
    }),
    told(accountAllotted, id('account.north'), {
      accountId: id('account.north'),
      potId: id('pot'),
      parentAccountId: id('account'),
      unitId: id('north'),
      allotted: 2,
      documentNo: 'QD-9',
    }),
    told(seatHeld, id('s1'), { ...seat, enrollmentId: id('s1'), cause: 'requested' }),
    told(seatConfirmed, id('s1'), { ...seat, enrollmentId: id('s1') }),
    told(seatHeld, id('s2'), { ...seat, enrollmentId: id('s2'), cause: 'requested' }),
    told(seatQueued, id('s3'), { ...seat, enrollmentId: id('s3'), queueNo: 1 }),
  ]);
  const { body } = await get('reader', 'plan-actual?year=2026&program=advanced-theory');
  expect(body.pots).toMatchObject([{ size: 50, held: 1, confirmed: 1, queued: 1 }]);
  expect(body.pots[0].units.find((row: any) => row.unitId === id('north'))).toMatchObject({
    allotted: 2,
    passedOn: 0,
    held: 1,
    confirmed: 1,
    queued: 1,
  });
  expect(body.pots[0].units.find((row: any) => row.unitId === id('city'))).toMatchObject({ allotted: 50, passedOn: 2 });
  const own = await get('officer.north', `plan-actual?year=2026&unit=${id('north')}`);
  expect(own.body.pots[0].units.map((row: any) => row.unitId)).toEqual([id('north')]);
});

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
import { duplicateMerged, grantIssued, historyAssigned, unitEstablished, unitSucceeded } from '@khue/contracts/events/registry';
import { testService, type Published, type TestService } from '@khue/testing/service';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReporting } from './service.ts';

let reporting: TestService;
const ids = new Map<string, string>();
const id = (name: string): string => {
  const known = ids.get(name) ?? uuidv7();
  ids.set(name, known);
  return known;
};
const event = <P extends Published>(published: P): Published => published as Published;
const unit = (name: string, parent: string | null, from = '2008-08-01'): Published =>
  event({
    definition: unitEstablished,
    subject: id(name),
    data: {
      unitId: id(name),
      code: name,
      kind: 'quận',
      name: `Đơn vị ${name}`,
      parentId: parent && id(parent),
      from,
      documentNo: null,
      sample: true,
    },
  });
const grant = (sub: string, role: 'board' | 'reader' | 'officer', unitName: string): Published =>
  event({
    definition: grantIssued,
    subject: id(`${sub}@${unitName}`),
    data: { grantId: id(`${sub}@${unitName}`), sub, role, unitId: id(unitName), validFrom: '2020-01-01', validTo: null, documentNo: 'QD-1' },
  });
const pastClass = (name: string, line: string, unitName: string, from: string): Published =>
  event({
    definition: pastClassRecorded,
    subject: id(name),
    data: { classId: id(name), code: name, programCode: line, line, hostUnitId: id(unitName), from, to: from, importId: id('import') },
  });
const turn = (name: string, className: string, person: string, unitName: string): Published =>
  event({
    definition: turnRecorded,
    subject: id(name),
    data: { turnId: id(name), classId: id(className), personId: id(person), unitId: id(unitName), importId: id('import'), documentNo: 'BC-1' },
  });
const get = async (sub: string, url: string): Promise<{ status: number; body: any }> => {
  const response = await reporting.call(sub, 'GET', `/api/reporting/v1/${url}`);
  return { status: response.statusCode, body: response.json() };
};

const pot = (name: string, year: number): Published =>
  event({
    definition: potOpened,
    subject: id(name),
    data: { potId: id(name), year, programCode: 'advanced-theory', size: 1, documentNo: 'QD-3', rootUnitId: id('city') },
  });
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
    event({
      definition: programPublished,
      subject: id('program'),
      data: {
        programId: id('program'),
        code: 'advanced-theory',
        programVersion: 1,
        name: 'Cao cấp',
        line: 'advanced-theory',
        level: 'advanced',
        form: 'non-concentrated',
        validFrom: '2018-01-01',
        documentNo: 'QD-2',
      },
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
  });

  test('is refused to an officer for the city, and given for the officer’s own unit', async () => {
    expect((await get('officer.other', 'five-years?from=2018&to=2022')).body.code).toBe('out-of-scope');
    expect((await get('officer.other', `five-years?from=2018&to=2022&unit=${id('other')}`)).body.total).toEqual({ classes: 1, turns: 1, people: 1 });
  });

  test('refuses a period that ends before it starts', async () => {
    expect((await get('reader', 'five-years?from=2022&to=2018')).body.code).toBe('period-invalid');
  });
});

test('a merged person counts once', async () => {
  await reporting.publish([
    event({ definition: duplicateMerged, subject: id('pair'), data: { candidateId: id('pair'), keptPersonId: id('an'), mergedPersonId: id('chi') } }),
  ]);
  expect((await get('reader', 'five-years?from=2018&to=2022')).body.total).toEqual({ classes: 3, turns: 4, people: 2 });
});

test('a turn of a split unit reports under it in the structure of its time, and under its assigned successor in today’s', async () => {
  await reporting.publish([
    event({
      definition: unitSucceeded,
      subject: id('old'),
      data: {
        unitId: id('old'),
        successors: [
          { unitId: id('north'), sharePercent: null },
          { unitId: id('south'), sharePercent: null },
        ],
        on: '2025-07-01',
        documentNo: 'NQ-1',
        sample: true,
      },
    }),
    event({
      definition: historyAssigned,
      subject: id('assignment'),
      data: { assignmentId: id('assignment'), fromUnitId: id('old'), personId: id('an'), toUnitId: id('north'), documentNo: null },
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
    event({
      definition: turnRevoked,
      subject: id('t2'),
      data: { turnId: id('t2'), classId: id('c1'), personId: id('binh'), unitId: id('old'), importId: id('import') },
    }),
  ]);
  expect((await get('reader', 'turns?by=line&from=2019&to=2019')).body.items).toMatchObject([{ key: 'advanced-theory', classes: 1, turns: 1 }]);
});

test('an admitted learner is a live turn until withdrawn', async () => {
  const enrollment = { enrollmentId: id('e1'), classId: id('live'), personId: id('an'), unitId: id('north') };
  await reporting.publish([
    event({
      definition: classOpened,
      subject: id('live'),
      data: {
        classId: id('live'),
        code: 'K1.B1',
        programId: id('program'),
        programCode: 'advanced-theory',
        line: 'advanced-theory',
        hostUnitId: id('city'),
        size: 10,
        from: '2026-09-01',
        to: '2027-09-01',
      },
    }),
    event({
      definition: learnerAdmitted,
      subject: id('e1'),
      data: { ...enrollment, programCode: 'advanced-theory', line: 'advanced-theory', year: 2026 },
    }),
  ]);
  expect((await get('reader', 'turns?by=line&from=2026&to=2026')).body.items).toMatchObject([
    { classes: 1, turns: 1, people: 1, provenance: { live: 1, imported: 0 } },
  ]);
  await reporting.publish([
    event({ definition: enrollmentWithdrawn, subject: id('e1'), data: { ...enrollment, on: '2026-10-01', wasAdmitted: true } }),
  ]);
  expect((await get('reader', 'turns?by=line&from=2026&to=2026')).body.items).toMatchObject([{ classes: 1, turns: 0, people: 0 }]);
});

test('plan against actual shows what a unit was allotted, passed on, holds and waits for', async () => {
  const seat = { unitId: id('north'), year: 2026, programCode: 'advanced-theory', potId: id('pot'), accountId: id('account.north') };
  await reporting.publish([
    event({
      definition: potOpened,
      subject: id('pot'),
      data: { potId: id('pot'), year: 2026, programCode: 'advanced-theory', size: 50, documentNo: 'QD-9', rootUnitId: id('city') },
    }),
    event({
      definition: accountAllotted,
      subject: id('account'),
      data: { accountId: id('account'), potId: id('pot'), parentAccountId: null, unitId: id('city'), allotted: 50, documentNo: 'QD-9' },
    }),
    event({
      definition: accountAllotted,
      subject: id('account.north'),
      data: {
        accountId: id('account.north'),
        potId: id('pot'),
        parentAccountId: id('account'),
        unitId: id('north'),
        allotted: 2,
        documentNo: 'QD-9',
      },
    }),
    event({ definition: seatHeld, subject: id('s1'), data: { ...seat, enrollmentId: id('s1'), cause: 'requested' } }),
    event({ definition: seatConfirmed, subject: id('s1'), data: { ...seat, enrollmentId: id('s1') } }),
    event({ definition: seatHeld, subject: id('s2'), data: { ...seat, enrollmentId: id('s2'), cause: 'requested' } }),
    event({ definition: seatQueued, subject: id('s3'), data: { ...seat, enrollmentId: id('s3'), queueNo: 1 } }),
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

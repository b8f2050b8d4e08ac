import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { eventually } from '@khue/testing/eventually';
import { v7 as uuidv7 } from 'uuid';
import { ableFacts, csvForm, ruleSetOf, type FoundedCity } from './founded.fixture.ts';

/** A write as it is meant: by an account that may, on records of unit a that are there. */
export interface Example {
  readonly by: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: any;
  readonly file?: { readonly name: string; readonly lines: readonly string[] };
  readonly headers?: Readonly<Record<string, string>>;
  /** What is written belongs to no unit: a role anywhere is enough. */
  readonly everywhere?: true;
}

const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';
export const today = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);
export const peopleHeadings = 'Số định danh;Họ và tên;Ngày sinh;Giới tính;Mã đơn vị';
export const turnHeadings = 'Số định danh;Họ và tên;Mã lớp;Mã chương trình;Mã đơn vị;Từ ngày;Đến ngày;Số văn bản';

/** Everything of unit a that the walk attacks: people, nominations, imports, pairs, units below it. */
export const furnish = async (city: FoundedCity): Promise<void> => {
  const { make, id, ids, send } = city;
  for (const key of ['moving', 'ending', 'splitting', 'heir', 'past']) {
    await make(key, 'board', `${registry}/units`, { code: `a-${key}`, kind: 'phòng', name: `Đơn vị ${key}`, parentId: id('a'), from: '2018-01-01' });
  }
  await make('spare', 'board', `${registry}/grants`, { sub: 'spare', role: 'reader', unitId: id('a'), validFrom: '2018-01-01', documentNo: 'QD-1' });
  let serial = 1;
  const person = async (key: string, more: object = {}): Promise<void> => {
    serial += 1;
    const identityNumber = makeIdentityNumber({ province: 2, sex: 'male', birthYear: 1980, serial });
    await make(key, 'officer.a', `${registry}/people`, {
      name: `Nguyễn Kín ${key}`,
      identityNumber,
      birth: '1980',
      sex: 'male',
      unitId: id('a'),
      facts: ableFacts,
      ...more,
    });
  };
  for (const key of ['mending', 'erased', 'one', 'two', 'three', 'approved', 'withdrawn', 'rechecked', 'assigned']) await person(key);
  await person('young', { birth: '2001', identityNumber: null });
  await make(undefined, 'board', `${registry}/units/${id('past')}/succeed`, {
    successors: [
      { unitId: id('heir'), sharePercent: 60 },
      { unitId: id('moving'), sharePercent: 40 },
    ],
    on: today,
    documentNo: 'QD-1',
  });
  for (const [pair, birth] of [
    ['merged', '1979-03-02'],
    ['dismissed', '1979-03-03'],
  ] as const) {
    for (const which of ['first', 'second']) await person(`${pair}.${which}`, { name: `Trần Kín ${pair}`, identityNumber: null, birth });
  }
  for (const pair of ['merged', 'dismissed']) {
    const first = id(`${pair}.first`);
    const found = await eventually(async () => {
      const { body } = await send('board', 'GET', `${registry}/people/duplicates?limit=200`);
      const one = body.items.find((item: any) => item.people.some((each: any) => each.id === first));
      if (!one) throw new Error('the pair is not found yet');
      return one;
    });
    ids.set(`pair.${pair}`, found.id);
  }
  for (const key of ['approved', 'withdrawn', 'rechecked', 'young']) {
    await make(`nomination.${key}`, 'officer.a', `${enrollment}/nominations`, { classId: id('class'), personId: id(key) });
  }
  await make(undefined, 'board', '/api/quota/v1/seats', { enrollmentId: seat, unitId: id('a'), year: 2026, programCode: 'intermediate' });
  for (const [of, api, lines] of [
    ['people', registry, peopleLines()],
    ['turns', enrollment, turnLines()],
  ] as const) {
    for (const key of ['planned', 'committed']) {
      const planned = await eventually(
        async () => {
          const { body, text } = await send('officer.a', 'POST', `${api}/imports?mode=plan`, { body: csvForm(`${of}.csv`, lines(key)) });
          if (body?.accepted !== 1) throw new Error(text);
          return body;
        },
        { withinMs: 30_000, everyMs: 200 },
      );
      ids.set(`${of}.${key}`, planned.id);
      ids.set(`${of}.${key}.hash`, planned.planHash);
    }
    await send('officer.a', 'POST', `${api}/imports/${id(`${of}.committed`)}/commit`, { body: { planHash: id(`${of}.committed.hash`) } });
    await eventually(async () => {
      const { body } = await send('officer.a', 'GET', `${api}/imports/${id(`${of}.committed`)}`);
      if (body.state !== 'done') throw new Error(body.state);
    });
  }
};

const seat = '018f0000-0000-7000-8000-00000000abcd';
const bad = (line: string): string => line.replace(/;[^;]*;[^;]*$/, ';không phải;x');
const peopleLines =
  () =>
  (key: string): string[] => {
    const line = `${makeIdentityNumber({ province: 3, sex: 'female', birthYear: 1985, serial: key === 'planned' ? 11 : key === 'committed' ? 12 : 13 })};Lê Kín ${key};1/2/1985;Nữ;a`;
    return [peopleHeadings, line, bad(line)];
  };
const turnLines =
  () =>
  (key: string): string[] => {
    // People registered above, by the place in which they were.
    const [serial, name] = key === 'planned' ? [4, 'one'] : key === 'committed' ? [5, 'two'] : [6, 'three'];
    const line = `${makeIdentityNumber({ province: 2, sex: 'male', birthYear: 1980, serial: Number(serial) })};Nguyễn Kín ${name};CU.${key};intermediate;a;4/3/2024;8/3/2024;BC-1`;
    return [turnHeadings, line, bad(line)];
  };

/** For each write operation a request that would pass. A new operation without one fails the walk. */
export const examplesOf = async ({ id }: FoundedCity): Promise<Readonly<Record<string, Example>>> => {
  const at = (key: string): { id: string } => ({ id: id(key) });
  const version = (n: number): Record<string, string> => ({ 'if-match': `"${n}"` });
  return {
    registerUnit: {
      by: 'board',
      body: { code: 'a-new', kind: 'phòng', name: 'Phòng mới', parentId: id('a'), from: '2020-01-01', documentNo: 'QD-1', sample: false },
    },
    moveUnit: { by: 'board', params: at('moving'), body: { parentId: id('heir'), on: today, documentNo: 'QD-1' } },
    dissolveUnit: { by: 'board', params: at('ending'), body: { on: today, documentNo: 'QD-1' } },
    succeedUnit: {
      by: 'board',
      params: at('splitting'),
      body: { successors: [{ unitId: id('heir'), sharePercent: 100 }], on: today, documentNo: 'QD-1', sample: false },
    },
    assignHistory: { by: 'board', params: at('past'), body: { items: [{ personId: id('assigned'), toUnitId: id('heir') }], documentNo: 'QD-1' } },
    registerPerson: {
      by: 'officer.a',
      body: {
        name: 'Vũ Kín Mới',
        identityNumber: makeIdentityNumber({ province: 2, sex: 'male', birthYear: 1980, serial: 900 }),
        birth: '1980',
        sex: 'male',
        unitId: id('a'),
        facts: ableFacts,
      },
    },
    updatePerson: {
      by: 'officer.a',
      params: at('mending'),
      headers: version(1),
      body: { name: 'Nguyễn Kín Sửa', facts: { degree: 'master' }, reason: 'theo bằng' },
    },
    erasePerson: { by: 'board', params: at('erased'), headers: version(1) },
    mergeDuplicate: { by: 'board', params: at('pair.merged'), body: { keptPersonId: id('merged.first'), reason: 'một người' } },
    dismissDuplicate: { by: 'board', params: at('pair.dismissed'), body: { reason: 'hai người' } },
    issueGrant: {
      by: 'board',
      body: { sub: 'another', role: 'reader', unitId: id('a'), validFrom: '2020-01-01', validTo: null, documentNo: 'QD-1' },
    },
    revokeGrant: { by: 'board', params: at('spare'), body: { documentNo: 'QD-1', reason: 'chuyển công tác' } },
    recordDocument: {
      by: 'school',
      everywhere: true,
      body: { number: 'QD-9', issuer: 'Trường', issuedOn: '2026-02-01', governs: 'program', title: null },
    },
    planPeopleImport: { by: 'officer.a', query: `mode=plan&unitId=${id('a')}`, file: { name: 'people.csv', lines: peopleLines()('third') } },
    commitPeopleImport: { by: 'officer.a', params: at('people.planned'), body: { planHash: id('people.planned.hash') } },
    revokePeopleImport: { by: 'officer.a', params: at('people.committed'), body: {} },
    openPot: { by: 'board', body: { year: 2027, programCode: 'intermediate', size: 7, documentNo: 'QD-1', rootUnitId: id('a'), closesOn: null } },
    dividePot: {
      by: 'approver.a',
      params: at('pot'),
      body: { unitId: id('a'), documentNo: 'QD-1', division: { by: 'hand', shares: [{ unitId: id('heir'), change: 1 }] } },
    },
    claimSeat: { by: 'board', body: { enrollmentId: uuidv7(), unitId: id('a'), year: 2026, programCode: 'intermediate' } },
    publishProgram: {
      by: 'school',
      everywhere: true,
      body: { code: 'new', name: 'Chương trình mới', level: null, form: null, line: 'other', hours: 40, validFrom: '2026-01-01', documentNo: 'QD-1' },
    },
    publishRuleSet: { by: 'board', everywhere: true, body: await ruleSetOf('57-qd-tw') },
    openClass: {
      by: 'school',
      body: { programCode: 'intermediate', hostUnitId: id('school'), size: 10, from: '2026-12-07', to: '2027-06-30', organizers: [] },
    },
    nominateLearner: { by: 'officer.a', body: { classId: id('class'), personId: id('one'), unitId: id('a') } },
    nominateLearners: { by: 'officer.a', body: { classId: id('class'), personIds: [id('two'), id('three')] } },
    recheckNomination: { by: 'officer.a', params: at('nomination.rechecked'), body: { reason: 'đã bổ sung' } },
    waiveRule: {
      by: 'board',
      params: at('nomination.young'),
      body: { ruleId: 'TC.AGE.KTT', documentNo: 'QD-1', date: '2026-11-01', by: 'Ban Thường vụ' },
    },
    approveNomination: { by: 'approver.a', params: at('nomination.approved'), body: { reason: 'đồng ý' } },
    withdrawNomination: { by: 'officer.a', params: at('nomination.withdrawn'), body: { reason: 'bận' } },
    planPastTurnImport: { by: 'officer.a', query: `mode=plan&unitId=${id('a')}`, file: { name: 'turns.csv', lines: turnLines()('third') } },
    commitPastTurnImport: { by: 'officer.a', params: at('turns.planned'), body: { planHash: id('turns.planned.hash') } },
    revokePastTurnImport: { by: 'officer.a', params: at('turns.committed'), body: {} },
    recordPublishedReport: {
      by: 'board',
      body: {
        source: 'Báo cáo',
        from: '2018-01-01',
        to: '2022-12-31',
        headlineTurns: 10,
        lines: [{ code: 'line', name: { vi: 'Dòng', en: 'Line' }, classes: 1, learners: 2, counts: 'turns' }],
      },
    },
  };
};

/** For each read with a path parameter or a needed query, where it finds something of unit a. */
export const readsOf = ({
  id,
}: FoundedCity): Readonly<Record<string, { readonly params?: Readonly<Record<string, string>>; readonly query?: string }>> => ({
  readUnit: { params: { id: id('a') } },
  readSuccessors: { params: { id: id('past') } },
  readPerson: { params: { id: id('one') } },
  readPeopleImport: { params: { id: id('people.committed') } },
  readRejectedPeople: { params: { id: id('people.committed') } },
  readPot: { params: { id: id('pot') } },
  readSeat: { params: { enrollmentId: seat } },
  readClass: { params: { id: id('class') } },
  readNomination: { params: { id: id('nomination.approved') } },
  readEnrollment: { params: { id: id('nomination.approved') } },
  readTimeline: { params: { id: id('nomination.approved') } },
  readPastTurnImport: { params: { id: id('turns.committed') } },
  readRejectedPastTurn: { params: { id: id('turns.committed') } },
  readFiveYears: { query: `from=2018&to=2026&unit=${id('a')}` },
  readTurns: { query: `by=unit&from=2018&to=2026&unit=${id('a')}` },
  readPlanActual: { query: `year=2026&unit=${id('a')}` },
});

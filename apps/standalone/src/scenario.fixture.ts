import { readFile } from 'node:fs/promises';
import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { v7 as uuidv7 } from 'uuid';
import { beforeAll, describe, expect, test } from 'vitest';

/** A running city, whatever it runs on: one process or many, the embedded bus or Kafka. */
export interface RunningCity {
  readonly address: string;
  token(sub: string): Promise<string>;
}

interface Answered {
  readonly status: number;
  readonly body: any;
}

const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';
const quota = '/api/quota/v1';
const reporting = '/api/reporting/v1';
const today = new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10);
const headings = 'Số định danh;Họ và tên;Mã lớp;Mã chương trình;Mã đơn vị;Từ ngày;Đến ngày;Số văn bản';
const able = {
  party: { status: 'full', since: '2015-05-19' },
  degree: 'university',
  post: { code: 'division-head', level: 'commune' },
  sector: 'civil',
  ratings: [
    { year: 2024, rating: 'good' },
    { year: 2025, rating: 'good' },
  ],
};

/** The main job of the product, from a unit's registration to a learner's story. Each run makes units, programs and accounts of its own. */
export const scenario = (name: string, open: () => Promise<RunningCity>): void => {
  describe(`the city ${name}`, { concurrent: false }, () => {
    const mark = uuidv7().slice(-6);
    const serial = Number.parseInt(mark.slice(0, 5), 16) % 900_000;
    const ids = new Map<string, string>();
    const id = (key: string): string => ids.get(key) ?? expect.fail(`${key} was not made by an earlier step`);
    let city: RunningCity;

    const send = async (sub: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> => {
      const response = await fetch(`${city.address}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await city.token(sub)}`,
          ...(method === 'POST' ? { 'idempotency-key': uuidv7() } : {}),
          ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json().catch(() => undefined) };
    };
    const get = (sub: string, path: string): Promise<Answered> => send(sub, 'GET', path);
    const patient = (code: unknown): boolean =>
      ['unit-not-known-yet', 'person-not-known-yet', 'role-missing', 'program-unknown', 'out-of-scope'].includes(String(code));
    /** A write that must pass once the news it rests on has arrived everywhere. */
    const make = async (key: string | undefined, sub: string, path: string, body: unknown): Promise<any> => {
      let answered = await send(sub, 'POST', path, body);
      await expect
        .poll(
          async () => {
            if (answered.status >= 400 && patient(answered.body?.code)) answered = await send(sub, 'POST', path, body);
            return answered.status < 400 ? 'done' : answered.body;
          },
          { timeout: 20_000, interval: 100 },
        )
        .toBe('done');
      if (key !== undefined) ids.set(key, answered.body.id);
      return answered.body;
    };
    const eventually = (read: () => Promise<unknown>) => expect.poll(read, { timeout: 30_000, interval: 100 });
    const unit = (key: string, parent: string, from = '2018-01-01'): Promise<any> =>
      make(key, 'board', `${registry}/units`, {
        code: `${key}-${mark}`,
        kind: 'phường',
        name: `Đơn vị ${key} ${mark}`,
        parentId: id(parent),
        from,
        sample: true,
      });
    const grant = (sub: string, role: string, unitKey: string): Promise<any> =>
      make(undefined, 'board', `${registry}/grants`, {
        sub: `${sub}.${mark}`,
        role,
        unitId: id(unitKey),
        validFrom: '2018-01-01',
        validTo: null,
        documentNo: `QD-1-${mark}`,
      });
    const as = (sub: string): string => `${sub}.${mark}`;
    let people = 0;
    const person = async (key: string, unitKey: string, more: object = {}): Promise<any> => {
      people += 1;
      const birthYear = 1980;
      const body = {
        name: `Nguyễn Văn ${key}`,
        identityNumber: makeIdentityNumber({ province: 2, sex: 'male', birthYear, serial: serial + people }),
        birth: `${birthYear}`,
        sex: 'male',
        unitId: id(unitKey),
        facts: able,
        ...more,
      };
      return { ...(await make(key, as(`officer.${unitKey}`), `${registry}/people`, body)), identityNumber: body.identityNumber };
    };
    const nominate = async (key: string, classKey: string, unitKey: string): Promise<any> =>
      make(`nomination.${key}`, as(`officer.${unitKey}`), `${enrollment}/nominations`, { classId: id(classKey), personId: id(key) });
    const approve = (key: string, unitKey: string): Promise<Answered> =>
      send(as(`approver.${unitKey}`), 'POST', `${enrollment}/nominations/${id(`nomination.${key}`)}/approve`);
    const stateOf = async (key: string): Promise<string> => (await get('board', `${enrollment}/enrollments/${id(`nomination.${key}`)}`)).body.state;
    const seatOf = async (key: string): Promise<any> => (await get('board', `${quota}/seats/${id(`nomination.${key}`)}`)).body;

    beforeAll(async () => {
      city = await open();
    });

    test('1. the registry knows units, people, grants and duplicates, and the others learn of them', async () => {
      await make(undefined, 'board', `${registry}/documents`, {
        number: `QD-1-${mark}`,
        issuer: 'Ban Tổ chức',
        issuedOn: '2026-01-05',
        governs: 'grants',
      });
      const roots = (await get('board', `${registry}/units?limit=200`)).body.items.filter((found: any) =>
        found.parents.every((link: any) => link.parentId === null),
      );
      if (roots.length > 0) ids.set('root', roots[0].id);
      else {
        await make('root', 'board', `${registry}/units`, {
          code: 'ha-noi',
          kind: 'thành-phố',
          name: 'Thành phố Hà Nội',
          parentId: null,
          from: '2008-08-01',
        });
        await make(undefined, 'board', `${registry}/grants`, {
          sub: 'board',
          role: 'board',
          unitId: id('root'),
          validFrom: '2018-01-01',
          validTo: null,
          documentNo: 'QD-0',
        });
      }
      for (const key of ['a', 'b', 'school']) await unit(key, 'root');
      await unit('a1', 'a');
      for (const [sub, role, unitKey] of [
        ['officer.a', 'officer', 'a'],
        ['officer.b', 'officer', 'b'],
        ['approver.a', 'approver', 'a'],
        ['approver.b', 'approver', 'b'],
        ['school', 'school', 'school'],
        ['reader', 'reader', 'root'],
      ] as const)
        await grant(sub, role, unitKey);

      const registered = await person('An', 'a');
      await person('Binh', 'a');
      await person('Dung', 'b');
      const twice = await send(as('officer.b'), 'POST', `${registry}/people`, {
        name: 'Nguyễn Văn An',
        identityNumber: registered.identityNumber,
        birth: '1980',
        sex: 'male',
        unitId: id('b'),
      });
      expect([twice.status, twice.body.code]).toEqual([409, 'person-exists-elsewhere']);
      expect(JSON.stringify(twice.body)).not.toContain('Nguyễn');
      await person('first', 'a', { name: `Trần Thị Thủy ${mark}`, identityNumber: null, birth: '1979-03-02' });
      await person('second', 'b', { name: `tran thi thuy ${mark}`, identityNumber: null, birth: '1979-03-02' });
      const pairs = (await get('board', `${registry}/people/duplicates?limit=200`)).body.items;
      expect(pairs.map((pair: any) => pair.people.map((one: any) => one.id).sort())).toContainEqual([id('first'), id('second')].sort());
    });

    test('2. quota: a pot under a document is divided with its working, and nobody passes on more than it holds', async () => {
      const pot = await make('pot', 'board', `${quota}/pots`, {
        year: 2026,
        programCode: `advanced-${mark}`,
        size: 5,
        documentNo: `QD-2-${mark}`,
        rootUnitId: id('root'),
      });
      const divided = await make(undefined, 'board', `${quota}/pots/${pot.id}/divisions`, {
        unitId: id('root'),
        documentNo: `QD-2-${mark}`,
        division: {
          by: 'formula',
          method: 'largest-remainder',
          total: 3,
          shares: [
            { unitId: id('a'), weight: 2 },
            { unitId: id('b'), weight: 1 },
          ],
        },
      });
      expect(divided.accounts.map((account: any) => account.allotted)).toEqual([2, 1]);
      expect(divided.working.map((line: any) => line.vi).join()).toMatch(/\d/);
      const further = { unitId: id('a'), documentNo: `QD-3-${mark}`, division: { by: 'hand', shares: [{ unitId: id('a1'), change: 3 }] } };
      const refused = await send(as('approver.a'), 'POST', `${quota}/pots/${pot.id}/divisions`, further);
      expect([refused.status, refused.body.code]).toEqual([409, 'not-enough-free']);
      further.division.shares = [{ unitId: id('a1'), change: 1 }];
      expect((await make(undefined, as('approver.a'), `${quota}/pots/${pot.id}/divisions`, further)).account.free).toBe(1);
    });

    test('3. enrollment: a nomination is answered by a rule set, and another person approves', async () => {
      const program = { hours: 800, validFrom: '2020-01-01', documentNo: `QD-4-${mark}`, form: 'non-concentrated' };
      for (const [key, level] of [
        ['advanced', 'advanced'],
        ['intermediate', 'intermediate'],
      ] as const) {
        await make(undefined, as('school'), `${enrollment}/programs`, {
          ...program,
          code: `${key}-${mark}`,
          name: `Chương trình ${key}`,
          line: `${key}-theory`,
          level,
        });
        await make(`class.${key}`, as('school'), `${enrollment}/classes`, {
          programCode: `${key}-${mark}`,
          hostUnitId: id('school'),
          size: 20,
          from: '2026-12-07',
          to: '2028-06-30',
        });
      }
      for (const set of ['57-qd-tw', '350-qd-tw']) {
        const rules: unknown = JSON.parse(await readFile(new URL(`../../enrollment/rules/${set}.json`, import.meta.url), 'utf8'));
        const published = await send('board', 'POST', `${enrollment}/rule-sets`, rules);
        expect([201, 409]).toContain(published.status);
      }
      await person('young', 'a', { birth: '2001', identityNumber: null });
      await person('unknown', 'a', { facts: {}, identityNumber: null, birth: '1981' });
      const able = await nominate('Binh', 'class.intermediate', 'a');
      expect([able.eligibility.verdict, able.eligibility.ruleSet.id]).toEqual(['eligible', '350-qd-tw']);
      const young = await nominate('young', 'class.intermediate', 'a');
      expect(young.eligibility.verdict).toBe('not-eligible');
      expect(young.eligibility.results.find((result: any) => result.outcome === 'not-met')).toMatchObject({
        ruleId: expect.stringContaining('AGE'),
        source: { document: expect.stringContaining('350') },
      });
      const unknown = await nominate('unknown', 'class.intermediate', 'a');
      expect(unknown.eligibility.verdict).toBe('missing-data');
      expect(unknown.eligibility.results.flatMap((result: any) => result.missing)).toContain('degree');
      expect((await approve('unknown', 'a')).body.code).toBe('eligibility-missing-data');
      expect((await approve('young', 'a')).body.code).toBe('not-eligible');
      const rule = young.eligibility.results.find((result: any) => result.outcome === 'not-met').ruleId;
      await make(undefined, 'board', `${enrollment}/nominations/${id('nomination.young')}/waivers`, {
        ruleId: rule,
        documentNo: `QD-5-${mark}`,
        date: '2026-11-01',
        by: 'Ban Thường vụ',
      });
      expect((await approve('young', 'a')).status).toBe(200);

      await grant('both', 'officer', 'a');
      await grant('both', 'approver', 'a');
      await person('own', 'a');
      const own = await make('nomination.own', as('both'), `${enrollment}/nominations`, { classId: id('class.advanced'), personId: id('own') });
      const same = await send(as('both'), 'POST', `${enrollment}/nominations/${own.id}/approve`);
      expect(same.body.code).toBe('same-person');
    });

    test('4. quota holds a seat, queues, or refuses with the reason', async () => {
      for (const key of ['An', 'own', 'Binh']) {
        if (key !== 'own')
          await make(`nomination.${key}`, as('officer.a'), `${enrollment}/nominations`, { classId: id('class.advanced'), personId: id(key) });
        expect((await approve(key, 'a')).status).toBe(200);
        await eventually(() => stateOf(key)).not.toBe('approved');
      }
      // Unit a kept one of its two seats: the first is admitted, the others wait in the order of their approval.
      expect([await stateOf('An'), await stateOf('own'), await stateOf('Binh')]).toEqual(['admitted', 'queued', 'queued']);
      expect([(await seatOf('own')).position, (await seatOf('Binh')).position]).toEqual([1, 2]);
      await eventually(() => stateOf('young')).toBe('turned-down');
      expect(await seatOf('young')).toMatchObject({ state: 'refused', reason: 'no-pot' });
    });

    test('4. of 2,000 claims at once on 500 seats 500 are held, none oversold, the rest queued in order', async () => {
      const programCode = `rush-${mark}`;
      const pot = await make(undefined, 'board', `${quota}/pots`, {
        year: 2026,
        programCode,
        size: 500,
        documentNo: `QD-6-${mark}`,
        rootUnitId: id('root'),
      });
      const claims = Array.from({ length: 2_000 }, () => ({ enrollmentId: uuidv7(), unitId: id('a'), year: 2026, programCode }));
      const answers: Answered[] = [];
      const connection = async (): Promise<void> => {
        for (let claim = claims.pop(); claim; claim = claims.pop()) answers.push(await send('board', 'POST', `${quota}/seats`, claim));
      };
      await Promise.all(Array.from({ length: 64 }, connection));
      expect(answers.filter(({ body }) => body.state === 'held').length).toBe(500);
      const queued = answers.filter(({ body }) => body.state === 'queued').map(({ body }) => body.enrollmentId);
      expect(queued.length).toBe(1_500);
      const root = (await get('board', `${quota}/pots/${pot.id}`)).body.accounts.find((account: any) => account.unitId === id('root'));
      expect(root).toMatchObject({ allotted: 500, held: 500, free: 0, queued: 1_500 });
      const ends = await Promise.all([queued[0], queued.at(-1)].map(async (seat) => (await get('board', `${quota}/seats/${seat}`)).body.position));
      expect(ends[0]).toBeLessThan(ends[1]);
    });

    test('5. a withdrawal frees the seat, and the first in the queue gets it', async () => {
      expect((await send(as('officer.a'), 'POST', `${enrollment}/nominations/${id('nomination.An')}/withdraw`)).status).toBe(200);
      await eventually(() => stateOf('own')).toBe('admitted');
      expect(await seatOf('An')).toMatchObject({ state: 'released' });
      await eventually(async () => (await seatOf('own')).state).toBe('confirmed');
      expect(await seatOf('Binh')).toMatchObject({ state: 'queued', position: 1 });
      const accounts = (await get('board', `${quota}/pots/${id('pot')}`)).body.accounts;
      expect(accounts.find((account: any) => account.unitId === id('a'))).toMatchObject({ held: 0, confirmed: 1, queued: 1, free: 0 });
    });

    test('6. a unit is split: its past reports then under it and today under the assigned successor, and its officer writes no more', async () => {
      await unit('old', 'root');
      await grant('officer.old', 'officer', 'old');
      const numbers = [await person('Giang', 'old'), await person('Hanh', 'old')];
      const rows = numbers.map(
        (one, place) =>
          `${one.identityNumber};Nguyễn Văn ${place === 0 ? 'Giang' : 'Hanh'};PAST.${mark};advanced-${mark};old-${mark};4/3/2024;8/3/2024;BC-7-${mark}`,
      );
      const form = new FormData();
      form.set(
        'file',
        new Blob([`﻿DANH SÁCH LƯỢT HỌC;;;;;;;\r\n;;;;;;;\r\n${headings}\r\n${rows.join('\r\n')}\r\n`], { type: 'text/csv' }),
        'turns.csv',
      );
      let planned: any;
      await eventually(async () => {
        planned = (await send('board', 'POST', `${enrollment}/imports?mode=plan`, form)).body;
        return planned.accepted;
      }).toBe(2);
      expect((await send('board', 'POST', `${enrollment}/imports/${planned.id}/commit`, { planHash: planned.planHash })).status).toBe(202);
      await eventually(async () => (await get('board', `${enrollment}/imports/${planned.id}`)).body.state).toBe('done');

      await unit('north', 'root', today);
      await unit('south', 'root', today);
      for (const key of ['north', 'south']) await grant(`officer.${key}`, 'officer', key);
      const successors = [
        { unitId: id('north'), sharePercent: 60 },
        { unitId: id('south'), sharePercent: 40 },
      ];
      await make(undefined, 'board', `${registry}/units/${id('old')}/succeed`, { successors, on: today, documentNo: `NQ-8-${mark}`, sample: true });
      await make(undefined, 'board', `${registry}/units/${id('old')}/assignments`, { items: [{ personId: id('Giang'), toUnitId: id('north') }] });

      const turnsBy = async (structure: string): Promise<Record<string, number>> => {
        const { body } = await get(as('reader'), `${reporting}/turns?by=unit&from=2024&to=2024&structure=${structure}`);
        return Object.fromEntries(body.items.filter((item: any) => item.name.includes(mark)).map((item: any) => [item.name, item.turns]));
      };
      await eventually(() => turnsBy('then')).toEqual({ [`Đơn vị old ${mark}`]: 2 });
      await eventually(() => turnsBy('today')).toEqual({ [`Đơn vị north ${mark}`]: 1, [`Đơn vị old ${mark} (chưa gán đơn vị kế thừa)`]: 1 });

      const write = await send(as('officer.old'), 'POST', `${registry}/people`, {
        name: 'Nguyễn Văn Sau',
        birth: '1980',
        sex: 'male',
        unitId: id('old'),
      });
      expect([403, 409]).toContain(write.status);
      const history = async (sub: string): Promise<string[]> => {
        const { status, body } = await get(as(sub), `${enrollment}/enrollments?unitId=${id('old')}`);
        return status === 200 ? body.items.map((item: any) => item.personId) : [String(status)];
      };
      await eventually(() => history('officer.north')).toEqual([id('Giang')]);
      const turn = (await get(as('officer.north'), `${enrollment}/enrollments?unitId=${id('old')}`)).body.items[0].id;
      expect((await get(as('officer.north'), `${enrollment}/enrollments/${turn}`)).status).toBe(200);
      await eventually(async () => (await get(as('officer.south'), `${enrollment}/enrollments/${turn}`)).status).toBe(404);
      expect((await get(as('officer.b'), `${enrollment}/enrollments/${turn}`)).status).toBe(404);
    });

    test('7. reporting: turns and people by line, program and unit; plan against actual', async () => {
      await eventually(async () => {
        const { body } = await get(as('reader'), `${reporting}/turns?by=program&from=2026&to=2026&unit=${id('a')}&structure=today`);
        return body.items.find((item: any) => item.key === `advanced-${mark}`);
      }).toMatchObject({ classes: 1, turns: 1, people: 1, provenance: { live: 1, imported: 0 } });
      const { body: plan } = await get(as('reader'), `${reporting}/plan-actual?year=2026&program=advanced-${mark}`);
      expect(plan.pots).toMatchObject([{ size: 5, confirmed: 1, queued: 1 }]);
      expect(plan.pots[0].units.find((row: any) => row.unitId === id('a'))).toMatchObject({ allotted: 2, passedOn: 1, confirmed: 1, queued: 1 });
      const { body: lines } = await get(as('reader'), `${reporting}/five-years?from=2024&to=2026`);
      expect(lines.total.turns).toBe(lines.lines.reduce((sum: number, line: any) => sum + line.turns, 0));
      expect((await get(as('officer.b'), `${reporting}/five-years?from=2024&to=2026`)).body.code).toBe('out-of-scope');
    });

    test('8. one enrollment’s story is read back across services: what, when, why, by whom', async () => {
      const { body } = await get(as('officer.a'), `${enrollment}/enrollments/${id('nomination.own')}/timeline`);
      const story: any[] = Array.isArray(body) ? body : body.items;
      expect(story.map((step) => step.type)).toEqual([
        'enrollment.learner-nominated',
        'enrollment.nomination-approved',
        'enrollment.seat-requested',
        'quota.seat-queued',
        'quota.seat-held',
        'enrollment.learner-admitted',
        'quota.seat-confirmed',
      ]);
      expect(story.map((step) => step.actor).slice(0, 2)).toEqual([as('both'), as('approver.a')]);
      // Each step names its cause: the admission follows from the held seat, the queueing from the request.
      const byType = new Map(story.map((step) => [step.type, step]));
      expect(byType.get('enrollment.learner-admitted').causationId).toBe(byType.get('quota.seat-held').id);
      expect(byType.get('quota.seat-queued').causationId).toBe(byType.get('enrollment.seat-requested').id);
      expect(story.map((step) => step.at)).toEqual(story.map((step) => step.at).sort());
    });
  });
};

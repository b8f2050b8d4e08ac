import type { TestService } from '@khue/testing/service';
import { testService } from '@khue/testing/service';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { api, assigned, card, city, expectStatus, idOf, numberOf, publishCatalog, refusedAs } from '../service.fixture.ts';
import { createEnrollment } from '../service.ts';
import { committed, ended, planned, revoked, upload, type Plan } from './import.fixture.ts';

let service: TestService;
const get = (sub: string, path: string) => service.call(sub, 'GET', `${api}${path}`);

/** A line of a class of its own for each test, so that tests don't meet. */
let course = 0;
beforeEach(() => {
  course += 1;
});
interface Cells {
  readonly name: string;
  readonly code: string;
  readonly program: string;
  readonly unit: string;
  readonly host: string;
  readonly from: string;
  readonly to: string;
  readonly documentNo: string;
}
const line = (serial: number, change: Partial<Cells> = {}): string => {
  const cells = {
    name: `Nguyễn Văn p${serial}`,
    code: `L${course}.19`,
    program: 'TCLLCT',
    unit: 'old',
    host: 'school',
    from: '4/3/2019',
    to: '28/6/2019',
    documentNo: '12-KH/TU',
    ...change,
  };
  return [numberOf(serial), cells.name, cells.code, cells.program, cells.unit, cells.host, cells.from, cells.to, cells.documentNo].join(',');
};
const codesOf = ({ findings }: Plan): string[] => findings.map(({ column, code }) => `${column} ${code}`).sort();

interface Told {
  readonly type: string;
  readonly sequence: number;
  readonly subject: string;
}
const toldBy = async (importId: string): Promise<string[]> => {
  const { rows } = await service.service.pool.query<Told>(
    `select type, sequence, subject from messaging.log where data->>'importId' = $1 order by id`,
    [importId],
  );
  return rows.map(({ type, sequence }) => `${type.split('.')[1]} ${sequence}`);
};
/** What the audit keeps of an import, each row with how many events name its command as their cause. */
const audited = async (importId: string): Promise<object[]> => {
  const { rows } = await service.service.pool.query<object>(
    `select command, actor, after, string_to_array(grant_id, ' ') as grants,
       (select count(*)::int from messaging.log where context->>'causationid' = command_id::text) as events
     from messaging.audit where subject = $1 order by id`,
    [importId],
  );
  return rows;
};

beforeAll(async () => {
  service = await testService('enrollment', createEnrollment);
  await service.publish(city);
  await service.publish(Array.from({ length: 9 }, (_, serial) => card(`p${serial}`, serial < 7 ? 'c11' : 'c21', { serial })));
  await service.publish([card('twice', 'c11', { name: 'Nguyễn Văn p1', mergedInto: 'p1' })]);
  await publishCatalog(service);
});
afterAll(() => service.stop());

describe('an import of past turns', () => {
  it('records each class once and each turn once, and tells of the class first', async () => {
    const { id, done, rejected } = await committed(service, 'board', [line(1), line(2), line(3, { host: '' })]);
    expect([done, rejected]).toEqual([3, 0]);
    expect(await toldBy(id)).toEqual(['past-class-recorded 1', 'turn-recorded 1', 'turn-recorded 1', 'turn-recorded 1']);
    expect(await audited(id)).toEqual([
      {
        command: 'RecordPastTurns',
        actor: 'board',
        after: { turns: 3, rejected: 0, unchanged: 0 },
        events: 4,
        grants: [idOf('board board city')],
      },
    ]);
    const { items } = await expectStatus<{ items: object[] }>(get('reader', `/classes?code=L${course}.19`), 200);
    expect(items).toMatchObject([
      {
        provenance: 'imported',
        state: 'past',
        taken: 3,
        size: null,
        line: 'intermediate-theory',
        hostUnitId: idOf('school'),
        from: '2019-03-04',
        to: '2019-06-28',
      },
    ]);
  });
  it('of the same file again changes nothing', async () => {
    const file = [line(1), line(2)];
    const first = await committed(service, 'board', file);
    const second = await planned(service, 'board', file);
    expect(second).toMatchObject({ accepted: 0, unchanged: 2, rejected: 0 });
    expect(await toldBy(first.id)).toHaveLength(3);
  });
  it('rejects by cell, with all that is wrong with a row at once', async () => {
    const plan = await planned(service, 'board', [
      line(1),
      line(8, { name: 'Trần Thị Khác' }),
      line(77, { program: 'NONE', unit: 'nowhere' }),
      line(2, { from: '1/8/2025', to: '2/8/2025' }),
      line(3, { from: '4/3/2017', to: '1/6/2017' }),
      line(4, { from: '5/3/2019' }),
      line(5, { program: 'CN3' }),
      line(6, { host: 'd1' }),
      line(1),
      line(7, { to: '1/1/2019' }),
    ]);
    expect(plan).toMatchObject({ rows: 10, accepted: 1, rejected: 9 });
    expect(codesOf(plan)).toEqual(
      [
        '* row-duplicate',
        'from class-contradicted',
        'hostUnitCode class-contradicted',
        'identityNumber person-unknown',
        'name person-name-differs',
        'programCode class-contradicted',
        'programCode program-not-in-force',
        'programCode program-unknown',
        'to class-dates',
        'unitCode unit-code-unknown',
        'unitCode unit-not-there',
      ].sort(),
    );
    const back = await get('board', `/imports/${plan.id}/rejected`);
    expect(back.statusCode).toBe(200);
    expect(back.body).toContain('cách_sửa');
  });
  it('holds rows against classes and turns on record', async () => {
    await committed(service, 'board', [line(1), line(2)]);
    const plan = await planned(service, 'board', [line(1), line(2, { documentNo: '13-KH/TU' }), line(3, { to: '29/6/2019' }), line(4, { host: '' })]);
    expect(plan).toMatchObject({ accepted: 1, unchanged: 1, rejected: 2 });
    expect(codesOf(plan)).toEqual(['documentNo turn-recorded-otherwise', 'to class-contradicted']);
  });
  it('finds out at the commit what another import did since the plan', async () => {
    const plan = await planned(service, 'board', [line(1), line(2, { unit: 'd1' }), line(3)]);
    await committed(service, 'board', [line(1), line(2)]);
    await expectStatus(service.call('board', 'POST', `${api}/imports/${plan.id}/commit`, { planHash: plan.planHash }), 202);
    const { items } = await expectStatus<{ items: object[] }>(get('board', `/classes?code=L${course}.19`), 200);
    expect(items).toHaveLength(1);
    await expect.poll(() => toldBy(plan.id)).toEqual(['turn-recorded 1']);
  });
  it('records the turn of a merged record for the one that was kept', async () => {
    const plan = await planned(service, 'board', [line(1), line(2)]);
    await service.publish([card('p2', 'c11', { name: 'Nguyễn Văn p2', serial: 2, mergedInto: 'p3' })]);
    await expectStatus(service.call('board', 'POST', `${api}/imports/${plan.id}/commit`, { planHash: plan.planHash }), 202);
    await expect.poll(() => toldBy(plan.id)).toHaveLength(3);
    const { rows } = await service.service.pool.query<{ personId: string }>(
      'select person_id as "personId" from enrollment.past_turn where import_id = $1',
      [plan.id],
    );
    expect(rows.map(({ personId }) => personId).sort()).toEqual([idOf('p1'), idOf('p3')].sort());
    await service.publish([card('p2', 'c11', { name: 'Nguyễn Văn p2', serial: 2 })]);
  });
  it('records one turn where two records in a class turned out to be one person', async () => {
    const plan = await planned(service, 'board', [line(1), line(2), line(3)]);
    await service.publish([card('p2', 'c11', { name: 'Nguyễn Văn p2', serial: 2, mergedInto: 'p3' })]);
    await expectStatus(service.call('board', 'POST', `${api}/imports/${plan.id}/commit`, { planHash: plan.planHash }), 202);
    expect(await ended(service, 'board', plan.id)).toMatchObject({ state: 'done', unchanged: 1, rejected: 0 });
    expect(await toldBy(plan.id)).toEqual(['past-class-recorded 1', 'turn-recorded 1', 'turn-recorded 1']);
    await service.publish([card('p2', 'c11', { name: 'Nguyễn Văn p2', serial: 2 })]);
  });
});

describe('a revoked import', () => {
  it('takes back its turns and the classes left empty, and can be imported again', async () => {
    const file = [line(1), line(2)];
    const first = await committed(service, 'board', file);
    await revoked(service, 'board', first.id);
    expect((await toldBy(first.id)).slice(3)).toEqual(['turn-revoked 2', 'turn-revoked 2', 'past-class-revoked 2']);
    expect((await audited(first.id))[1]).toMatchObject({ command: 'RevokePastTurns', after: { turns: 2 }, events: 3 });
    expect((await expectStatus<{ items: object[] }>(get('reader', `/classes?code=L${course}.19`), 200)).items).toEqual([]);
    const again = await committed(
      service,
      'board',
      [file[0] ?? '', line(2, { from: '11/3/2019' })].map((row) => row.replace('4/3/2019', '11/3/2019')),
    );
    expect(await toldBy(again.id)).toEqual(['past-class-recorded 3', 'turn-recorded 1', 'turn-recorded 1']);
    await revoked(service, 'board', again.id);
    const third = await committed(service, 'board', file);
    expect(await toldBy(third.id)).toEqual(['past-class-recorded 5', 'turn-recorded 3', 'turn-recorded 3']);
  });
  it('leaves a class that has turns of another import', async () => {
    const first = await committed(service, 'board', [line(1)]);
    const second = await committed(service, 'board', [line(2)]);
    await revoked(service, 'board', first.id);
    expect((await toldBy(first.id)).slice(2)).toEqual(['turn-revoked 2']);
    await revoked(service, 'board', second.id);
    expect((await toldBy(second.id)).slice(1)).toEqual(['turn-revoked 2', 'past-class-revoked 2']);
  });
});

describe('scope', () => {
  it('lets the board import everything, a school the classes it held, an officer the history of their unit', async () => {
    expect(await planned(service, 'school', [line(1)])).toMatchObject({ accepted: 1 });
    expect(codesOf(await planned(service, 'school', [line(1, { host: 'd1' })]))).toEqual(['unitCode out-of-scope']);
    expect(codesOf(await planned(service, 'officer.c21', [line(8)]))).toEqual(['unitCode out-of-scope']);
    await service.publish([assigned('p8', 'old', 'c21')]);
    expect(await planned(service, 'officer.c21', [line(8)])).toMatchObject({ accepted: 1 });
    expect(await planned(service, 'officer.c21', [line(8, { unit: 'c21', from: '3/3/2025', to: '4/3/2025' })])).toMatchObject({ accepted: 1 });
    expect(await refusedAs(upload(service, 'officer.old', [line(1)]))).toBe('403 out-of-scope');
    expect(await refusedAs(upload(service, 'reader', [line(1)]))).toBe('403 role-missing');
  });
  it('shows an import to those over the unit on whose behalf it was sent', async () => {
    const { id, planHash } = await planned(service, 'officer.c21', [line(8)]);
    expect(await refusedAs(get('officer.c11', `/imports/${id}`))).toBe('404 not-found');
    expect(await refusedAs(service.call('officer.c11', 'POST', `${api}/imports/${id}/commit`, { planHash }))).toBe('404 not-found');
    expect(await expectStatus(get('board', `/imports/${id}`), 200)).toMatchObject({ id, state: 'planned' });
    const { items } = await expectStatus<{ items: { id: string }[] }>(get('officer.c21', '/imports'), 200);
    expect(items[0]?.id).toBe(id);
  });
  it('shows history to the successor it is assigned to, its unassigned rows to the board, and to a stranger nothing', async () => {
    const { id } = await committed(service, 'board', [line(7), line(5)]);
    const rows = async (sub: string): Promise<string[]> => {
      const { items } = await expectStatus<{ items: { personId: string; importId: string }[] }>(
        get(sub, `/enrollments?unitId=${idOf('old')}&limit=200`),
        200,
      );
      return items
        .filter(({ importId }) => importId === id)
        .map(({ personId }) => personId)
        .sort();
    };
    await service.publish([assigned('p7', 'old', 'c21')]);
    expect(await rows('board')).toEqual([idOf('p5'), idOf('p7')].sort());
    expect(await rows('officer.c21')).toEqual([idOf('p7')]);
    expect(await rows('officer.c11')).toEqual([]);
    expect(await refusedAs(get('officer.old', `/enrollments?unitId=${idOf('old')}`))).toBe('403 out-of-scope');
    const { items } = await expectStatus<{ items: { id: string; provenance: string; documentNo: string }[] }>(
      get('officer.c21', `/enrollments?personId=${idOf('p7')}`),
      200,
    );
    expect(items).toMatchObject([{ provenance: 'imported', state: 'recorded', documentNo: '12-KH/TU' }]);
    expect(await refusedAs(get('officer.c11', `/enrollments/${items[0]?.id}`))).toBe('404 not-found');
    const story = await expectStatus<object[]>(get('officer.c21', `/enrollments/${items[0]?.id}/timeline`), 200);
    expect(story).toMatchObject([{ type: 'enrollment.turn-recorded', causationId: id, actor: 'board' }]);
    expect(await expectStatus(get('officer.c21', `/enrollments/${items[0]?.id}`), 200)).toMatchObject({
      personName: 'Nguyễn Văn p7',
      eligibility: null,
    });
  });
});

import { readFile } from 'node:fs/promises';
import type { LearnerFacts } from '@khue/contracts/learner-facts';
import { historyAssigned, personCard, personErased, unitDissolved, unitSucceeded } from '@khue/contracts/events/registry';
import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { identityRef } from '@khue/host/identity-ref';
import { toldCity } from '@khue/testing/city';
import type { Published, TestService } from '@khue/testing/service';

export const api = '/api/enrollment/v1';

export const { id: idOf, told, unit, grant } = toldCity();

const ended = (code: string, on: string, ...successors: string[]): Published =>
  successors.length === 0
    ? told(unitDissolved, idOf(code), { unitId: idOf(code), on, documentNo: null })
    : told(unitSucceeded, idOf(code), {
        unitId: idOf(code),
        successors: successors.map((to) => ({ unitId: idOf(to), sharePercent: null })),
        on,
        documentNo: null,
        sample: true,
      });

/**
 * The city with the school; districts d1 (c11, c12) and d2 (c21). On 2025-07-01 "old" ended, split into c11 and c21. Accounts are named after what they may:
 * officer.d1, officer.c11, officer.c21, officer.old, approver.d1, approver.c21, board, school, reader.
 */
export const city: readonly Published[] = [
  unit('city', null),
  unit('school', 'city'),
  unit('d1', 'city'),
  unit('d2', 'city'),
  unit('c11', 'd1'),
  unit('c12', 'd1'),
  unit('c21', 'd2'),
  unit('old', 'd1'),
  ended('old', '2025-07-01', 'c11', 'c21'),
  grant('officer.d1', 'officer', 'd1'),
  grant('officer.c11', 'officer', 'c11'),
  grant('officer.c21', 'officer', 'c21'),
  grant('officer.old', 'officer', 'old'),
  grant('approver.d1', 'approver', 'd1'),
  grant('approver.c21', 'approver', 'c21'),
  grant('both', 'officer', 'd1'),
  grant('both', 'approver', 'd1'),
  grant('board', 'board', 'city'),
  grant('school', 'school', 'school'),
  grant('reader', 'reader', 'city'),
];

/** As far as 350-QĐ/TW was read, fit for the intermediate level. */
export const fit: LearnerFacts = {
  birth: '1980-05-19',
  sex: 'male',
  ethnicMinority: false,
  party: { status: 'full' },
  degree: 'university',
  post: { code: 'division-head', level: 'province' },
  planned: { confirmed: false },
  lecturer: { willTeachIntermediate: false },
  sector: 'civil',
  ratings: Array.from({ length: 12 }, (_, back) => ({ year: new Date().getFullYear() - back, rating: 'good' as const })),
};
export const unrated: LearnerFacts = { ...fit, ratings: null };

/** A made-up number of the public form, by serial. */
export const numberOf = (serial: number): string => makeIdentityNumber({ province: 1, sex: 'male', birthYear: 1980, serial });
export const testKey = 'a key for tests that nobody else uses';

export const card = (
  person: string,
  at: string,
  {
    facts = fit,
    serial,
    name = `Nguyễn Văn ${person}`,
    mergedInto = null,
  }: { facts?: LearnerFacts; serial?: number; name?: string; mergedInto?: string | null } = {},
): Published =>
  told(personCard, idOf(person), {
    personId: idOf(person),
    unitId: idOf(at),
    name,
    identityRef: serial === undefined ? null : identityRef(testKey, numberOf(serial)),
    facts,
    mergedInto: mergedInto && idOf(mergedInto),
  });

export const erased = (person: string): Published => told(personErased, idOf(person), { personId: idOf(person) });

export const assigned = (person: string, from: string, to: string): Published => {
  const assignmentId = idOf(`assigned ${person} ${from}`);
  return told(historyAssigned, assignmentId, { assignmentId, fromUnitId: idOf(from), personId: idOf(person), toUnitId: idOf(to), documentNo: null });
};

/** Publishes the programs and rules that specs teach and judge by. */
export const publishCatalog = async (service: TestService): Promise<void> => {
  const program = {
    name: 'Trung cấp lý luận chính trị',
    level: 'intermediate',
    form: 'non-concentrated',
    line: 'intermediate-theory',
    hours: 1056,
    validFrom: '2018-01-01',
    documentNo: '57-QĐ/TW',
  };
  await expectStatus(service.call('school', 'POST', `${api}/programs`, { ...program, code: 'TCLLCT' }), 201);
  await expectStatus(
    service.call('board', 'POST', `${api}/programs`, {
      ...program,
      code: 'CN3',
      name: 'Cập nhật kiến thức',
      level: null,
      form: null,
      line: 'update-group-3',
    }),
    201,
  );
  const rules: unknown = JSON.parse(await readFile(new URL('../rules/350-qd-tw.json', import.meta.url), 'utf8'));
  await expectStatus(service.call('board', 'POST', `${api}/rule-sets`, rules), 201);
};

type Answered = Awaited<ReturnType<TestService['call']>>;

/** The answer's body, where it has this status; throws with the answer otherwise. */
export const expectStatus = async <T = Record<string, unknown>>(answer: Promise<Answered>, status: number): Promise<T> => {
  const { statusCode, body } = await answer;
  if (statusCode !== status) throw new Error(`${statusCode} instead of ${status}: ${body}`);
  return (body === '' ? undefined : JSON.parse(body)) as T;
};
export const refusedAs = async (answer: Promise<Answered>): Promise<string> => {
  const { statusCode, body } = await answer;
  return `${statusCode} ${(JSON.parse(body) as { code?: string }).code ?? 'none'}`;
};

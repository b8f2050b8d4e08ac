import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { readCity } from '../seed/city.ts';
import type { Client } from '../seed/client.ts';
import { sampleDocument } from '../seed/history.ts';
import { liveYear } from '../seed/live.ts';
import { settled, unitIds } from '../seed/load.ts';

const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';
const quota = '/api/quota/v1';

const facts = {
  party: { status: 'full', since: '2015-05-19' },
  degree: 'university',
  post: { code: 'division-head', level: 'commune' },
  ratings: [
    { year: liveYear - 2, rating: 'good' },
    { year: liveYear - 1, rating: 'excellent' },
  ],
  sector: 'civil',
} as const;

export interface LifeOptions {
  readonly client: Client;
  readonly say: (line: string) => void;
  /** DELETE of one path by an account, for the client has none. */
  readonly erase: (sub: string, path: string, version: number) => Promise<void>;
}

/** What was left open, to be gone on with once quota no longer listens. */
export interface LeftOpen {
  readonly approve: readonly string[];
  readonly withdraw: string;
}

/** Lets the sample city live through what leaves its mark in every log: seats held, queued, refused and given back, a merger, an erasure, a grant revoked. */
export const live = async ({ client, say, erase }: LifeOptions): Promise<LeftOpen> => {
  say('live years…');
  const units = await unitIds(client);
  const unit = (code: string): string => units.get(code) as string;
  const officer = client.as('officer.a');
  const approver = client.as('approver.a');
  const school = client.as('school');
  let people = 0;
  const person = async (sex: 'male' | 'female', more: object = {}): Promise<string> => {
    people += 1;
    const identityNumber = makeIdentityNumber({ province: 96, sex, birthYear: 1981, serial: 500 + people });
    const body = { name: `Nguyễn Mẫu ${'ABCDEFGHIKLMNOP'[people]}`, identityNumber, birth: '1981', sex, unitId: unit('mau-001'), facts };
    return (await officer.post<{ id: string }>(`${registry}/people`, { ...body, ...more })).id;
  };
  const classOf = async (programCode: string, size: number): Promise<string> => {
    const opened = { programCode, hostUnitId: unit('lhp'), size, from: `${liveYear}-12-07`, to: `${liveYear + 1}-06-30` };
    return (await school.post<{ id: string }>(`${enrollment}/classes`, opened)).id;
  };
  const program = (code: string): Promise<unknown> =>
    school.post(`${enrollment}/programs`, {
      ...{ code, name: 'Bồi dưỡng mẫu', line: 'party-boards', level: null, form: null, hours: 24 },
      ...{ validFrom: `${liveYear}-01-01`, documentNo: sampleDocument },
    });
  const nominate = async (classId: string, personId: string): Promise<string> =>
    (await officer.post<{ id: string }>(`${enrollment}/nominations`, { classId, personId })).id;
  const approve = (nomination: string): Promise<unknown> => approver.post(`${enrollment}/nominations/${nomination}/approve`, {});
  const withdraw = (nomination: string): Promise<unknown> => officer.post(`${enrollment}/nominations/${nomination}/withdraw`, {});

  // One seat for three who want it, and a program that has no seats at all.
  await program('few-seats');
  await program('no-seats');
  const pot = { year: liveYear, programCode: 'few-seats', size: 2, documentNo: sampleDocument, rootUnitId: unit('ha-noi') };
  const { id: potId } = await client.post<{ id: string }>(`${quota}/pots`, pot);
  await client.post(`${quota}/pots/${potId}/divisions`, {
    ...{ unitId: unit('ha-noi'), documentNo: sampleDocument },
    division: { by: 'hand', shares: [{ unitId: unit('mau-001'), change: 1 }] },
  });
  const [few, none, large] = [await classOf('few-seats', 10), await classOf('no-seats', 10), await classOf('intermediate-theory', 30)];
  const learners: string[] = [];
  for (const sex of ['male', 'female', 'male', 'female', 'male', 'female'] as const) learners.push(await person(sex));
  const settle = (): Promise<void> => settled(client, say);
  await settle();
  const nominated: string[] = [];
  for (const learner of learners.slice(0, 3)) nominated.push(await nominate(few, learner));
  for (const nomination of nominated) {
    await approve(nomination);
    await settle();
  }
  // The holder goes, and the first in the queue is admitted in his place.
  await withdraw(nominated[0] as string);
  await approve(await nominate(none, learners[3] as string));
  const admitted = await nominate(large, learners[4] as string);
  await approve(admitted);
  const unanswered = [await nominate(large, learners[0] as string), await nominate(large, learners[1] as string)];

  const twins: string[] = [];
  for (const [account, code] of [
    ['officer.a', 'mau-001'],
    ['officer.b', 'mau-002'],
  ] as const) {
    const twin = { name: 'Trần Thị Mẫu Đôi', identityNumber: null, birth: '1979-03-02', sex: 'female', unitId: unit(code), facts };
    twins.push((await client.as(account).post<{ id: string }>(`${registry}/people`, twin)).id);
  }
  const { items: pairs } = await client.get<{ items: readonly { id: string; people: readonly { id: string }[] }[] }>(
    `${registry}/people/duplicates?limit=200`,
  );
  const pair = pairs.find((each) => each.people.some(({ id }) => twins.includes(id)));
  await client.post(`${registry}/people/duplicates/${pair?.id}/merge`, { keptPersonId: twins[0] });
  await erase('board', `${registry}/people/${await person('male', { identityNumber: null })}`, 1);
  const grant = {
    sub: 'reader.gone',
    role: 'reader',
    unitId: unit('mau-001'),
    validFrom: `${liveYear}-01-01`,
    validTo: null,
    documentNo: sampleDocument,
  };
  const { id: grantId } = await client.post<{ id: string }>(`${registry}/grants`, grant);
  await client.post(`${registry}/grants/${grantId}/revoke`, { documentNo: sampleDocument });

  // Of a district that was split, one person's history goes to one of its successors.
  const split = (await readCity()).units.find(({ to, successors }) => to !== null && successors.length > 1);
  const { items: residents } = await client.get<{ items: readonly { id: string }[] }>(`${registry}/people?limit=1&unitId=${unit(split?.code ?? '')}`);
  const assigned = { personId: residents[0]?.id, toUnitId: unit(split?.successors[0] ?? '') };
  await client.post(`${registry}/units/${unit(split?.code ?? '')}/assignments`, { items: [assigned] });
  await settle();
  return { approve: unanswered, withdraw: admitted };
};

/** Goes on with what was left open; nobody answers any more. */
export const goOn = async (client: Client, open: LeftOpen): Promise<void> => {
  for (const nomination of open.approve) await client.as('approver.a').post(`${enrollment}/nominations/${nomination}/approve`, {});
  await client.as('officer.a').post(`${enrollment}/nominations/${open.withdraw}/withdraw`, {});
};

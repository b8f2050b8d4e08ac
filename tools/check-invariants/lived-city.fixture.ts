import { appendFile, writeFile } from 'node:fs/promises';
import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { allRoutes } from '@khue/contracts/services';
import { ableFacts, csvForm, type FoundedCity } from '@khue/standalone/founded.fixture';
import { eventually } from '@khue/testing/eventually';
import { v7 as uuidv7 } from 'uuid';

const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';
const quota = '/api/quota/v1';

/** Sends every write of this process past a pen that keeps what was asked and what was answered. Answers the way to stop it. */
export const writeDown = async (file: string): Promise<() => void> => {
  const { fetch } = globalThis;
  let n = 0;
  await writeFile(file, '');
  globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? 'GET';
    const route = allRoutes.find((one) => one.method === method && new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(url.pathname));
    if (method === 'GET' || !route || route.upload) return fetch(input, init);
    n += 1;
    const attempt = n;
    const key = new Headers(init?.headers).get('idempotency-key');
    const body: unknown = typeof init?.body === 'string' ? JSON.parse(init.body) : undefined;
    await append(file, { kind: 'asked', n: attempt, at: now(), operation: route.operationId, key, method, path: url.pathname, body });
    const answered = await fetch(input, init);
    const text = await answered.clone().text();
    const told = text === '' ? null : (JSON.parse(text) as { code?: string });
    await append(file, { kind: 'answered', n: attempt, at: now(), status: answered.status, code: answered.ok ? null : told?.code, body: told });
    return answered;
  };
  return () => {
    globalThis.fetch = fetch;
  };
};

const now = (): string => new Date().toISOString();
export const append = (file: string, line: object): Promise<void> => appendFile(file, `${JSON.stringify(line)}\n`);

/** Lets a founded city live through everything that the checks look at: a queue, a withdrawal, a split, a merger, an erasure, lists of the past. */
export const live = async (city: FoundedCity): Promise<void> => {
  const { make, send, id } = city;
  const year = 1980;
  let people = 0;
  const numberOf = (serial: number): string => makeIdentityNumber({ province: 2, sex: 'male', birthYear: year, serial });
  const person = (key: string, unit: string, more: object = {}): Promise<{ version: number }> => {
    people += 1;
    const body = {
      name: `Nguyễn Văn ${key}`,
      identityNumber: numberOf(people),
      birth: String(year),
      sex: 'male',
      unitId: id(unit),
      facts: ableFacts,
    };
    return make(key, `officer.${unit}`, `${registry}/people`, { ...body, ...more });
  };
  const nominate = (key: string, unit: string, into = 'class'): Promise<unknown> =>
    make(`nomination.${key}`, `officer.${unit}`, `${enrollment}/nominations`, { classId: id(into), personId: id(key) });
  const settle = async (key: string, unit: string, verb: 'approve' | 'withdraw', state: string): Promise<void> => {
    const sub = verb === 'approve' ? `approver.${unit}` : `officer.${unit}`;
    await send(sub, 'POST', `${enrollment}/nominations/${id(`nomination.${key}`)}/${verb}`);
    await eventually(async () => {
      const { body } = await send('board', 'GET', `${enrollment}/enrollments/${id(`nomination.${key}`)}`);
      if (body.state !== state) throw new Error(`${key} is ${body.state}, not ${state}`);
    });
  };
  const grant = (sub: string, role: string, unit: string): Promise<unknown> =>
    make(`grant.${sub}`, 'board', `${registry}/grants`, { sub, role, unitId: id(unit), validFrom: '2018-01-01', documentNo: 'QD-1' });
  const unit = (key: string): Promise<unknown> =>
    make(key, 'board', `${registry}/units`, { code: key, kind: 'phường', name: `Đơn vị ${key}`, parentId: id('root'), from: '2018-01-01' });

  // A unit with one seat and four who want it.
  await unit('c');
  await grant('officer.c', 'officer', 'c');
  await grant('approver.c', 'approver', 'c');
  const share = (key: string, change: number): object => ({
    unitId: id('root'),
    documentNo: 'QD-1',
    division: { by: 'hand', shares: [{ unitId: id(key), change }] },
  });
  await make(undefined, 'board', `${quota}/pots/${id('pot')}/divisions`, share('c', 1));
  for (const key of ['c1', 'c2', 'c3', 'c4', 'c5', 'c6']) {
    await person(key, 'c');
    await nominate(key, 'c');
    if (key !== 'c6') await settle(key, 'c', 'approve', key === 'c1' ? 'admitted' : 'queued');
  }
  await settle('c6', 'c', 'withdraw', 'withdrawn');
  await settle('c1', 'c', 'withdraw', 'withdrawn');
  for (const key of ['a1', 'a2']) {
    await person(key, 'a');
    await nominate(key, 'a');
    await settle(key, 'a', 'approve', 'admitted');
  }
  const twice = { body: { classId: id('class'), personId: id('a1') }, headers: { 'idempotency-key': uuidv7() } };
  for (let times = 0; times < 2; times += 1) await send('officer.a', 'POST', `${enrollment}/nominations`, twice);
  const once = { headers: { 'idempotency-key': uuidv7() }, body: { ...share('b', 1) } };
  for (let times = 0; times < 2; times += 1) await send('board', 'POST', `${quota}/pots/${id('pot')}/divisions`, once);
  // A class of a program without a pot, and a seat for a list that is kept elsewhere.
  const program = { name: 'Cao cấp', line: 'advanced-theory', level: 'intermediate', form: 'non-concentrated', hours: 800, validFrom: '2020-01-01' };
  await make(undefined, 'school', `${enrollment}/programs`, { ...program, code: 'potless', documentNo: 'QD-1' });
  const intake = { hostUnitId: id('school'), size: 5, from: '2026-12-07', to: '2028-06-30' };
  await make('potless', 'school', `${enrollment}/classes`, { ...intake, programCode: 'potless' });
  await nominate('a2', 'a', 'potless').then(() => undefined);
  await settle('a2', 'a', 'approve', 'turned-down');
  const elsewhere = { enrollmentId: uuidv7(), unitId: id('b'), year: 2026, programCode: 'intermediate' };
  await make(undefined, 'board', `${quota}/seats`, elsewhere);
  await make(undefined, 'board', `${quota}/seats`, elsewhere);

  // Two records of one person, one who is erased, one who is amended.
  for (const key of ['twin', 'other']) await person(key, 'a', { name: 'Trần Thị Thủy', identityNumber: null, birth: '1979-03-02' });
  const pairs = await send('board', 'GET', `${registry}/people/duplicates`);
  const pair: string = pairs.body.items[0].id;
  await make(undefined, 'board', `${registry}/people/duplicates/${pair}/merge`, { keptPersonId: id('twin') });
  await person('gone', 'b');
  await send('board', 'DELETE', `${registry}/people/${id('gone')}`, { headers: { 'if-match': '"1"' } });
  await send('officer.a', 'PATCH', `${registry}/people/${id('a1')}`, { headers: { 'if-match': '"1"' }, body: { facts: { degree: 'master' } } });

  // A unit with a past is split, and its officer's grant revoked.
  for (const key of ['old', 'north', 'south']) await unit(key);
  await grant('officer.old', 'officer', 'old');
  for (const key of ['old1', 'old2']) await person(key, 'old');
  const rows = ['old1', 'old2'].map(
    (key, place) => `${numberOf(people - 1 + place)};Nguyễn Văn ${key};PAST.1;intermediate;old;4/3/2021;8/3/2021;BC-7`,
  );
  const headings = 'Số định danh;Họ và tên;Mã lớp;Mã chương trình;Mã đơn vị;Từ ngày;Đến ngày;Số văn bản';
  const planned = await eventually(
    async () => {
      const { body } = await send('board', 'POST', `${enrollment}/imports?mode=plan`, { body: csvForm('turns.csv', [headings, ...rows]) });
      if (body.accepted !== 2) throw new Error(JSON.stringify(body));
      return body;
    },
    { withinMs: 30_000, everyMs: 200 },
  );
  await send('board', 'POST', `${enrollment}/imports/${planned.id}/commit`, { body: { planHash: planned.planHash } });
  await eventually(async () => {
    const { body } = await send('board', 'GET', `${enrollment}/imports/${planned.id}`);
    if (body.state !== 'done') throw new Error(body.state);
  });
  const successors = ['north', 'south'].map((key) => ({ unitId: id(key), sharePercent: 50 }));
  await make(undefined, 'board', `${registry}/units/${id('old')}/succeed`, { successors, on: '2026-11-01', documentNo: 'NQ-8' });
  await make(undefined, 'board', `${registry}/units/${id('old')}/assignments`, { items: [{ personId: id('old1'), toUnitId: id('north') }] });
  await make(undefined, 'board', `${registry}/grants/${id('grant.officer.old')}/revoke`, { documentNo: 'QD-1' });
};

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeIdentityNumber } from '@khue/contracts/identity-number';
import { fold } from '@khue/contracts/text';
import { eventually } from '@khue/testing/eventually';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleHeadings, turnHeadings } from './doors.fixture.ts';
import { ableFacts, csvForm, foundCity, type FoundedCity } from './founded.fixture.ts';

const registry = '/api/registry/v1';
const enrollment = '/api/enrollment/v1';

/** Names with a word that nothing else in the product contains, so that a find is a leak. */
const names = {
  first: 'Ngụy Thoòng Quyểnh',
  second: 'Đỗ Khoằm Nguệch',
  twin: 'Bế Xoèn Xoẹt',
  typed: 'Lường Khuỵu Ngoạc',
  wrong: 'Vi Choắt Nghoẻo',
  searched: 'Ma Ngoằng Ngoẵng',
  path: 'Sùng Chuệch Choạc',
  imported: 'Giàng Thuồn Đuỗn',
  rejected: 'Phàn Loằng Ngoặc',
  file: 'Cháng Khuềnh Khoàng',
  broken: 'Tẩn Nhoèn Nhoẹt',
  parked: 'Lò Quềnh Quàng',
  header: 'Vàng Xuềnh Xoàng',
  renamed: 'Hù Nguẩy Nguậy',
} as const;
type Person = keyof typeof names;
const births = { first: '1961-02-27', twin: '1962-11-29' } as const;
const numberOf = (person: Person): string =>
  makeIdentityNumber({ province: 38, sex: 'male', birthYear: 1961, serial: 700_301 + Object.keys(names).indexOf(person) * 7_919 });
/** Numbers that are wrong, as offices have them: without their zero, in Excel's short form. */
const badNumbers = ['38061977301', '3.8061977302E+10', '079199912345x'];

let city: FoundedCity;
let captured = '';
let written = '';
const correlationId = `walk-${uuidv7()}`;

/** Everything that the process prints while this file runs. */
const captureOutput = (): (() => void) => {
  const streams = [process.stdout, process.stderr];
  const originals = streams.map((stream) => stream.write.bind(stream));
  streams.forEach((stream, place) => {
    stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
      captured += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      return originals[place]?.(chunk, ...rest) ?? true;
    }) as typeof stream.write;
  });
  return () => streams.forEach((stream, place) => (stream.write = originals[place] as typeof stream.write));
};

const asEscaped = (text: string): string =>
  [...text].map((letter) => (letter > '\u007f' ? `\\u${letter.codePointAt(0)?.toString(16).padStart(4, '0')}` : letter)).join('');
/** The ways in which a text may stand in a log. */
const formsOf = (text: string): string[] => {
  const plain = [text, text.normalize('NFD'), fold(text), text.replaceAll(' ', '_'), text.replaceAll(' ', '-')];
  const coded = plain.flatMap((form) => [form, encodeURIComponent(form), new URLSearchParams({ form }).toString().slice(5), asEscaped(form)]);
  const bytes = [Buffer.from(text).toString('base64').replace(/=+$/, ''), Buffer.from(text).toString('hex'), Buffer.from(text).toString('latin1')];
  return [...new Set([...coded, ...bytes].map((form) => form.toLowerCase()))];
};
/** Whole names, each telling word of them, numbers, birth dates. */
const secrets = (): Map<string, string> => {
  const words = Object.values(names).flatMap((name) => [name, ...name.split(' ').filter((word) => fold(word).length > 4)]);
  const numbers = [...(Object.keys(names) as Person[]).map(numberOf), ...badNumbers];
  const dates = Object.values(births).flatMap((birth) => [birth, birth.split('-').reverse().map(Number).join('/')]);
  return new Map([...words, ...numbers, ...dates].flatMap((secret) => formsOf(secret).map((form) => [form, secret] as const)));
};
const leaksIn = (text: string): string[] => {
  const lower = text.toLowerCase();
  return [
    ...new Set(
      [...secrets()]
        .filter(([form]) => lower.includes(form))
        .map(([form, secret]) => `${secret} as ${form}: …${lower.slice(Math.max(0, lower.indexOf(form) - 80), lower.indexOf(form) + 60)}`),
    ),
  ];
};

const query = async (database: string, sql: string, values: unknown[] = []): Promise<any[]> => {
  const client = new Client({ connectionString: city.product.adminUrl(database) });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
};

/** A failure whose text quotes the row, as constraint violations and careless functions do. */
const failOn = (database: string, table: string, name: string): Promise<unknown> =>
  query(
    database,
    `create or replace function public.quote_row() returns trigger language plpgsql as $f$
      begin if new.name = '${name}' then raise exception 'can not take %', row_to_json(new) using detail = new.name, hint = new.name, constraint = 'quoting'; end if; return new; end $f$;
    create trigger quoting before insert or update on ${table} for each row execute function public.quote_row()`,
  );
const failNoMore = (database: string, table: string): Promise<unknown> => query(database, `drop trigger quoting on ${table}`);

const enter = (person: Person, more: object = {}, headers: Record<string, string> = {}) =>
  city.send('officer.a', 'POST', `${registry}/people`, {
    headers,
    body: { name: names[person], identityNumber: numberOf(person), birth: '1961', sex: 'male', unitId: city.id('a'), facts: ableFacts, ...more },
  });
const rawly = async (path: string, init: RequestInit = {}): Promise<number> =>
  (
    await fetch(`${city.product.address}${path}`, {
      ...init,
      headers: {
        authorization: `Bearer ${await city.token('officer.a')}`,
        'content-type': 'application/json',
        'idempotency-key': uuidv7(),
        ...init.headers,
      },
    })
  ).status;

beforeAll(async () => {
  const release = captureOutput();
  city = await foundCity({ KHUE_LOG_REQUESTS: 'all', KHUE_LOG_SLOW_MS: '1' });
  await load();
  written = await readAll();
  release();
}, 180_000);
afterAll(() => city?.close(), 40_000);

/** Every way in which personal data passes through the doors, and every failure they may meet on it. */
const load = async (): Promise<void> => {
  const { send, id, ids } = city;
  for (const person of ['first', 'second', 'twin', 'renamed'] as const) {
    const answer = await enter(person, person === 'first' ? { birth: births.first } : {});
    expect(answer.status, answer.text).toBe(201);
    ids.set(person, answer.body.id);
  }
  await send('officer.a', 'PATCH', `${registry}/people/${id('renamed')}`, {
    headers: { 'if-match': '"1"' },
    body: { name: names.header, reason: `tên cũ ${names.renamed}` },
  });
  for (const search of [names.searched, fold(names.searched), names.searched.normalize('NFD')]) {
    await send('officer.a', 'GET', `${registry}/people?q=${encodeURIComponent(search)}`);
    await send('reader', 'GET', `${registry}/people?${new URLSearchParams({ q: search })}`);
  }
  await send('officer.a', 'GET', `${registry}/people/${id('first')}`);
  // Duplicates: the same number again, also from the neighboring unit; the same name and birth without a number.
  expect((await enter('first')).body.code).toBe('person-exists');
  expect(
    (await send('officer.b', 'POST', `${registry}/people`, { body: { name: names.first, identityNumber: numberOf('first'), unitId: id('b') } })).body
      .code,
  ).toBe('person-exists-elsewhere');
  await make2(names.twin);
  // Bodies and addresses that fail.
  expect(await rawly(`${registry}/people`, { method: 'POST', body: `{"name": "${names.typed}", "identityNumber": "${numberOf('typed')}"` })).toBe(
    400,
  );
  for (const bad of badNumbers) expect((await enter('wrong', { identityNumber: bad })).status).toBe(400);
  expect((await enter('wrong', { unknown: names.wrong, birth: '31/02/1961' })).status).toBe(400);
  expect((await enter('wrong', { name: `${names.wrong}\u0000` })).status).toBe(400);
  expect(await rawly(`${registry}/people/${numberOf('path')}`)).toBe(400);
  expect(await rawly(`/${encodeURIComponent(names.path)}/${numberOf('path')}`)).toBe(404);
  expect(await rawly(`${registry}/${encodeURIComponent(names.path)}?so=${numberOf('path')}`)).toBe(404);
  expect(await rawly(`${registry}/people?cursor=${Buffer.from(JSON.stringify([names.path])).toString('base64url')}`)).toBe(400);
  expect(await rawly(`${registry}/people?q=%ED%A0%80${encodeURIComponent(names.path)}`)).toBe(200);
  expect(await rawly(`/%ED%A0%80${encodeURIComponent(names.path)}`)).toBe(400);
  await rawly(`${registry}/people`, {
    headers: {
      referer: `http://x/?q=${encodeURIComponent(names.header)}`,
      'user-agent': encodeURIComponent(names.header),
      'x-correlation-id': encodeURIComponent(names.header),
      traceparent: encodeURIComponent(names.header),
    },
  });
  await rawly(`${registry}/people`, {
    method: 'POST',
    headers: { 'idempotency-key': numberOf('header') },
    body: JSON.stringify({ name: names.header, unitId: id('a') }),
  });
  await fetch(`${city.product.address}/auth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: names.header, client_secret: numberOf('header') }),
  });
  await importFiles();
  await failInside();
};

const make2 = async (name: string): Promise<void> => {
  const { make, id, send } = city;
  for (const unit of ['a', 'b'] as const)
    await make(`twin.${unit}`, `officer.${unit}`, `${registry}/people`, {
      name,
      identityNumber: null,
      birth: births.twin,
      sex: 'male',
      unitId: id(unit),
    });
  const pair = await eventually(async () => {
    const found = (await send('board', 'GET', `${registry}/people/duplicates?limit=200`)).body.items.find(
      (item: any) => item.people.some((each: any) => each.id === id('twin.b')) && item.people.some((each: any) => each.id === id('twin.a')),
    );
    if (!found) throw new Error('no pair yet');
    return found;
  });
  expect(
    (
      await send('board', 'POST', `${registry}/people/duplicates/${pair.id}/merge`, {
        body: { keptPersonId: id('twin.a'), reason: `cùng là ${name}` },
      })
    ).status,
  ).toBe(200);
};

/** Files with good rows, bad rows, and rows that fail as a whole, under a file name that is a person's. */
const importFiles = async (): Promise<void> => {
  const { send, id, ids } = city;
  const fileName = `${names.file} ${numberOf('file')}.csv`;
  const people = [
    peopleHeadings,
    `${numberOf('imported')};${names.imported};27/2/1961;Nam;a`,
    `${badNumbers[0]};${names.rejected};31/2/1961;Nam;a`,
    `${numberOf('rejected')};${names.rejected};27/2/1961;Nam;không có`,
    `${numberOf('first')};${names.rejected};27/2/1961;Nam;a`,
  ];
  const planned = await send('officer.a', 'POST', `${registry}/imports?mode=plan`, { body: csvForm(fileName, people) });
  expect([planned.body.accepted, planned.body.rejected], planned.text).toEqual([1, 3]);
  expect((await send('officer.a', 'GET', `${registry}/imports/${planned.body.id}/rejected`)).text).toContain(names.rejected);
  await send('officer.a', 'POST', `${registry}/imports/${planned.body.id}/commit`, { body: { planHash: planned.body.planHash } });
  await done(`${registry}/imports/${planned.body.id}`, 'done');
  const turn = (person: Person, name: string): string => `${numberOf(person)};${name};CU.1;intermediate;a;4/3/2024;8/3/2024;BC-1`;
  const turns = await eventually(async () => {
    const answer = await send('officer.a', 'POST', `${enrollment}/imports?mode=plan`, {
      body: csvForm(fileName, [turnHeadings, turn('imported', names.imported), turn('second', names.rejected), turn('rejected', names.rejected)]),
    });
    if (answer.body.accepted !== 1) throw new Error(answer.text);
    return answer.body;
  });
  await send('officer.a', 'POST', `${enrollment}/imports/${turns.id}/commit`, { body: { planHash: turns.planHash } });
  await done(`${enrollment}/imports/${turns.id}`, 'done');
  await send('officer.a', 'POST', `${enrollment}/imports/${turns.id}/revoke`);
  await done(`${enrollment}/imports/${turns.id}`, 'revoked');
  for (const lines of [
    [`"${names.broken}`, numberOf('broken')],
    [names.broken, numberOf('broken')],
    [`PK\u0003\u0004${names.broken}`],
    [`${peopleHeadings}\u0000`, names.broken],
  ]) {
    expect((await send('officer.a', 'POST', `${registry}/imports?mode=plan`, { body: csvForm(fileName, lines) })).status).toBeGreaterThanOrEqual(400);
  }
  ids.set('nomination', (await city.make(undefined, 'officer.a', `${enrollment}/nominations`, { classId: id('class'), personId: id('first') })).id);
  const approved = await send('approver.a', 'POST', `${enrollment}/nominations/${id('nomination')}/approve`, {
    headers: { 'x-correlation-id': correlationId },
    body: { reason: `quen biết ${names.second}` },
  });
  expect([approved.status, approved.headers.get('x-correlation-id')]).toEqual([200, correlationId]);
  await eventually(async () => expect((await send('board', 'GET', `${enrollment}/enrollments/${id('nomination')}`)).body.state).toBe('admitted'));
};
const done = (path: string, state: string): Promise<void> =>
  eventually(async () => expect((await city.send('officer.a', 'GET', path)).body.state).toBe(state), { withinMs: 30_000 });

/** The database fails on a row and quotes it: at a door, in an import's chunk, in a consumer; and it is lost in the middle. */
const failInside = async (): Promise<void> => {
  const { send } = city;
  await failOn('registry', 'registry.people', names.broken);
  const failed = await enter('broken');
  expect([failed.status, failed.body.code]).toEqual([500, 'internal-error']);
  expect(leaksIn(failed.text)).toEqual([]);
  const planned = await send('officer.a', 'POST', `${registry}/imports?mode=plan`, {
    body: csvForm('people.csv', [peopleHeadings, `${numberOf('broken')};${names.broken};27/2/1961;Nam;a`]),
  });
  await send('officer.a', 'POST', `${registry}/imports/${planned.body.id}/commit`, { body: { planHash: planned.body.planHash } });
  await eventually(async () => expect((await send('officer.a', 'GET', `${registry}/imports/${planned.body.id}`)).body.failures).toBeGreaterThan(0), {
    withinMs: 30_000,
  });
  await failNoMore('registry', 'registry.people');

  await failOn('enrollment', 'cards.person', names.parked);
  expect((await enter('parked')).status).toBe(201);
  await eventually(async () => expect((await query('enrollment', 'select reason from messaging.parked')).length).toBeGreaterThan(0), {
    withinMs: 30_000,
  });
  await failNoMore('enrollment', 'cards.person');
  await query(
    'registry',
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'registry' and application_name like 'khue-%' and pid <> pg_backend_pid()`,
  );
  await Promise.all(Array.from({ length: 5 }, () => enter('broken', { identityNumber: null })));
};

/** Logs of the product and of its PostgreSQL, what was printed, and what the metrics say. */
const readAll = async (): Promise<string> => {
  const metrics = await Promise.all(
    [city.product.address, ...Object.values(city.product.addresses)].map(async (base) => (await fetch(`${base}/metrics`)).text()),
  );
  const files = (await readdir(city.data)).filter((name) => /\.log(\.\d+)?$/.test(name));
  expect(files.sort()).toEqual(['khue.log', 'postgres.log']);
  // The log is written beside the answers.
  await eventually(async () => expect(await readFile(join(city.data, 'khue.log'), 'utf8')).toContain(correlationId));
  const logs = await Promise.all(files.map((name) => readFile(join(city.data, name), 'utf8')));
  return [...logs, ...metrics].join('\n');
};

const lines = (): any[] =>
  written
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

describe('what the product writes down of its work', () => {
  test('is a line for each request by its route, and each failure with its kind and place', () => {
    const seen = lines();
    const byRoute = (service: string, route: string, status: number): number =>
      seen.filter((line) => line.service === service && line.route === route && line.status === status).length;
    expect(byRoute('registry', `${registry}/people`, 201)).toBeGreaterThan(3);
    expect(byRoute('registry', `${registry}/people/:id`, 400)).toBe(1);
    expect(byRoute('gateway', '/api/registry/*', 409)).toBeGreaterThan(1);
    expect(byRoute('registry', `${registry}/people`, 500)).toBe(1);
    expect(seen.filter((line) => line.msg === 'event parked').length).toBe(1);
    expect(seen.some((line) => line.msg === 'a chunk of an import failed' && line.err?.at?.length > 0)).toBe(true);
    expect(seen.some((line) => line.msg === 'a batch failed' && line.err?.constraint === 'quoting')).toBe(true);
  });

  test('holds no name, no identity number and no birth date, in whatever spelling or coding', () => {
    expect(leaksIn(written)).toEqual([]);
  });

  test('nor does what it prints', () => {
    expect(leaksIn(captured)).toEqual([]);
  });

  test('the search finds what it is to find: the names are in the database, and would be found in a log', async () => {
    const [{ people }] = await query('registry', 'select json_agg(name)::text as people from registry.people');
    expect(leaksIn(people).length).toBeGreaterThan(10);
    expect(leaksIn(`GET /people?q=${encodeURIComponent('Quyểnh')}`)).toHaveLength(1);
    expect(leaksIn(`Key (identity_number)=(${numberOf('first')}) already exists.`)).toHaveLength(1);
  });

  test('facts, which are kept for ever, hold none either; people’s cards have names and never the number; parked ones say no more than a code', async () => {
    let facts = 0;
    for (const database of Object.keys(city.product.addresses)) {
      const rows = await query(database, `select topic, concat_ws(' ', topic, subject, type, context::text, data::text) as text from messaging.log`);
      const ofFacts = rows.filter(({ topic }) => topic.endsWith('.facts')).map(({ text }) => text);
      facts += ofFacts.length;
      expect(leaksIn(ofFacts.join('\n')), database).toEqual([]);
      const cards = rows
        .filter(({ topic }) => topic === 'khue.registry.people')
        .map(({ text }) => text)
        .join('\n');
      if (database === 'registry') expect(cards).toContain(names.first);
      expect(
        [...secrets()].filter(([form, secret]) => /\d{11}/.test(secret) && cards.includes(form)),
        database,
      ).toEqual([]);
      const parked = await query(database, `select concat_ws(' ', reason, subject) as text from messaging.parked`);
      expect(leaksIn(parked.map(({ text }) => text).join('\n')), database).toEqual([]);
    }
    expect(facts).toBeGreaterThan(30);
  });

  test('one correlation id leads from the request through gateway and service to the last consumer', async () => {
    const seen = lines().filter((line) => line.correlationId === correlationId);
    expect(seen.map(({ service, route, status }) => [service, route, status]).sort()).toEqual([
      ['enrollment', `${enrollment}/nominations/:id/approve`, 200],
      ['gateway', '/api/enrollment/*', 200],
    ]);
    const caused = async (database: string): Promise<string[]> =>
      (await query(database, `select type from messaging.log where context->>'correlationid' = $1 order by id`, [correlationId])).map(
        ({ type }) => type,
      );
    // Approved by the request; held by quota, admitted by enrollment again, confirmed by quota: each in answer to the one before.
    expect(await caused('enrollment')).toEqual(['enrollment.nomination-approved', 'enrollment.seat-requested', 'enrollment.learner-admitted']);
    await eventually(async () => expect(await caused('quota')).toEqual(['quota.seat-held', 'quota.seat-confirmed']));
    const timeline = (await city.send('officer.a', 'GET', `${enrollment}/enrollments/${city.id('nomination')}/timeline`)).body;
    expect(timeline.filter((step: any) => step.correlationId === correlationId).map((step: any) => step.service)).toEqual([
      'enrollment',
      'enrollment',
      'quota',
      'enrollment',
      'quota',
    ]);
  });
});

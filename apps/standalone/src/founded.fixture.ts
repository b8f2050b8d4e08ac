import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serviceNames } from '@khue/contracts/services';
import { openIssuer } from '@khue/gateway/issuer';
import type { Environment } from '@khue/host/config';
import { freePort } from '@khue/infra/free-port';
import { eventually } from '@khue/testing/eventually';
import { v7 as uuidv7 } from 'uuid';
import { startProduct, type Product, type ProductOptions } from './product.ts';

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
}

export interface Sent {
  readonly base?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A product of its own with a root unit, a board, two neighboring units with their officers, a school, a reader. */
export interface FoundedCity {
  readonly product: Product;
  readonly data: string;
  readonly ids: Map<string, string>;
  id(key: string): string;
  token(sub: string): Promise<string>;
  /** One request by an account; POST gets a fresh Idempotency-Key unless the headers bring one. */
  send(sub: string, method: string, path: string, sent?: Sent): Promise<Answered>;
  /** A POST that must pass, once the news it rests on has arrived everywhere; its id is kept under `key`. */
  make(key: string | undefined, sub: string, path: string, body: unknown): Promise<any>;
  close(): Promise<void>;
}

/** Refusals that pass by themselves, when an event arrives. */
const patient = ['unit-not-known-yet', 'person-not-known-yet', 'role-missing', 'program-unknown', 'out-of-scope', 'document-missing'];

export const answered = async (response: Response): Promise<Answered> => {
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, headers: response.headers, text, body: isJson && text !== '' ? JSON.parse(text) : undefined };
};

/** A multipart body with one CSV file. */
export const csvForm = (fileName: string, lines: readonly string[]): FormData => {
  const form = new FormData();
  form.set('file', new Blob([`${lines.join('\r\n')}\r\n`], { type: 'text/csv' }), fileName);
  return form;
};

/** Each service on a free port given by the environment, so that two products of a test run never meet. */
const freePorts = async (): Promise<Record<string, string>> =>
  Object.fromEntries(await Promise.all(serviceNames.map(async (name) => [`KHUE_${name.toUpperCase()}_PORT`, String(await freePort())])));

export const foundCity = async (env: Environment = {}, bus?: ProductOptions['bus']): Promise<FoundedCity> => {
  const data = await mkdtemp(join(tmpdir(), 'khue cửa '));
  const product = await startProduct({
    data,
    port: await freePort(),
    env: { ...(await freePorts()), ...env },
    say: () => undefined,
    onLost: () => undefined,
    ...(bus ? { bus } : {}),
  });
  const { sign } = await openIssuer({ data, issuer: product.issuer, audience: 'khue' });
  const tokens = new Map<string, Promise<string>>();
  const token = (sub: string): Promise<string> => {
    const known = tokens.get(sub) ?? sign(sub, 3_600);
    tokens.set(sub, known);
    return known;
  };
  const ids = new Map<string, string>();
  const id = (key: string): string => {
    const known = ids.get(key);
    if (known === undefined) throw new Error(`${key} was not made`);
    return known;
  };
  const send: FoundedCity['send'] = async (sub, method, path, { base = product.address, headers = {}, body } = {}) =>
    answered(
      await fetch(`${base}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await token(sub)}`,
          ...(method === 'POST' ? { 'idempotency-key': uuidv7() } : {}),
          ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
      }),
    );
  const make: FoundedCity['make'] = async (key, sub, path, body) => {
    const done = await eventually(
      async () => {
        const one = await send(sub, 'POST', path, { body });
        if (one.status >= 400 && patient.includes(one.body?.code)) throw new Error(`${path}: ${one.text}`);
        return one;
      },
      { withinMs: 30_000, everyMs: 100 },
    );
    if (done.status >= 400) throw new Error(`${path} by ${sub}: ${done.status} ${done.text}`);
    if (key !== undefined) ids.set(key, done.body.id);
    return done.body;
  };
  const close = async (): Promise<void> => {
    await product.close();
    await rm(data, { recursive: true, force: true });
  };
  const city: FoundedCity = { product, data, ids, id, token, send, make, close };
  try {
    await found(city);
    return city;
  } catch (error) {
    await close();
    throw error;
  }
};

/** The least a city has before anybody can be nominated. */
const found = async ({ make, id }: FoundedCity): Promise<void> => {
  const registry = '/api/registry/v1';
  await make(undefined, 'board', `${registry}/documents`, { number: 'QD-1', issuer: 'Ban Tổ chức', issuedOn: '2026-01-05', governs: 'grants' });
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
    documentNo: 'QD-1',
  });
  for (const [key, parent] of [
    ['a', 'root'],
    ['b', 'root'],
    ['school', 'root'],
  ] as const) {
    await make(key, 'board', `${registry}/units`, { code: key, kind: 'phường', name: `Đơn vị ${key}`, parentId: id(parent), from: '2018-01-01' });
  }
  const grants = [
    ['officer.a', 'officer', 'a'],
    ['approver.a', 'approver', 'a'],
    ['school', 'school', 'school'],
    ['reader', 'reader', 'root'],
    ...(['officer', 'approver', 'board', 'school', 'reader'] as const).map((role) => [`${role}.b`, role, 'b'] as const),
  ] as const;
  for (const [sub, role, unit] of grants) {
    await make(undefined, 'board', `${registry}/grants`, { sub, role, unitId: id(unit), validFrom: '2018-01-01', documentNo: 'QD-1' });
  }
  await make(undefined, 'board', '/api/enrollment/v1/rule-sets', await ruleSetOf('350-qd-tw'));
  const program = {
    code: 'intermediate',
    name: 'Trung cấp lý luận chính trị',
    line: 'intermediate-theory',
    level: 'intermediate',
    form: 'non-concentrated',
    hours: 800,
    validFrom: '2020-01-01',
    documentNo: 'QD-1',
  };
  await make(undefined, 'school', '/api/enrollment/v1/programs', program);
  await make('class', 'school', '/api/enrollment/v1/classes', {
    programCode: 'intermediate',
    hostUnitId: id('school'),
    size: 50,
    from: '2026-12-07',
    to: '2028-06-30',
  });
  await make('pot', 'board', '/api/quota/v1/pots', { year: 2026, programCode: 'intermediate', size: 40, documentNo: 'QD-1', rootUnitId: id('root') });
  await make(undefined, 'board', `/api/quota/v1/pots/${id('pot')}/divisions`, {
    unitId: id('root'),
    documentNo: 'QD-1',
    division: {
      by: 'hand',
      shares: [
        { unitId: id('a'), change: 20 },
        { unitId: id('b'), change: 10 },
      ],
    },
  });
};

export const ruleSetOf = async (name: string): Promise<any> =>
  JSON.parse(await readFile(new URL(`../../enrollment/rules/${name}.json`, import.meta.url), 'utf8'));

/** Facts under which the rules for the intermediate level have nothing against a learner. */
export const ableFacts = {
  party: { status: 'full', since: '2015-05-19' },
  degree: 'university',
  post: { code: 'division-head', level: 'commune' },
  sector: 'civil',
  ratings: [
    { year: 2024, rating: 'good' },
    { year: 2025, rating: 'good' },
  ],
};

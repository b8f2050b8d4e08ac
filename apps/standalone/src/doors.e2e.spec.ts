import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { allRoutes } from '@khue/contracts/services';
import { createGateway, type RunningGateway } from '@khue/gateway/service';
import { gatewayConfig, type Environment } from '@khue/host/config';
import { createLogger } from '@khue/host/logger';
import { freePort } from '@khue/infra/free-port';
import { generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examplesOf, furnish, readsOf, type Example } from './doors.fixture.ts';
import { answered, csvForm, foundCity, type Answered, type FoundedCity } from './founded.fixture.ts';

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly callers: readonly string[];
  readonly spec: any;
  readonly isWrite: boolean;
}

let city: FoundedCity;
let document: any;
let operations: readonly Operation[];
let examples: Readonly<Record<string, Example>>;
const failed: string[] = [];

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const operationsOf = (openapi: any): Operation[] =>
  Object.entries<any>(openapi.paths).flatMap(([path, item]) =>
    Object.entries<any>(item)
      .filter(([method]) => methods.includes(method))
      .map(([method, spec]) => ({
        id: spec.operationId,
        method: method.toUpperCase(),
        path,
        callers: spec['x-roles'] ?? [],
        spec,
        isWrite: method !== 'get',
      })),
  );
const writes = (): Operation[] => operations.filter(({ isWrite }) => isWrite);
const jsonWrites = (): Operation[] => writes().filter(({ id }) => examples[id]?.body !== undefined);

/** The gateway, and the service itself for who gets behind it. */
const doorsOf = ({ path }: Operation): string[] => [
  city.product.address,
  city.product.addresses[path.split('/')[2] ?? ''] ?? expect.fail(`${path} has no service`),
];
const reads = (): Readonly<Record<string, { readonly params?: Readonly<Record<string, string>>; readonly query?: string }>> => readsOf(city);

const urlOf = (operation: Operation): string => {
  const { params = {}, query } = examples[operation.id] ?? reads()[operation.id] ?? {};
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? uuidv7());
  return query === undefined ? path : `${path}?${query}`;
};

type Payload = string | Uint8Array<ArrayBuffer> | FormData;

interface Attempt {
  readonly base: string;
  readonly authorization?: string;
  readonly sub?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** As it goes over the wire; the example's own body unless given. */
  readonly body?: Payload | null;
  readonly url?: string;
}

/** One request of an operation, complete unless told otherwise; what answers 500 or higher is remembered. */
const attempt = async (operation: Operation, { base, authorization, sub, headers = {}, body, url }: Attempt): Promise<Answered> => {
  const example = examples[operation.id];
  const ownBody = example?.file
    ? csvForm(example.file.name, example.file.lines)
    : example?.body === undefined
      ? undefined
      : JSON.stringify(example.body);
  const payload = body === undefined ? ownBody : body;
  const bearer = authorization ?? (sub === undefined ? undefined : `Bearer ${await city.token(sub)}`);
  const all: Record<string, string | undefined> = {
    authorization: bearer,
    'idempotency-key': operation.method === 'POST' ? uuidv7() : undefined,
    'if-match': ['PUT', 'PATCH', 'DELETE'].includes(operation.method) ? '"1"' : undefined,
    'content-type': payload == null || payload instanceof FormData ? undefined : 'application/json',
    ...example?.headers,
    ...headers,
  };
  const answer = await answered(
    await fetch(`${base}${url ?? urlOf(operation)}`, {
      method: operation.method,
      headers: Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)),
      ...(payload == null ? {} : { body: payload }),
    }),
  );
  if (answer.status >= 500) failed.push(`${operation.method} ${operation.path}: ${answer.text}`);
  return answer;
};

/** What is wrong with an error's shape; nothing is '' . */
const shapeFault = ({ status, headers, body, text }: Answered): string => {
  const faults = [
    headers.get('content-type')?.startsWith('application/problem+json') ? '' : `content type ${headers.get('content-type')}`,
    body?.status === status ? '' : `status ${status} but says ${body?.status}`,
    typeof body?.code === 'string' && body.type === `urn:khue:problem:${body.code}` ? '' : 'no type and code',
    body?.detail?.vi?.length > 5 && body?.detail?.en?.length > 5 && body.detail.vi !== body.detail.en ? '' : 'not in both languages',
    Array.isArray(body?.errors) && body.errors.every((error: any) => typeof error.field === 'string' && error.code && error.vi && error.en)
      ? ''
      : 'errors without field and mend',
    body?.correlationId?.length > 7 && body.correlationId === headers.get('x-correlation-id') ? '' : 'no correlation id',
    /\bat .*\.[tj]s:|\bpg_|syntax error|relation "/i.test(text) ? 'tells of the inside' : '',
  ];
  return faults.filter((fault) => fault !== '').join(', ');
};

/** Runs over many requests, some at a time, and gathers what was not as it should be. */
const walk = async <T>(items: readonly T[], look: (item: T) => Promise<string | undefined>): Promise<string[]> => {
  const queue = [...items];
  const found: string[] = [];
  const runner = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      const fault = await look(item);
      if (fault) found.push(fault);
    }
  };
  await Promise.all(Array.from({ length: 8 }, runner));
  return found;
};

/** Says what differs from the answer that is due. */
const verdict = (
  name: string,
  answer: Answered,
  due: { readonly status: number | readonly number[]; readonly code?: string | readonly string[] },
): string | undefined => {
  const codes = due.code === undefined ? undefined : [due.code].flat();
  if (![due.status].flat().includes(answer.status)) return `${name}: ${answer.status} ${answer.text.slice(0, 200)}`;
  if (codes && !codes.includes(answer.body?.code)) return `${name}: code ${answer.body?.code}`;
  const fault = answer.status >= 400 ? shapeFault(answer) : '';
  return fault === '' ? undefined : `${name}: ${fault}`;
};

const everyDoor = (of: readonly Operation[]): { operation: Operation; base: string; name: string }[] =>
  of.flatMap((operation) =>
    doorsOf(operation).map((base, place) => ({ operation, base, name: `${operation.id} at ${place === 0 ? 'the gateway' : 'the service'}` })),
  );

beforeAll(async () => {
  city = await foundCity();
  document = (await answered(await fetch(`${city.product.address}/openapi.json`))).body;
  operations = operationsOf(document);
  await furnish(city);
  examples = await examplesOf(city);
}, 180_000);
afterAll(() => city?.close(), 40_000);

describe('the document of all doors', () => {
  test('is OpenAPI 3.1 and complete: every operation of every service, its parameters, its answers, who may call it', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect([typeof document.info.title, typeof document.info.version, document.servers[0].url]).toEqual(['string', 'string', city.product.address]);
    expect(operations.map(({ id }) => id).sort()).toEqual(allRoutes.map(({ operationId }) => operationId).sort());
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
    const roles = ['officer', 'approver', 'board', 'school', 'lecturer', 'reader', 'subscriber', 'operator', 'signed-in', 'anyone'];
    for (const { id, path, method, callers, spec } of operations) {
      expect(callers.length, id).toBeGreaterThan(0);
      expect(
        callers.filter((caller) => !roles.includes(caller)),
        id,
      ).toEqual([]);
      const parameters: any[] = spec.parameters ?? [];
      const declared = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect(declared.sort(), id).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort());
      expect(
        parameters.filter((parameter) => parameter.in === 'path' && !parameter.required),
        id,
      ).toEqual([]);
      expect(
        parameters.filter((parameter) => !parameter.schema || !['path', 'query', 'header'].includes(parameter.in)),
        id,
      ).toEqual([]);
      expect(
        parameters.some(({ name, required }) => name === 'Idempotency-Key' && required),
        id,
      ).toBe(method === 'POST');
      expect(
        parameters.some(({ name, required }) => name === 'If-Match' && required),
        id,
      ).toBe(['PUT', 'PATCH', 'DELETE'].includes(method));
      expect(
        Object.keys(spec.responses).every((status) => /^([1-5]\d\d|default)$/.test(status)),
        id,
      ).toBe(true);
      expect(
        Object.values<any>(spec.responses).every(({ description }) => typeof description === 'string'),
        id,
      ).toBe(true);
      expect(Object.keys(spec.responses.default.content), id).toEqual(['application/problem+json']);
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference as string);
    const resolve = (reference: string): unknown =>
      reference
        .slice(2)
        .split('/')
        .reduce((at: any, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
    expect(references.filter((reference) => !reference.startsWith('#/') || resolve(reference) === undefined)).toEqual([]);
    expect(faultsOfSchemas(document, '#')).toEqual([]);
  });

  test('has for each write a request that the walk below can send', () => {
    expect(Object.keys(examples).sort()).toEqual(
      writes()
        .map(({ id }) => id)
        .sort(),
    );
  });

  test('is shown by a page that loads nothing from elsewhere', async () => {
    const page = await fetch(`${city.product.address}/docs/`);
    const html = await page.text();
    expect(page.status).toBe(200);
    const links = [...html.matchAll(/\b(?:src|href)\s*=\s*["']([^"']+)["']/g)].map(([, link]) => link as string);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      const url = new URL(link, page.url);
      expect(url.origin, link).toBe(city.product.address);
      const asset = await fetch(url);
      expect([asset.status, (await asset.arrayBuffer()).byteLength > 100], link).toEqual([200, true]);
    }
    expect(html).not.toMatch(/(?:src|href)\s*=\s*["'](?:https?:)?\/\//);
    const settings = await (await fetch(`${city.product.address}/docs/static/swagger-initializer.js`)).text();
    expect(settings).toMatch(/validatorUrl["']?:\s*null/);
    expect(settings.replaceAll(city.product.address, '').match(/["'](?:https?:)?\/\/[^"']+/g) ?? []).toEqual([]);
  });
});

/** Shallow rules of JSON Schema 2020-12 that a generator breaks first: known types, required members that are there, no OpenAPI 3.0 leftovers. */
const faultsOfSchemas = (node: any, at: string): string[] => {
  if (node === null || typeof node !== 'object') return [];
  const faults = Object.entries(node).flatMap(([key, value]) => faultsOfSchemas(value, `${at}/${key}`));
  if (at.endsWith('/properties') || at.endsWith('/paths') || Array.isArray(node)) return faults;
  const types = [node.type].flat().filter((type) => type !== undefined && typeof type === 'string');
  const known = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null', 'http'];
  if (types.some((type) => !known.includes(type))) faults.push(`${at}: type ${types.join()}`);
  if ('nullable' in node || typeof node.exclusiveMinimum === 'boolean' || typeof node.exclusiveMaximum === 'boolean')
    faults.push(`${at}: of OpenAPI 3.0`);
  if (Array.isArray(node.required) && node.properties)
    faults.push(...node.required.filter((name: string) => !(name in node.properties)).map((name: string) => `${at}: requires ${name}`));
  if (node.pattern !== undefined && !isPattern(node.pattern)) faults.push(`${at}: pattern`);
  return faults;
};
const isPattern = (pattern: string): boolean => {
  try {
    return new RegExp(pattern, 'u') instanceof RegExp;
  } catch {
    return false;
  }
};

describe('who calls', () => {
  test('without a token, or with a forged one, gets 401 from every operation, at the gateway and at the service', async () => {
    const forged = await forgedTokens();
    const attempts = everyDoor(operations).flatMap((door) => forged.map(([kind, authorization]) => ({ ...door, kind, authorization })));
    const faults = await walk(attempts, async ({ operation, base, name, kind, authorization }) => {
      const answer = await attempt(operation, { base, ...(authorization === undefined ? {} : { authorization }) });
      const fault = verdict(`${name}, ${kind}`, answer, { status: 401, code: authorization === undefined ? 'token-missing' : 'token-invalid' });
      return fault ?? (answer.headers.get('www-authenticate') === 'Bearer' ? undefined : `${name}, ${kind}: no www-authenticate`);
    });
    expect(faults).toEqual([]);
    expect(attempts.length).toBeGreaterThan(1_000);
  });

  test('the true token beside the forged ones is taken: the walk does not pass because nothing does', async () => {
    const { key, jwk } = await issuerKey();
    const honest = await new SignJWT({})
      .setProtectedHeader({ alg: jwk.alg as string, kid: jwk.kid as string })
      .setIssuer(city.product.issuer)
      .setAudience('khue')
      .setSubject('board')
      .setExpirationTime('5m')
      .sign(key);
    for (const base of [city.product.address, ...Object.values(city.product.addresses)]) {
      const path = operations.find(
        (operation) => !operation.isWrite && (base === city.product.address || doorsOf(operation)[1] === base),
      ) as Operation;
      expect((await attempt(path, { base, authorization: `Bearer ${honest}` })).status, base).not.toBe(401);
    }
  });

  test('as reader gets 403 from every write that does not name readers', async () => {
    const closed = writes().filter(({ callers }) => !callers.includes('reader') && !callers.includes('signed-in') && !callers.includes('anyone'));
    expect(closed.length).toBe(writes().length);
    expect(
      await walk(everyDoor(closed), async ({ operation, base, name }) =>
        verdict(name, await attempt(operation, { base, sub: 'reader' }), { status: 403, code: 'role-missing' }),
      ),
    ).toEqual([]);
  });

  test('without any grant gets 403 everywhere, and only learns that there are none', async () => {
    const closed = operations.filter(({ callers }) => !callers.includes('signed-in') && !callers.includes('anyone'));
    expect(
      await walk(everyDoor(closed), async ({ operation, base, name }) =>
        verdict(name, await attempt(operation, { base, sub: 'stranger' }), { status: 403, code: 'role-missing' }),
      ),
    ).toEqual([]);
    expect((await city.send('stranger', 'GET', '/api/registry/v1/me')).body).toEqual({ sub: 'stranger', grants: [] });
  });

  test('from the neighboring unit, in whatever role, writes nothing of unit a', async () => {
    const neighbors = ['officer.b', 'approver.b', 'board.b', 'school.b'];
    const attempts = everyDoor(writes().filter(({ id }) => !examples[id]?.everywhere)).flatMap((door) => neighbors.map((sub) => ({ ...door, sub })));
    const faults = await walk(attempts, async ({ operation, base, name, sub }) => {
      const answer = await attempt(operation, { base, sub });
      // A person of unit a is to them one who is not there, and who is not there may be on the way.
      const unknown = 'person-not-known-yet';
      if (operation.id === 'nominateLearners' && answer.status === 200)
        return answer.body.items.every((item: any) => item.nomination === null && item.problem.code === unknown)
          ? undefined
          : `${name}: ${answer.text}`;
      if (operation.id === 'nominateLearner' && answer.status === 409) return verdict(`${name} by ${sub}`, answer, { status: 409, code: unknown });
      return verdict(`${name} by ${sub}`, answer, { status: [403, 404] });
    });
    expect(faults).toEqual([]);
  });

  test('from the neighboring unit reads nothing of unit a: 403, 404 or a list without it', async () => {
    const { id } = city;
    // A class of the past is public and names the import it came with; nothing of the import can be read by that.
    const personal = [
      'one',
      'two',
      'approved',
      'mending',
      'young',
      'merged.first',
      'nomination.approved',
      'nomination.young',
      'people.committed',
      'turns.committed',
      'spare',
      'pair.merged',
    ];
    // What is asked for here is unit a's own, and more than a part of a list: there is nothing left of it to answer with.
    const isAimed = ({ id: name }: Operation): boolean => name in reads() && !['readUnit', 'readSuccessors', 'readClass', 'readPot'].includes(name);
    const neighbors = ['officer.b', 'approver.b', 'board.b', 'school.b', 'reader.b'];
    const attempts = everyDoor(operations.filter(({ isWrite }) => !isWrite)).flatMap((door) => neighbors.map((sub) => ({ ...door, sub })));
    const faults = await walk(attempts, async ({ operation, base, name, sub }) => {
      const answer = await attempt(operation, { base, sub });
      if (answer.status === 200 && !isAimed(operation)) {
        const seen = [...personal, ...(operation.id === 'readPot' ? ['a'] : [])].filter(
          (secret) => answer.text.includes(id(secret)) && !(operation.id === 'listClasses' && secret === 'turns.committed'),
        );
        return seen.length === 0 && !/ Kín /.test(answer.text) ? undefined : `${name} by ${sub}: sees ${seen.join()}`;
      }
      return verdict(`${name} by ${sub}`, answer, { status: [403, 404] });
    });
    expect(faults).toEqual([]);
  });

  test('the accounts of unit a and of the city read what their neighbors could not', async () => {
    const readable = operations.filter(({ isWrite }) => !isWrite);
    const roleOf = ({ callers }: Operation): string => (callers.includes('officer') ? 'officer.a' : 'board');
    expect(
      await walk(everyDoor(readable), async ({ operation, base, name }) =>
        verdict(name, await attempt(operation, { base, sub: roleOf(operation) }), { status: 200 }),
      ),
    ).toEqual([]);
  });
});

describe('what is sent', () => {
  const by = ({ id }: Operation): string => examples[id]?.by ?? 'board';

  test('a POST without a usable Idempotency-Key is refused: missing, empty, too long, not visible ASCII', async () => {
    const posts = everyDoor(writes().filter(({ method }) => method === 'POST'));
    const keys = [
      [undefined, 'idempotency-key-missing'],
      ['x'.repeat(201), 'idempotency-key-invalid'],
      ['a b', 'idempotency-key-invalid'],
      ['caf\u00e9', 'idempotency-key-invalid'],
    ] as const;
    const attempts = posts.flatMap((door) => keys.map(([key, code]) => ({ ...door, key, code })));
    expect(
      await walk(attempts, async ({ operation, base, name, key, code }) =>
        verdict(`${name} ${code}`, await attempt(operation, { base, sub: by(operation), headers: { 'idempotency-key': key } }), {
          status: 400,
          code,
        }),
      ),
    ).toEqual([]);
  });

  test('a PUT, PATCH or DELETE without If-Match is 428, with one that is none 400, with a stale one 412', async () => {
    const changes = everyDoor(writes().filter(({ method }) => method !== 'POST'));
    expect(changes.length).toBeGreaterThan(3);
    const seen = [
      [undefined, 428, 'if-match-missing'],
      ['*', 400, 'if-match-invalid'],
      ['W/"1"', 400, 'if-match-invalid'],
      ['"99999999999999999"', 400, 'if-match-invalid'],
      ['"7"', 412, 'version-stale'],
      ['"999999999999999"', 412, 'version-stale'],
    ] as const;
    const attempts = changes.flatMap((door) => seen.map(([ifMatch, status, code]) => ({ ...door, ifMatch, status, code })));
    expect(
      await walk(attempts, async ({ operation, base, name, ifMatch, status, code }) =>
        verdict(`${name} ${ifMatch}`, await attempt(operation, { base, sub: by(operation), headers: { 'if-match': ifMatch } }), { status, code }),
      ),
    ).toEqual([]);
  });

  test('read-only and unknown members are refused by name, at every depth, in every write', async () => {
    const faults = await walk(everyDoor(jsonWrites()), async ({ operation, base, name }) => {
      const content = operation.spec.requestBody?.content['application/json'];
      const { shown, taken } = { shown: membersOf(successOf(operation)), taken: membersOf(content?.schema) };
      const extra = [...new Set([...shown, 'id', 'version', 'state', 'zzUnknown'])].filter((member) => !taken.includes(member)).slice(0, 40);
      const top = await attempt(operation, {
        base,
        sub: by(operation),
        body: JSON.stringify({ ...examples[operation.id]?.body, ...Object.fromEntries(extra.map((member) => [member, 1])) }),
      });
      const named = top.body?.errors?.filter((error: any) => error.code === 'member-not-accepted').map((error: any) => error.field) ?? [];
      const silent = extra.filter((member) => !named.includes(member));
      if (top.status !== 400 || silent.length > 0) return `${name}: ${top.status}, not refused: ${silent.join()}`;
      for (const { body, field } of withMemberInside(examples[operation.id]?.body)) {
        const inner = await attempt(operation, { base, sub: by(operation), body: JSON.stringify(body) });
        if (inner.status !== 400 || !inner.body.errors.some((error: any) => error.field === field && error.code === 'member-not-accepted'))
          return `${name}: ${field}: ${inner.status} ${inner.text.slice(0, 200)}`;
      }
      return verdict(name, top, { status: 400, code: 'body-invalid' });
    });
    expect(faults).toEqual([]);
  });

  test('what is no JSON, no UTF-8, no object, too deep, too large or of another type is a problem of the caller', async () => {
    const odd: readonly [string, Payload | null, number | readonly number[], Record<string, string>?][] = [
      ['broken JSON with a name', '{"name": "Nguyễn Kín', 400],
      ['no UTF-8', new Uint8Array([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 400],
      ['nothing', '', 400],
      ['null', 'null', 400],
      ['a number', '1', 400],
      ['a text', '"x"', 400],
      ['a list', '[]', 400],
      ['very deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
      ['deep objects', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`, 400],
      ['a poisoned prototype', '{"__proto__": {"isAdmin": true}}', 400],
      ['a poisoned constructor', '{"constructor": {"prototype": {"isAdmin": true}}}', 400],
      ['too large', JSON.stringify({ name: 'x'.repeat(1_100_000) }), 413],
      ['plain text', '{}', 415, { 'content-type': 'text/plain' }],
      ['XML', '<a/>', 415, { 'content-type': 'application/xml' }],
      ['a form', 'a=1', 415, { 'content-type': 'application/x-www-form-urlencoded' }],
      ['an odd type', '{}', 415, { 'content-type': 'application/json/x' }],
    ];
    const optional = new Set(allRoutes.filter(({ body }) => body?.safeParse(undefined).success).map(({ operationId }) => operationId));
    const attempts = everyDoor(jsonWrites()).flatMap((door) =>
      odd.map(([kind, body, status, headers = {}]) => ({ ...door, kind, body, status, headers })),
    );
    // Where the body may be left out, an empty one and a null say the same.
    const faults = await walk(
      attempts.filter(({ operation, kind }) => !(['nothing', 'null'].includes(kind) && optional.has(operation.id))),
      async ({ operation, base, name, kind, body, status, headers }) =>
        verdict(`${name}, ${kind}`, await attempt(operation, { base, sub: by(operation), body, headers }), { status }),
    );
    expect(faults).toEqual([]);
  });

  test('a NUL, a control character or a lone surrogate in any text of any body is refused with its field, never by the database', async () => {
    const attempts = everyDoor(jsonWrites()).flatMap((door) =>
      ['a\\u0000b', 'a\\ud800b', 'a\\u0007b'].flatMap((mark) =>
        withText(examples[door.operation.id]?.body, mark).map((each) => ({ ...door, ...each, mark })),
      ),
    );
    expect(attempts.length).toBeGreaterThan(300);
    const faults = await walk(attempts, async ({ operation, base, name, body, field, mark }) => {
      const answer = await attempt(operation, { base, sub: by(operation), body });
      const fault = verdict(`${name} ${field} ${mark}`, answer, { status: 400 });
      return (
        fault ??
        (answer.body.errors.some((error: any) => error.field === field || field.startsWith(`${error.field}.`))
          ? undefined
          : `${name} ${field} ${mark}: does not name the field`)
      );
    });
    expect(faults).toEqual([]);
  });

  test('numbers out of range, wrong types and nulls anywhere in a body are refused, never a failure inside', async () => {
    const attempts = everyDoor(jsonWrites()).flatMap((door) =>
      ['1e308', '-1', '9007199254740993', '1.5', 'true', '{}', '[]', '""', `"${'x'.repeat(5_000)}"`].flatMap((value) =>
        withValue(examples[door.operation.id]?.body, value).map((each) => ({ ...door, ...each, value })),
      ),
    );
    const faults = await walk(
      attempts.filter((_, place) => place % 2 === 0),
      async ({ operation, base, name, body, field, value }) => {
        const answer = await attempt(operation, { base, sub: 'reader', body });
        if (answer.status !== 403) return `${name}: ${answer.status}`;
        const own = await attempt(operation, {
          base,
          sub: by(operation),
          headers: { 'if-match': operation.method === 'POST' ? undefined : '"7"' },
          body: broken(body),
        });
        return own.status >= 400 && own.status < 500
          ? undefined
          : `${name} ${field} = ${value.slice(0, 20)}: ${own.status} ${own.text.slice(0, 200)}`;
      },
    );
    expect(faults).toEqual([]);
  });

  test('odd paths, queries, cursors and methods are answered with a problem, never with a failure', async () => {
    const odd = ['not-a-uuid', '%00', 'x'.repeat(200), "'; drop table x--", '..%2f..', '%F0%28%8C%28', '%', '00000000-0000-0000-0000-000000000000'];
    const withParams = everyDoor(operations.filter(({ path }) => path.includes('{'))).flatMap((door) => odd.map((value) => ({ ...door, value })));
    const byPath = await walk(withParams, async ({ operation, base, name, value }) => {
      const answer = await attempt(operation, { base, sub: 'board', url: operation.path.replace(/\{\w+\}/, encodes(value)) });
      return answer.status >= 400 ? verdict(`${name} ${value}`, answer, { status: [400, 403, 404] }) : `${name} ${value}: ${answer.status}`;
    });
    expect(byPath).toEqual([]);

    const cursors = [
      '%00',
      'x',
      ...[
        [],
        [1],
        ['x'],
        [null],
        ['\0'],
        ['\ud800'],
        ['x', 'y'],
        [1, 2],
        ['2026-01-01T00:00:00Z', 'no-uuid'],
        ['x', 'y', 'z'],
        [1e308],
        [-1, 0, 1],
        ['a'.repeat(200)],
        ['x', 'y', 'z', 'w'],
      ].map((values) => Buffer.from(JSON.stringify(values)).toString('base64url')),
    ];
    const queries = [
      ...cursors.map((cursor) => `cursor=${cursor}`),
      'limit=0',
      'limit=201',
      'limit=1e9',
      'limit=x',
      'limit=1&limit=2',
      'on=31/12/2025',
      'on=2025-02-30',
      'on=99999-01-01',
      'q=%00',
      'q=%ED%A0%80',
      `q=${'x'.repeat(500)}`,
      'unitId=x',
      'year=99999999999999999999',
      'from=x&to=y',
      'from=2026&to=2018',
      'unit=%00',
    ];
    const lists = everyDoor(operations.filter(({ isWrite, path }) => !isWrite && !path.includes('{'))).flatMap((door) =>
      queries.map((query) => ({ ...door, query })),
    );
    const byQuery = await walk(lists, async ({ operation, base, name, query }) => {
      const { query: own } = reads()[operation.id] ?? {};
      const answer = await attempt(operation, {
        base,
        sub: 'board',
        url: `${operation.path}?${own && !query.startsWith('from') ? `${own}&` : ''}${query}`,
      });
      return answer.status < 400 ? undefined : verdict(`${name} ?${query}`, answer, { status: [400, 409, 403] });
    });
    expect(byQuery).toEqual([]);
  });

  test('an address that is not there is 404, a method it does not take 405 with those it takes, what is no HTTP at all 400: all problem documents', async () => {
    const token = await city.token('board');
    // An address of letters can also be one with a parameter: PATCH of /people/duplicates is that of a person.
    const takenAt = (path: string): Set<string> =>
      new Set(operations.filter((each) => new RegExp(`^${each.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path)).map(({ method }) => method));
    const attempts = [...new Set(operations.map(({ path }) => path))].flatMap((path) => {
      const operation = operations.find((each) => each.path === path) as Operation;
      const taken = takenAt(path);
      return doorsOf(operation).flatMap((base) =>
        ['PUT', 'DELETE', 'PATCH', 'POST', 'GET'].filter((method) => !taken.has(method)).map((method) => ({ base, path, method, taken })),
      );
    });
    const faults = await walk(attempts, async ({ base, path, method, taken }) => {
      const answer = await answered(
        await fetch(`${base}${path.replace(/\{\w+\}/g, () => uuidv7())}`, {
          method,
          headers: { authorization: `Bearer ${token}`, 'idempotency-key': uuidv7(), 'if-match': '"1"' },
        }),
      );
      const allowed = answer.headers.get('allow')?.split(', ').sort().join();
      return (
        verdict(`${method} ${path}`, answer, { status: 405, code: 'method-not-allowed' }) ??
        (allowed === [...taken].sort().join() ? undefined : `${method} ${path}: allow ${allowed}`)
      );
    });
    expect(faults).toEqual([]);
    for (const base of [city.product.address, ...Object.values(city.product.addresses)]) {
      for (const path of [
        '/',
        '/nothing',
        '/api',
        '/api/registry/v1/nothing',
        '/api/unknown/v1/x',
        '/api/registry/v1/units/',
        '/docs/../../etc/passwd',
        '/.env',
        '/%',
        '/api/registry/v1/%',
        `/${'x'.repeat(5_000)}`,
      ]) {
        const answer = await answered(await fetch(`${base}${path}`, { headers: { authorization: `Bearer ${token}` } }));
        expect(verdict(`${base}${path}`, answer, { status: [400, 404] }), path).toBeUndefined();
      }
      for (const [kind, bytes] of [
        ['no HTTP', 'hello\r\n\r\n'],
        ['a broken header', `GET /api/registry/v1/units HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n`],
        ['two lengths', `POST /api/registry/v1/units HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
        ['headers without end', `GET /api/registry/v1/units HTTP/1.1\r\nHost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`],
      ] as const) {
        const raw = await overWire(base, bytes);
        expect(raw, `${kind} at ${base}`).toMatch(/^HTTP\/1\.1 4\d\d /);
        expect(raw, `${kind} at ${base}`).toMatch(/content-type: application\/problem\+json/i);
        expect(JSON.parse(raw.split('\r\n\r\n')[1] as string), kind).toMatchObject({
          code: expect.any(String),
          detail: { vi: expect.any(String), en: expect.any(String) },
          correlationId: expect.any(String),
        });
      }
    }
  });
});

describe('what is meant', () => {
  const done = new Map<string, { readonly answer: Answered; readonly key: string; readonly url: string }>();

  test('after all attacks each write passes once for whom it is meant, with the status and shape of the document', async () => {
    const faults: string[] = [];
    for (const operation of writes()) {
      const example = examples[operation.id] as Example;
      const key = uuidv7();
      const url = urlOf(operation);
      const answer = await attempt(operation, {
        base: city.product.address,
        sub: example.by,
        url,
        headers: operation.method === 'POST' ? { 'idempotency-key': key } : {},
      });
      done.set(operation.id, { answer, key, url });
      const route = allRoutes.find(({ operationId }) => operationId === operation.id);
      if (answer.status !== route?.status) faults.push(`${operation.id}: ${answer.status} ${answer.text}`);
      else if (typeof route.answer === 'object') {
        const parsed = route.answer.safeParse(answer.body);
        if (!parsed.success) faults.push(`${operation.id}: ${parsed.error.message}`);
        const unknown = Object.keys(answer.body).filter((member) => !membersOf(successOf(operation)).includes(member));
        if (unknown.length > 0) faults.push(`${operation.id}: answers undocumented ${unknown.join()}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test('the same key replays the same answer, also at the service itself, and changes nothing', async () => {
    const posts = writes().filter(({ method, id }) => method === 'POST' && done.has(id));
    const moving = ['commitPeopleImport', 'revokePeopleImport', 'commitPastTurnImport', 'revokePastTurnImport'];
    const faults = await walk(everyDoor(posts), async ({ operation, base, name }) => {
      const { answer, key, url } = done.get(operation.id) ?? expect.fail();
      const again = await attempt(operation, { base, sub: examples[operation.id]?.by ?? '', url, headers: { 'idempotency-key': key } });
      if (again.status !== answer.status) return `${name}: ${answer.status} then ${again.status} ${again.text}`;
      return moving.includes(operation.id) || isDeepStrictEqual(again.body, answer.body) ? undefined : `${name}: ${answer.text} then ${again.text}`;
    });
    expect(faults).toEqual([]);
  });

  test('the same key with another body is refused, and belongs to one account and one address', async () => {
    const posts = jsonWrites().filter(({ method, id }) => method === 'POST' && !/Import$/.test(id));
    const faults = await walk(everyDoor(posts), async ({ operation, base, name }) => {
      const { key, url } = done.get(operation.id) ?? expect.fail();
      const other = `${JSON.stringify(examples[operation.id]?.body)} `;
      const answer = await attempt(operation, { base, sub: examples[operation.id]?.by ?? '', url, headers: { 'idempotency-key': key }, body: other });
      return verdict(name, answer, { status: 422, code: 'idempotency-key-reused' });
    });
    expect(faults).toEqual([]);
    const { key } = done.get('recordDocument') ?? expect.fail();
    const body = { ...examples['recordDocument']?.body, number: 'QD-10' };
    const elsewhere = await city.send('board', 'POST', '/api/registry/v1/documents', { body, headers: { 'idempotency-key': key } });
    expect(elsewhere.status).toBe(201);
  });

  test('the token endpoint gives no token for a password or a wrong secret, and its keys are public ones', async () => {
    const ask = async (form: Record<string, string>): Promise<Answered> =>
      answered(await fetch(`${city.product.address}/auth/token`, { method: 'POST', body: new URLSearchParams(form) }));
    expect(await ask({ grant_type: 'password', username: 'board', password: 'board' })).toMatchObject({
      status: 400,
      body: { error: 'unsupported_grant_type' },
    });
    expect(await ask({ grant_type: 'client_credentials', client_id: 'subscriber', client_secret: 'wrong' })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    expect(await ask({})).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const { keys } = (await answered(await fetch(`${city.product.address}/auth/jwks`))).body;
    expect(keys.map((key: JWK) => Object.keys(key).sort())).toEqual([['alg', 'e', 'kid', 'kty', 'n', 'use']]);
    const discovery = (await answered(await fetch(`${city.product.address}/auth/.well-known/openid-configuration`))).body;
    expect(discovery.id_token_signing_alg_values_supported).toEqual(keys.map(({ alg }: JWK) => alg));
  });
});

describe('when it is too much', () => {
  const gatewayTo = (env: Environment, limits?: Parameters<typeof createGateway>[0]['limits']) =>
    createGateway({
      config: gatewayConfig({ KHUE_DATA: city.data, KHUE_PORT: '0', KHUE_PUBLIC_URL: city.product.address, ...env }),
      log: createLogger('gateway', { write: () => undefined }),
      ...(limits ? { limits } : {}),
    });
  const servicesAt = (address: string): Environment =>
    Object.fromEntries(Object.keys(city.product.addresses).map((name) => [`KHUE_${name.toUpperCase()}_URL`, address]));
  const ask = async (gateway: RunningGateway, sub: string) =>
    gateway.http.inject({ method: 'GET', url: '/api/registry/v1/units', headers: { authorization: `Bearer ${await city.token(sub)}` } });

  test('a service or an issuer that does not answer is 503 with Retry-After at the gateway', async () => {
    const gone = `http://127.0.0.1:${await freePort()}`;
    for (const env of [servicesAt(gone), { KHUE_OIDC_ISSUER: gone }]) {
      const gateway = await gatewayTo(env);
      const reply = await ask(gateway, 'board');
      expect([reply.statusCode, reply.json().code, Number(reply.headers['retry-after']) > 0]).toEqual([503, 'upstream-away', true]);
      await gateway.stop();
    }
  });

  test('a service that refuses for overload is asked once, not again and again, and its answer goes through', async () => {
    let asked = 0;
    const overloaded = createServer((_, response) => {
      asked += 1;
      response.writeHead(503, { 'retry-after': '2', 'content-type': 'application/problem+json' }).end('{"code":"overloaded"}');
    });
    await new Promise<void>((listening) => overloaded.listen(0, '127.0.0.1', listening));
    const gateway = await gatewayTo(servicesAt(`http://127.0.0.1:${(overloaded.address() as AddressInfo).port}`));
    const reply = await ask(gateway, 'board');
    expect([reply.statusCode, reply.json().code, reply.headers['retry-after'], asked]).toEqual([503, 'overloaded', '2', 1]);
    await gateway.stop();
    await new Promise((closed) => overloaded.close(closed));
  });

  test('an account that sends too much is told to wait; others are not', async () => {
    const gateway = await gatewayTo(servicesAt(city.product.addresses['registry'] as string), { requests: 3, windowMs: 60_000, accounts: 10 });
    const replies = [];
    for (let place = 0; place < 4; place += 1) replies.push(await ask(gateway, 'board'));
    expect(replies.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429]);
    const [, , , last] = replies;
    const shown = {
      status: last?.statusCode ?? 0,
      headers: new Headers(last?.headers as Record<string, string>),
      text: last?.payload ?? '',
      body: last?.json(),
    };
    expect([shapeFault(shown), shown.body.code, Number(shown.headers.get('retry-after')) > 0]).toEqual(['', 'rate-limited', true]);
    expect((await ask(gateway, 'reader')).statusCode).toBe(200);
    await gateway.stop();
  });

  test('a process that can not keep up answers 503 with Retry-After, and serves again afterwards', async () => {
    const answers: Answered[] = [];
    const until = performance.now() + 20_000;
    while (performance.now() < until && !answers.some(({ status }) => status === 503)) {
      const asked = city.send('reader', 'GET', '/api/registry/v1/units?limit=1').then((answer) => answers.push(answer));
      // Holds the one thread as a runaway computation would.
      for (let place = 0; place < 3; place += 1) {
        const busy = performance.now() + 1_700;
        while (performance.now() < busy);
        await new Promise((next) => setImmediate(next));
      }
      await asked;
    }
    const refused = answers.find(({ status }) => status === 503) ?? expect.fail('never refused');
    expect([refused.body.code, Number(refused.headers.get('retry-after')) > 0, shapeFault(refused)]).toEqual(['overloaded', true, '']);
    await expect
      .poll(async () => (await city.send('reader', 'GET', '/api/registry/v1/units?limit=1')).status, { timeout: 20_000, interval: 250 })
      .toBe(200);
  });

  test('nothing in this walk was answered by a failure inside', () => {
    expect(failed).toEqual([]);
  });
});

const issuerKey = async (): Promise<{ key: CryptoKey; jwk: JWK }> => {
  const jwk = JSON.parse(await readFile(join(city.data, 'issuer', 'key.json'), 'utf8')) as JWK;
  return { key: (await importJWK(jwk)) as CryptoKey, jwk };
};

/** What somebody would try who has the public key and a reader's token at most. */
const forgedTokens = async (): Promise<[string, string | undefined][]> => {
  const { key, jwk } = await issuerKey();
  const kid = jwk.kid as string;
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: city.product.issuer, aud: 'khue', sub: 'board', iat: now, exp: now + 600 };
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const hmac = (secret: string | Buffer): string => {
    const signed = `${encode({ alg: 'HS256', kid, typ: 'JWT' })}.${encode(claims)}`;
    return `Bearer ${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const honest = (change: object, header: object = {}, signer: CryptoKey = key): Promise<string> =>
    new SignJWT(Object.fromEntries(Object.entries({ ...claims, ...change }).filter(([, value]) => value !== undefined)))
      .setProtectedHeader({ alg: 'RS256', kid, ...header })
      .sign(signer)
      .then((token) => `Bearer ${token}`);
  const published = (await answered(await fetch(`${city.product.address}/auth/jwks`))).body.keys[0] as JWK;
  const publicKey = createPublicKey({ key: published as never, format: 'jwk' });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const otherKey = (await importJWK(other.privateKey.export({ format: 'jwk' }) as JWK, 'RS256')) as CryptoKey;
  const { privateKey: curve } = await generateKeyPair('ES256');
  const otherPublic = other.publicKey.export({ format: 'jwk' }) as JWK;
  const whole = await honest({});
  const [head, payload, signature] = whole.slice(7).split('.') as [string, string, string];
  const none = encode({ alg: 'none', typ: 'JWT' });
  const flipped = Buffer.from(signature, 'base64url');
  flipped.writeUInt8(flipped.readUInt8(10) ^ 1, 10);
  return [
    ['no token', undefined],
    ['another scheme', 'Basic Ym9hcmQ6Ym9hcmQ='],
    ['no JWT', 'Bearer board'],
    ['alg none', `Bearer ${none}.${encode(claims)}.`],
    ['alg none with a signature', `Bearer ${none}.${encode(claims)}.${signature}`],
    ['HS256 over the JWK', hmac(JSON.stringify(published))],
    ['HS256 over the PEM', hmac(publicKey.export({ type: 'spki', format: 'pem' }))],
    ['HS256 over the DER', hmac(publicKey.export({ type: 'spki', format: 'der' }))],
    ['HS256 over the modulus', hmac(Buffer.from(published.n as string, 'base64url'))],
    ['another audience', await honest({ aud: 'another' })],
    ['no audience', await honest({ aud: undefined })],
    ['another issuer', await honest({ iss: 'http://127.0.0.1:1/auth' })],
    ['expired', await honest({ exp: now - 5 })],
    ['without an end', await honest({ exp: undefined })],
    ['not valid yet', await honest({ nbf: now + 600 })],
    ['without an account', await honest({ sub: undefined })],
    ['an unknown key id', await honest({}, { kid: 'unknown' }, otherKey)],
    ['a key of its own under our id', await honest({}, {}, otherKey)],
    ['a key of its own of the other kind', await honest({}, { alg: 'ES256' }, curve)],
    ['a key it brings along', await honest({}, { jwk: otherPublic }, otherKey)],
    ['a wrong signature', `Bearer ${head}.${payload}.${flipped.toString('base64url')}`],
    ['other claims under our signature', `Bearer ${head}.${encode({ ...claims, sub: 'operator' })}.${signature}`],
    ['an endless token', `Bearer ${'a'.repeat(6_000)}.${'a'.repeat(1_500)}.${'a'.repeat(1_500)}`],
  ];
};

/** The schema itself where the document refers to it. */
const resolved = (schema: any): any =>
  schema?.$ref
    ? schema.$ref
        .slice(2)
        .split('/')
        .reduce((at: any, key: string) => at[key], document)
    : schema;
const membersOf = (schema: any): string[] => Object.keys(resolved(schema)?.properties ?? {});
const successOf = ({ spec }: Operation): any =>
  Object.entries<any>(spec.responses).find(([status]) => status.startsWith('2'))?.[1].content?.['application/json']?.schema;

interface Varied {
  readonly body: string;
  readonly field: string;
}

const clone = (value: any): any => JSON.parse(JSON.stringify(value));
/** Every place below the top of a body, as its path. */
const placesOf = (value: any, path: readonly (string | number)[] = []): (readonly (string | number)[])[] =>
  value === null || typeof value !== 'object'
    ? [path]
    : [path, ...(Array.isArray(value) ? [...value.slice(0, 2).keys()] : Object.keys(value)).flatMap((key) => placesOf(value[key], [...path, key]))];
const at = (value: any, path: readonly (string | number)[]): any => path.reduce((inner, key) => inner[key], value);
const hole = 'zz-here-zz';
const withHole = (body: any, path: readonly (string | number)[]): string => {
  const copy = clone(body);
  at(copy, path.slice(0, -1))[path.at(-1) as string] = hole;
  return JSON.stringify(copy);
};

/** The body with a member more in one of its inner objects, one by one; rules' conditions are a language of their own and checked with it. */
const withMemberInside = (body: any): { body: any; field: string }[] =>
  placesOf(body)
    .filter(
      (path) =>
        path.length > 0 &&
        !Array.isArray(at(body, path)) &&
        at(body, path) !== null &&
        typeof at(body, path) === 'object' &&
        !['rules', 'sources'].some((name) => path.includes(name)),
    )
    .map((path) => {
      const copy = clone(body);
      at(copy, path).zzUnknown = 1;
      return { body: copy, field: [...path, 'zzUnknown'].join('.') };
    });

/** The body with another JSON text in place of one of its texts, one by one; of a list the first two. */
const withText = (body: any, text: string): Varied[] =>
  placesOf(body)
    .filter((path) => path.length > 0 && typeof at(body, path) === 'string' && !path.includes('rules'))
    .map((path) => ({ body: withHole(body, path).replace(hole, text), field: path.join('.') }));
const withValue = (body: any, value: string): Varied[] =>
  placesOf(body)
    .filter((path) => path.length > 0 && !path.includes('rules'))
    .map((path) => ({ body: withHole(body, path).replace(`"${hole}"`, value), field: path.join('.') }));
/** Keeps a varied body from passing by chance, so that the state stays as the next attempt expects it. */
const broken = (body: string): string => body.replace(/\}$/, `${body === '{}' ? '' : ','}"zzUnknown":1}`);

const encodes = (value: string): string => (value.includes('%') ? value : encodeURIComponent(value));

const overWire = (base: string, bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(15_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => (text += chunk.toString('utf8')));
    socket.once('error', (error) => (text === '' ? reject(error) : resolve(text)));
    socket.once('close', () => resolve(text));
  });

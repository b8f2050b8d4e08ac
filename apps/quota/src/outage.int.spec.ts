import type { AddressInfo } from 'node:net';
import { grantIssued, unitEstablished } from '@khue/contracts/events/registry';
import { severingProxy, type SeveringProxy } from '@khue/messaging/severing-proxy.fixture';
import { eventually } from '@khue/testing/eventually';
import { testService, type Published, type TestService } from '@khue/testing/service';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createQuota } from './service.ts';

let quota: TestService;
let proxy: SeveringProxy;
/** Reaches the database past the proxy. */
let straight: string;
let stranger: pg.Client;
const cityId = uuidv7();
const districtId = uuidv7();

const unit = (unitId: string, parentId: string | null): Published =>
  ({
    definition: unitEstablished,
    subject: unitId,
    data: { unitId, code: unitId.slice(-8), kind: 'quận', name: 'Quận', parentId, from: '2008-08-01', documentNo: null, sample: true },
  }) as Published;
const grantId = uuidv7();
const boardGrant = {
  definition: grantIssued,
  subject: grantId,
  data: { grantId, sub: 'board', role: 'board', unitId: cityId, validFrom: '2020-01-01', validTo: null, documentNo: 'QD-1' },
} as Published;

const potNamed = (programCode: string) => ({ year: 2026, programCode, size: 10, documentNo: 'QD-12/2026', rootUnitId: cityId });
const openPot = (programCode: string, key: string) =>
  quota.call('board', 'POST', '/api/quota/v1/pots', potNamed(programCode), { 'idempotency-key': key });
const pots = async (programCode: string): Promise<unknown> =>
  (
    await stranger.query(
      `select (select count(*)::int from quota.pot where program_code = $1) as pots,
         (select count(*)::int from messaging.log where type = 'quota.pot-opened' and data->>'programCode' = $1) as events`,
      [programCode],
    )
  ).rows[0];

beforeAll(async () => {
  quota = await testService('quota', createQuota, {
    through: async (url) => {
      straight = url;
      proxy = await severingProxy(url);
      return proxy.url;
    },
  });
  stranger = new pg.Client({ connectionString: straight });
  await stranger.connect();
  await quota.publish([unit(cityId, null), unit(districtId, cityId), boardGrant]);
});
afterAll(async () => {
  await stranger.end();
  await quota.stop();
  await proxy.close();
});

describe('a connection that is lost at COMMIT', () => {
  test.each([
    ['after-server', { pots: 1, events: 1 }],
    ['before-server', { pots: 0, events: 0 }],
  ] as const)('%s is answered 503 outcome-unknown, and the same key tells what became of it', async (where, after) => {
    const key = uuidv7();
    proxy.sever(where);
    const lost = await openPot(where, key);
    expect([lost.statusCode, lost.json().code, lost.headers['retry-after']]).toEqual([503, 'outcome-unknown', '5']);
    await eventually(async () => expect(await pots(where)).toEqual(after));
    const again = await openPot(where, key);
    expect([again.statusCode, again.json().programCode]).toEqual([201, where]);
    expect((await openPot(where, key)).json()).toEqual(again.json());
    expect(await pots(where)).toEqual({ pots: 1, events: 1 });
  });
});

test('a twin of a request that is still running is answered 409 with Retry-After, and gets the answer once there is one', async () => {
  const { id } = (await openPot('twin', uuidv7())).json();
  const key = uuidv7();
  const divide = () =>
    quota.call(
      'board',
      'POST',
      `/api/quota/v1/pots/${id}/divisions`,
      { unitId: cityId, documentNo: 'QD-14', division: { by: 'hand', shares: [{ unitId: districtId, change: 3 }] } },
      { 'idempotency-key': key },
    );
  await stranger.query('begin; select 1 from quota.account for update');
  const first = divide();
  const waiting = new pg.Client({ connectionString: straight });
  await waiting.connect();
  // Longer than the wait of a batch: by now it waits alone.
  await eventually(async () =>
    expect(
      (
        await waiting.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and state_change < now() - interval '400 ms'`,
        )
      ).rowCount,
    ).toBe(1),
  );
  const twin = await divide();
  expect([twin.statusCode, twin.json().code]).toEqual([409, 'idempotency-key-in-flight']);
  expect(Number(twin.headers['retry-after'])).toBeGreaterThan(0);
  await stranger.query('commit');
  await waiting.end();
  const answered = await first;
  expect(answered.statusCode).toBe(201);
  expect([(await divide()).statusCode, (await divide()).json()]).toEqual([answered.statusCode, answered.json()]);
});

test(
  'a PostgreSQL that takes connections and says nothing holds nobody longer than 30 s, and all goes on when it wakes',
  { timeout: 180_000 },
  async () => {
    const key = uuidv7();
    proxy.freeze();
    const published = quota.publish([unit(uuidv7(), cityId), unit(uuidv7(), cityId)]);
    // Through a real socket: what is cut off counts as unanswered here.
    const { port } = quota.service.http.server.address() as AddressInfo;
    const authorization = `Bearer ${await quota.issuer.token('board')}`;
    const ask = async (path: string, init: RequestInit = {}) => {
      const asked = performance.now();
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers: { authorization, ...init.headers } });
      const { code } = (await response.json()) as { code?: string };
      return { path, status: response.status, code, seconds: (performance.now() - asked) / 1_000 };
    };
    const open = (withKey: string) =>
      ask('/api/quota/v1/pots', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': withKey },
        body: JSON.stringify(potNamed('frozen')),
      });
    // Those that find a connection which was good a moment ago first, then those that find none.
    const written = await Promise.all([open(key), ...Array.from({ length: 12 }, () => open(uuidv7()))]);
    const read = await Promise.all([...Array.from({ length: 12 }, () => ask('/api/quota/v1/pots')), ask('/health/ready')]);
    expect([...written, ...read].filter(({ seconds }) => seconds > 30)).toEqual([]);
    expect([...written, ...read].filter(({ status }) => status !== 503)).toEqual([]);
    expect(quota.logged.filter((line) => line.includes('"database away"')).length).toBeGreaterThan(0);
    expect(quota.logged.filter((line) => line.includes('unexpected error'))).toEqual([]);
    proxy.thaw();
    await published;
    expect((await openPot('frozen', key)).statusCode).toBe(201);
    expect(await pots('frozen')).toEqual({ pots: 1, events: 1 });
  },
);

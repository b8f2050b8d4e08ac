import { quotaFacts } from '@khue/contracts/events/quota';
import { defineRoute } from '@khue/contracts/http/route';
import { accept, acceptEach, type Decision } from '@khue/decider/decision';
import { todayIn } from '@khue/contracts/dates';
import type { Command } from '@khue/messaging/command';
import { newId } from '@khue/messaging/new-id';
import { toldCity } from '@khue/testing/city';
import { eventually } from '@khue/testing/eventually';
import { bareHome } from '@khue/testing/home';
import { testService, type TestService } from '@khue/testing/service';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { aggregateOf } from './aggregate.ts';
import type { Clock } from './clock.ts';
import type { Host } from './host.ts';
import { service } from './service.ts';

type Body =
  | { readonly type: 'Fall'; readonly subject: string; readonly on: string }
  | { readonly type: 'Bud'; readonly subject: string; readonly falls: readonly (string | null)[] };
interface Fallen {
  readonly subject: string;
  readonly falls: string | null;
}

const time = defineRoute({
  method: 'GET',
  path: '/api/quota/v1/time',
  operationId: 'readTime',
  summary: { vi: 'Giờ', en: 'The time' },
  callers: 'signed-in',
  status: 200,
  answer: z.object({ now: z.string(), today: z.string() }),
});

/** A noun without tables: its only trace is the audit. A bud falls when it says, or never, which is refused. */
const leaf = aggregateOf({
  noun: 'leaf',
  load: async () => ({ fallen: new Map<string, true>() }),
  decide: (command: Body): Decision<Fallen> => {
    const { subject } = command;
    if (command.type === 'Fall') return accept({ subject, falls: null });
    return acceptEach(
      command.falls.flatMap((falls, entry): Fallen[] => (falls === null ? [] : [{ subject: `${subject}-${entry}`, falls }])),
      command.falls.flatMap((falls, entry) => (falls === null ? [{ entry, code: 'never-falls' }] : [])),
    );
  },
  evolve: ({ fallen }: { readonly fallen: Map<string, true> }, { subject, falls }: Fallen) => {
    if (falls === null) fallen.set(subject, true);
  },
  dues: ({ subject, falls }) => (falls === null ? [] : [{ kind: 'autumn', subject, at: falls }]),
  save: async () => undefined,
  record: (command: Body, { fallen }) => {
    const { subject: id } = command;
    return { id, record: command.type === 'Fall' ? { fallen: fallen.has(id), on: command.on } : {} };
  },
  view: { Bud: (_, __, ___, refusals) => ({ body: refusals }) },
});

const opened: TestService[] = [];
afterEach(() => Promise.all(opened.splice(0).map((one) => one.stop())));

const clock = { at: '2026-01-01T00:00:00.000Z', test: true, now: (): Date => new Date(clock.at) } satisfies Clock & { at: string };

const start = async ({ produces = true, answers = true } = {}): Promise<{ host: Host; city: TestService }> => {
  clock.at = '2026-01-01T00:00:00.000Z';
  let host: Host | undefined;
  const compose = (opened: Host): void => {
    host = opened;
    if (answers) host.due(leaf, { autumn: ({ subject, at }): Body => ({ type: 'Fall', subject, on: at }) });
    opened.serve(time, async ({ now, today }) => ({ body: { now, today } }));
  };
  const options = { home: bareHome(), problems: {}, produces: produces ? ([quotaFacts] as const) : [] };
  const city = await testService('quota', service('quota', options, compose), { config: { clock } });
  opened.push(city);
  return { host: host as Host, city };
};
const due = (host: Host, subject: string, at: string, kind = 'autumn') =>
  host.pool.query('insert into messaging.due (kind, subject, at, body) values ($1, $2, $3, $4)', [kind, subject, at, '{}']);
const fallen = async (host: Host) => (await host.pool.query('select subject, actor, after from messaging.audit order by id')).rows;
const byClerk = (subject: string): Command<Body> => {
  const id = newId();
  const now = clock.now();
  const body: Body = { type: 'Fall', subject, on: now.toISOString() };
  return { id, body, actor: 'officer.a', now: now.toISOString(), today: todayIn(now), correlationId: id, causationId: id };
};
const ready = async (city: TestService) => (await city.service.http.inject({ method: 'GET', url: '/health/ready' })).json();
const metric = async (city: TestService, name: string): Promise<number> => {
  const { body } = await city.service.http.inject({ method: 'GET', url: '/metrics' });
  return Number(new RegExp(`^${name} (.+)$`, 'm').exec(body)?.[1]);
};

describe('a service', () => {
  test.each([{ produces: true }, { produces: false }])('fires what is due by its clock ($produces: it tells events)', async ({ produces }) => {
    const { host, city } = await start({ produces });
    await due(host, 'maple', '2026-09-01T00:00:00.000Z');
    expect(await metric(city, 'khue_due_oldest_seconds')).toBe(0);
    clock.at = '2026-10-01T00:00:00.000Z';
    await eventually(async () =>
      expect(await fallen(host)).toEqual([{ subject: 'maple', actor: 'service:quota', after: { fallen: true, on: '2026-09-01T00:00:00.000Z' } }]),
    );
    expect((await host.pool.query('select from messaging.due')).rowCount).toBe(0);
  });

  test('fires what one of its own commands set, and answers for each entry of it', async () => {
    const { host } = await start();
    const bud: Body = { type: 'Bud', subject: 'ash', falls: ['2026-09-01T00:00:00.000Z', null, '2026-08-01T00:00:00.000Z'] };
    const answer = await host.gather(leaf).handle({ ...byClerk('ash'), body: bud });
    expect(answer).toEqual({ ok: true, body: [{ entry: 1, code: 'never-falls' }] });
    clock.at = '2026-10-01T00:00:00.000Z';
    const told = (subject: string, on: string) => ({ subject, actor: 'service:quota', after: { fallen: true, on } });
    await eventually(async () =>
      expect((await fallen(host)).slice(1)).toEqual([told('ash-2', '2026-08-01T00:00:00.000Z'), told('ash-0', '2026-09-01T00:00:00.000Z')]),
    );
  });

  test('says what is late, parked, or nobody’s', async () => {
    const { host, city } = await start();
    await due(host, 'maple', '2026-01-01T00:01:00.000Z');
    await due(host, 'birch', '2026-01-01T00:01:00.000Z', 'of-tomorrow');
    await due(host, 'beech', '2026-01-01T00:01:00.000Z', 'spring');
    await host.pool.query(`update messaging.due set retry_at = 'infinity' where subject = 'maple'`);
    await host.pool.query(`update messaging.due set parked_at = now() where subject = 'beech'`);
    clock.at = '2026-01-01T00:02:00.000Z';
    expect((await ready(city)).degraded).toEqual([]);
    clock.at = '2026-01-01T00:02:01.000Z';
    expect((await ready(city)).degraded).toEqual(['due-late']);
    expect(await metric(city, 'khue_due_oldest_seconds')).toBe(61);
    expect(await metric(city, 'khue_parked_due')).toBe(1);
    expect(await metric(city, 'khue_due_of_unknown_kind')).toBe(2);
  });

  test('is not started with two nouns that answer for one kind', async () => {
    const { host } = await start();
    expect(() => host.due(leaf, { autumn: ({ subject }): Body => ({ type: 'Fall', subject, on: '' }) })).toThrow(/autumn/);
  });

  test('answers by its clock: the instant and the day of a request, and whether a token still holds', async () => {
    const { host, city } = await start();
    // Who has no directory yet answers nobody.
    await city.publish([toldCity().unit('city', null)]);
    const real = new Date();
    clock.at = real.toISOString();
    const asked = await city.call('officer.a', 'GET', '/api/quota/v1/time');
    expect(asked.json()).toEqual({ now: clock.at, today: todayIn(real) });
    clock.at = new Date(real.getTime() - 86_400_000).toISOString();
    expect((await city.call('officer.a', 'GET', '/api/quota/v1/time')).json()).toMatchObject({ now: clock.at });
    expect(host.now().toISOString()).toBe(clock.at);
    // The issuer of this test signs for an hour of the real day.
    clock.at = new Date(real.getTime() + 7_200_000).toISOString();
    expect((await city.call('officer.b', 'GET', '/api/quota/v1/time')).statusCode).toBe(401);
  });

  test('says that it goes by a test clock, in its log and in its health', async () => {
    const { city } = await start();
    expect(await ready(city)).toMatchObject({ status: 'ready', testClock: '2026-01-01T00:00:00.000Z' });
    expect(city.logged.filter((line) => line.includes('test clock')).map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn' }]);
  });
});

test('ten thousand things due at once leave a clerk his turn: between two of his commands hardly more than one batch fires', async () => {
  const { host } = await start();
  const gather = host.gather(leaf);
  await host.pool.query(
    `insert into messaging.due (kind, subject, at, body) select 'autumn', 'leaf-' || n, '2026-09-01', '{}' from generate_series(1, 10000) n`,
  );
  clock.at = '2026-10-01T00:00:00.000Z';
  await eventually(async () => expect((await host.pool.query('select from messaging.audit limit 1')).rowCount).toBe(1));
  let mostWaiting = 0;
  for (let n = 0; n < 50; n += 1) {
    const answered = gather.handle(byClerk(`clerk-${n}`));
    mostWaiting = Math.max(mostWaiting, gather.waiting());
    expect(await answered).toMatchObject({ ok: true });
  }
  const { rows } = await host.pool.query<{ actor: string }>('select actor from messaging.audit order by id');
  const places = rows.flatMap(({ actor }, place) => (actor === 'officer.a' ? [place] : []));
  expect(places).toHaveLength(50);
  const between = places.slice(1).map((place, n) => place - (places[n] ?? 0) - 1);
  expect(between.toSorted((a, b) => a - b)[24]).toBeLessThanOrEqual(64);
  // A command that the machine kept for long may have seen a few of them.
  expect(Math.max(...between)).toBeLessThanOrEqual(640);
  // Nothing that is due stands in the queue of people's commands.
  expect(mostWaiting).toBe(1);
  expect((await host.pool.query('select from messaging.due limit 1')).rowCount).toBe(1);
});

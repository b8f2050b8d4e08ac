import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { serviceNames, type ServiceName } from '@khue/contracts/services';
import { startEmbedded, type Embedded } from '@khue/infra/postgres/embedded';
import { foundCity, type FoundedCity } from '@khue/standalone/founded.fixture';
import { maxConnections } from '@khue/messaging/database';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkInvariants, type City, type Finding } from './check.ts';
import { live, writeDown } from './lived-city.fixture.ts';
import { plants } from './plants.fixture.ts';

let city: FoundedCity;
let alone: Embedded;
let folder: string;
let history: string;

const check = async (where: City, file = history): Promise<readonly Finding[]> =>
  checkInvariants(where, { history: file, patienceMs: 20_000, say: () => undefined });
const quiet = (file = history): Promise<readonly Finding[]> =>
  checkInvariants({ databases: urls(alone) }, { history: file, patienceMs: 0, say: () => undefined });
const red = (findings: readonly Finding[]): Finding[] => findings.filter(({ ok }) => !ok);
const urls = (postgres: Embedded): City['databases'] =>
  Object.fromEntries(serviceNames.map((service) => [service, postgres.databases[service]?.appUrl])) as City['databases'];
const startAlone = (): Promise<Embedded> =>
  startEmbedded({ folder: city.data, log: () => undefined, databases: serviceNames.map((name) => ({ name })) });
const asAdmin = async (database: string, sql: string): Promise<any[]> => {
  const admin = new pg.Client({ connectionString: alone.adminUrl(database) });
  await admin.connect();
  try {
    return (await admin.query(sql)).rows;
  } finally {
    await admin.end();
  }
};
/** The service's database as it was before the last planting. */
const restore = async (service: ServiceName): Promise<void> => {
  await asAdmin('postgres', `drop database ${service} with (force)`);
  await asAdmin('postgres', `create database ${service} template ${service}_lived`);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'khue-history-'));
  history = join(folder, 'history.jsonl');
  const stop = await writeDown(history);
  city = await foundCity();
  await live(city);
  stop();
});
afterAll(async () => {
  await alone?.close();
  await city?.close();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

test('a city that lives is whole, while it runs', async () => {
  const databases = Object.fromEntries(
    await Promise.all(
      serviceNames.map(async (service) => {
        const { databases: secrets } = JSON.parse(await readFile(join(city.data, 'postgres.secret'), 'utf8'));
        const url = new URL(city.product.adminUrl(service));
        url.username = `${service}_app`;
        url.password = secrets[service].app;
        return [service, url.href];
      }),
    ),
  ) as City['databases'];
  const report: City['report'] = async (from, to) => (await city.send('reader', 'GET', `/api/reporting/v1/five-years?from=${from}&to=${to}`)).body;
  const findings = await check({ databases, addresses: city.product.addresses, report });
  expect(red(findings)).toEqual([]);
  // Nothing is whole because there was nothing to look at.
  expect(findings.filter(({ name, seen }) => seen === 0 && name !== 'bus: nothing is parked but what was poisoned')).toEqual([]);
});

describe('what is not whole is seen', { concurrent: false }, () => {
  const seen = new Set<string>();
  let names: readonly string[];

  beforeAll(async () => {
    await city.product.close();
    // Only a server that knows prepared transactions can be left with one.
    alone = await startAlone();
    await asAdmin('postgres', 'alter system set max_prepared_transactions = 2');
    await alone.close();
    alone = await startAlone();
    for (const service of serviceNames) await asAdmin('postgres', `create database ${service}_lived template ${service}`);
    names = (await quiet()).map(({ name }) => name);
  });

  test.each(plants.map((plant): [string, (typeof plants)[0]] => [`${plant.on}: ${plant.title}`, plant]))(
    '%s',
    async (_, { on, sql, id, red: expected }) => {
      const [{ id: named }] = (await asAdmin(on, `select x::text as id from (${id}) as x (x)`)) as [{ id: string }];
      try {
        await asAdmin(on, sql);
        const findings = red(await quiet());
        expect(findings.map(({ name }) => name).sort()).toEqual([...expected].sort());
        expect(findings.find(({ name }) => name === expected[0])?.examples).toContain(named);
        seen.add(expected[0] as string);
      } finally {
        await restore(on);
      }
    },
  );

  /** A history that says otherwise, and what of the database goes with it. */
  const otherwise = async (change: (line: any, all: readonly any[]) => any, sql = 'select 1'): Promise<Finding[]> => {
    const lines = (await readFile(history, 'utf8')).trimEnd().split('\n');
    const all = lines.map((line) => JSON.parse(line));
    const file = join(folder, 'otherwise.jsonl');
    const changed = all.map((line) => change(structuredClone(line), all)).map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
    await writeFile(file, `${changed.join('\n')}\n`);
    try {
      await asAdmin('enrollment', sql);
      const findings = red(await quiet(file));
      if (findings[0]) seen.add(findings[0].name);
      return findings;
    } finally {
      if (sql !== 'select 1') await restore('enrollment');
    }
  };
  /** The attempts of the nomination that was sent twice under one key. */
  const twins = (all: readonly any[]): any[] => {
    const asked = all.filter(({ kind, operation }) => kind === 'asked' && operation === 'nominateLearner');
    return asked.filter(({ key }) => asked.filter((other) => other.key === key).length === 2);
  };
  const firstAdmitted = (all: readonly any[]): any => all.find(({ operation, kind }) => kind === 'asked' && operation === 'nominateLearner');
  const answerOf = (all: readonly any[], { n }: { n: number }): any => all.find((line) => line.kind === 'answered' && line.n === n);
  const ofNomination = 'history: nominateLearner: done once for each key that was acknowledged, and at most once for the others';
  const toldNames = (findings: readonly Finding[]): string[] => findings.map(({ name }) => name);

  test('a line of the history that is cut in the middle is not passed over', async () => {
    const findings = await otherwise((line, all) => (line.n === all[0].n && line.kind === 'answered' ? '{"kind":"answ' : line));
    expect(findings).toMatchObject([{ name: 'history: every line can be read', examples: ['line 2'] }]);
  });

  test('two answers of yes to one key that differ', async () => {
    let key: string | undefined;
    const findings = await otherwise((line, all) => {
      const again = all.filter(({ kind, operation }) => kind === 'asked' && operation === 'dividePot').at(-1);
      key = again.key;
      return line.kind === 'answered' && line.n === again.n ? { ...line, body: { ...line.body, version: 7 } } : line;
    });
    expect(findings).toMatchObject([
      { name: 'history: a key that was answered yes several times got one and the same answer', examples: [`dividePot ${key}`] },
    ]);
  });

  test('an acknowledged write that nothing is kept of', async () => {
    const findings = await otherwise(
      (line) => line,
      `update messaging.idempotency set answer = jsonb_set(answer, '{body,state}', '"lost"') where route like '%/approve'`,
    );
    expect(findings).toMatchObject([{ name: 'history: what was acknowledged is kept under its key, as it was answered' }]);
    expect(findings[0]?.examples[0]).toMatch(/^approveNomination /);
  });

  test('words of a rule that are not those the caller was told', async () => {
    const findings = await otherwise(
      (line) => line,
      `update enrollment.rule_set set body = regexp_replace(body::text, '"vi": "', '"vi": "không ', 'g')::jsonb`,
    );
    expect(findings).toMatchObject([{ name: 'history: what was acknowledged is kept under its key, as it was answered' }]);
    expect(findings[0]?.examples[0]).toMatch(/^(nominateLearner|approveNomination) /);
  });

  test('a refused write that was done', async () => {
    let key: string | undefined;
    const findings = await otherwise((line, all) => {
      const refused = firstAdmitted(all);
      key = refused.key;
      return line.kind === 'answered' && line.n === refused.n ? { ...line, status: 409, code: 'class-full', body: {} } : line;
    });
    expect(findings).toMatchObject([
      { name: 'history: what was refused, and never left unanswered, changed nothing', examples: [`nominateLearner ${key}`] },
    ]);
  });

  test('a key that was done twice', async () => {
    const findings = await otherwise(
      (line) => line,
      `insert into messaging.audit (at, actor, command, command_id, correlation_id, subject, after)
         select at, actor, command, gen_random_uuid(), correlation_id, gen_random_uuid()::text, after from messaging.audit where command = 'NominateLearner' order by id limit 1`,
    );
    expect(findings).toMatchObject([{ name: ofNomination }]);
    expect(findings[0]?.examples[0]).toMatch(/: done 2 times, 1 by the answers$/);
  });

  test('an acknowledged key that was never done', async () => {
    const findings = await otherwise(
      (line) => line,
      `delete from messaging.audit where id = (select min(id) from messaging.audit where command = 'NominateLearner')`,
    );
    expect(findings).toMatchObject([{ name: ofNomination }]);
    expect(findings[0]?.examples[0]).toMatch(/: done 0 times, 1 by the answers$/);
  });

  test('a write without an answer may have been done or not, but not twice', async () => {
    const unanswered = (line: any, all: readonly any[]): any =>
      line.kind === 'answered' && line.n === firstAdmitted(all).n ? { ...line, status: null, code: 'ECONNRESET', body: null } : line;
    expect(await otherwise(unanswered)).toEqual([]);
    const twice = await otherwise(
      unanswered,
      `insert into messaging.audit (at, actor, command, command_id, correlation_id, subject, after)
         select at, actor, command, gen_random_uuid(), correlation_id, gen_random_uuid()::text, after from messaging.audit where command = 'NominateLearner' order by id limit 1`,
    );
    expect(toldNames(twice)).toEqual([ofNomination]);
    // What was asked again and refused as being under way has no more of an answer.
    const underWay = (line: any, all: readonly any[]): any =>
      line.kind === 'answered' && line.n === firstAdmitted(all).n ? { ...line, status: 409, code: 'idempotency-key-in-flight', body: {} } : line;
    expect(await otherwise(underWay)).toEqual([]);
  });

  test('an acknowledged record that is not there, or older than it was told', async () => {
    const older = await otherwise(
      (line) => line,
      `update enrollment.enrollment set version = 0 where id = (select id from enrollment.enrollment where state = 'nominated' or state = 'admitted' order by id limit 1)`,
    );
    expect(toldNames(older)).toContain('history: nominateLearner: what was acknowledged is in the state and in the log');
    seen.add('history: nominateLearner: what was acknowledged is in the state and in the log');
    const gone = await otherwise((line, all) =>
      line.kind === 'answered' && twins(all).some(({ n }) => n === line.n && answerOf(all, line).status < 300)
        ? { ...line, body: { ...line.body, id: '00000000-0000-0000-0000-000000000001' } }
        : line,
    );
    expect(gone).toEqual([]);
  });

  test('what is poisoned may be parked', async () => {
    try {
      await asAdmin(
        'reporting',
        `insert into messaging.parked (group_name, topic, partition, position, subject, message, reason) values ('reporting', 't', 0, 1, 's-1', '{}', 'x')`,
      );
      const file = join(folder, 'poisoned.jsonl');
      await writeFile(
        file,
        `${await readFile(history, 'utf8')}${JSON.stringify({ kind: 'poisoned', at: '', group: 'reporting', subject: 's-1' })}\n{"kind":"as`,
      );
      expect(red(await quiet(file))).toEqual([]);
    } finally {
      await restore('reporting');
    }
  });

  /** Sessions in the service's own role, as the service has them. */
  const withSessions = async (count: number, work: (sessions: readonly pg.Client[]) => Promise<void>): Promise<void> => {
    const sessions = await Promise.all(
      Array.from({ length: count }, async () => {
        const session = new pg.Client({ connectionString: urls(alone).quota });
        await session.connect();
        return session;
      }),
    );
    try {
      await work(sessions);
    } finally {
      for (const session of sessions) await session.end();
    }
  };
  const atRest = async (...expected: readonly string[]): Promise<Finding[]> => {
    const findings = red(await quiet());
    expect(toldNames(findings)).toEqual(expected.map((what) => `quota at rest: ${what}`));
    for (const { name } of findings) seen.add(name);
    return findings;
  };

  test('a service with more connections than it may have', () =>
    withSessions(maxConnections + 1, async () => {
      const [finding] = await atRest('no more connections than a service may have');
      expect(finding?.examples).toEqual([`${maxConnections + 1} connections of ${maxConnections}`]);
    }));

  test('a transaction left idle, and one that waits for its lock', () =>
    withSessions(2, async ([holder, waiter]) => {
      await holder?.query('begin; select 1 from quota.account for update');
      const waiting = waiter?.query('select 1 from quota.account for update').catch(() => undefined);
      await atRest('no transaction is left idle', 'nobody waits for a lock');
      await holder?.query('rollback');
      await waiting;
    }));

  test('a transaction left prepared', () =>
    withSessions(1, async ([session]) => {
      await session?.query(`begin; update quota.account set version = version; prepare transaction 'left'`);
      try {
        await atRest('no transaction is left prepared');
      } finally {
        await session?.query(`rollback prepared 'left'`);
      }
    }));

  test('a service that says of itself that it is behind', async () => {
    const server = createServer((_, response) => void response.end('# HELP x\nkhue_outbox_unsent 3\nkhue_consumer_lag 0\nkhue_parked_messages 0\n'));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const said: string[] = [];
    try {
      const addresses = { quota: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, registry: 'http://127.0.0.1:1' };
      const findings = await checkInvariants({ databases: urls(alone), addresses }, { patienceMs: 0, say: (line) => void said.push(line) });
      expect(red(findings)).toMatchObject([
        { name: 'metrics: unsent 0, lag 0, and parked as the databases have it', examples: ['quota: khue_outbox_unsent 3'] },
      ]);
      expect(said).toEqual(['registry does not answer at http://127.0.0.1:1: its figures were not read']);
    } finally {
      server.close();
    }
  });

  test('a report that tells of other turns than there are', async () => {
    const nobody = { classes: 0, turns: 0, people: 0 };
    const report: City['report'] = async () => ({ lines: [{ code: 'a line', classes: 1, turns: 2, people: 2 }], total: nobody });
    const findings = red(await checkInvariants({ databases: urls(alone), report }, { patienceMs: 0, say: () => undefined }));
    expect(toldNames(findings)).toEqual(
      ['of 2018-2022', 'of all years'].map((years) => `report ${years}: reporting answers what the owners' rows give`),
    );
    expect(findings[0]?.examples).toContain('a line: 1/2/2 instead of nothing');
  });

  test('an operator asks with one command', async () => {
    const ask = (...args: readonly string[]): Promise<{ code: unknown; out: string; err: string }> =>
      new Promise((done) => {
        execFile(
          process.execPath,
          [fileURLToPath(new URL('../check-invariants.ts', import.meta.url)), ...args],
          { env: { KHUE_PORT: '1' } },
          (error, out, err) => done({ code: error ? error.code : 0, out, err }),
        );
      });
    const whole = await ask('--data', city.data, '--history', history, '--json');
    expect([whole.code, whole.err]).toEqual([0, expect.stringMatching(/^reporting was not asked at .+: its tables are looked at alone\n$/)]);
    expect(JSON.parse(whole.out).map(({ name }: Finding) => name)).toEqual(names);
    await asAdmin('reporting', 'delete from reporting.merged');
    const broken = await ask('--data', city.data);
    await restore('reporting');
    expect(broken.code).toBe(1);
    expect(broken.out).toMatch(/^BROKEN +1 {2}reporting: its merged people are those of registry: .+ in registry only$/m);
    expect(broken.out).toMatch(/^1 of \d+ checks are broken$/m);
    expect(await ask('--data', '/nowhere')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('no readable database') });
    expect(await ask('--date', 'x')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Usage: ') });
  });

  test('there is no check that nothing planted here has turned red', () => {
    // The same check of several services, or of several operations, is one.
    const kind = (name: string): string =>
      name
        .replace(new RegExp(`^(${serviceNames.join('|')}) (log|at rest):`), '$2:')
        .replace(/^history: \w+:/, 'history:')
        .replace(/^report of (2018-2022|all years):/, 'report:');
    seen.add(`report of all years: reporting's rows give the classes, turns and people of each line that the owners' rows give`);
    const kinds = new Set([...seen].map(kind));
    expect([...new Set(names.map(kind))].filter((name) => !kinds.has(name))).toEqual([]);
  });
});

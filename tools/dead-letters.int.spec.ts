import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { knownEvents, type Envelope } from '@khue/contracts/envelope';
import { potOpened, quotaFacts } from '@khue/contracts/events/quota';
import { environment } from '@khue/host/config';
import type { Delivery } from '@khue/messaging/bus';
import { createConsumer } from '@khue/messaging/consumer';
import { openPool } from '@khue/messaging/database';
import { migrate } from '@khue/messaging/migrate';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';

let database: TestDatabase;
let pool: Pool;
const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Runs the command as an operator does, against the database that the environment names. */
const command = (...args: readonly string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((done) => {
    const env = { ...environment(), KHUE_REPORTING_DATABASE_URL: database.appUrl, KHUE_IDENTITY_KEY: 'a key of at least thirty-two characters' };
    execFile(process.execPath, [at('tools/dead-letters.ts'), ...args], { env }, (error, out, err) =>
      done({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });

const potId = uuidv7();
const opened = (position: number, size: number): Delivery => {
  const message: Envelope = {
    specversion: '1.0',
    id: uuidv7(),
    source: 'khue/ha-noi/quota',
    type: potOpened.type,
    subject: potId,
    time: '2026-11-23T01:02:03.000Z',
    datacontenttype: 'application/json',
    dataversion: 1,
    sequence: position,
    position,
    correlationid: 'c',
    causationid: 'c',
    actor: 'board',
    data: { potId, year: 2026, programCode: 'advanced', size, documentNo: '01-KH/TU', rootUnitId: uuidv7() },
  };
  return { topic: quotaFacts, partition: 0, position, previous: position - 1, subject: potId, message, nextOffset: null };
};
const pots = async (): Promise<unknown> => (await pool.query('select size from reporting.pot')).rows;

beforeAll(async () => {
  database = await postgres();
  await migrate({
    ownerUrl: database.ownerUrl,
    appRole: `${database.name}_app`,
    folders: ['libs/messaging/migrations', 'libs/host/migrations', 'apps/reporting/prisma/migrations'].map(at),
  });
  pool = openPool({ url: database.appUrl, name: 'dead-letters.int.spec', max: 2 });
  const none = (): void => undefined;
  // A version of the service whose handler is broken.
  const broken = createConsumer({
    pool,
    group: 'reporting',
    topics: [quotaFacts],
    known: knownEvents(potOpened),
    log: { info: none, warn: none, error: none },
    apply: async () => {
      throw new TypeError('a bug');
    },
  });
  await broken.subscription.consume([opened(1, 500), opened(2, 600)]);
});
afterAll(async () => {
  await pool.end();
  await database.close();
});

test('an operator sees what is parked, tries it without effect, and has it applied by the mended service in order', async () => {
  const listed = await command('list', '--service', 'reporting', '--json');
  expect(JSON.parse(listed.out)).toMatchObject({
    service: 'reporting',
    parked: [
      { position: 1, reason: 'handler: TypeError', attempts: 4 },
      { position: 2, reason: 'behind-parked' },
    ],
  });
  expect((await command('list', '--service', 'reporting')).out).toMatch(
    new RegExp(`^reporting  ${quotaFacts}  ${potId}  position 1, 1 behind it .* handler: TypeError\n2 parked, of 1 subjects\n$`),
  );

  expect(await command('redrive', '--service', 'reporting', '--dry-run')).toEqual({
    code: 0,
    err: '',
    out: `reporting  ${quotaFacts}  ${potId}  would apply 2\nwould apply 2, 0 would stay parked\n`,
  });
  expect(await pots()).toEqual([]);

  const redriven = await command('redrive', '--service', 'reporting', '--json');
  expect(JSON.parse(redriven.out)).toMatchObject({
    dryRun: false,
    groups: [
      { group: 'reporting-directory', subjects: [] },
      { group: 'reporting', subjects: [{ subject: potId, applied: 2, kept: 0 }] },
    ],
  });
  expect(redriven.code).toBe(0);
  expect(await pots()).toEqual([{ size: 600 }]);
  expect((await command('list', '--service', 'reporting')).out).toBe('0 parked, of 0 subjects\n');
});

test('an operator sees what was due and failed, and has the running service try it again', async () => {
  const stand = async (): Promise<unknown> =>
    (await pool.query('select subject, attempts, parked_at is not null as parked from messaging.due order by subject')).rows;
  await pool.query(
    `insert into messaging.due (kind, subject, at, body, attempts, parked_at, reason) values
       ('seat-expiry', 'one', '2026-11-01', '{"secret": "word"}', 5, '2026-11-02', 'TypeError'), ('seat-expiry', 'other', '2026-11-01', '{}', 5, now(), 'TypeError'),
       ('seat-expiry', 'well', '2026-11-01', '{}', 1, null, null)`,
  );
  expect((await command('list', '--service', 'reporting', '--subject', 'one')).out).toBe(
    '0 parked, of 0 subjects\ndue  seat-expiry  one  at 2026-11-01T00:00:00.000Z  since 2026-11-02T00:00:00.000Z  tried 5  TypeError\n1 due that failed\n',
  );
  const before = await stand();
  expect((await command('redrive', '--service', 'reporting', '--dry-run')).out).toBe(
    'would apply 0, 0 would stay parked\n2 due would be tried again by the running service\n',
  );
  expect(await stand()).toEqual(before);
  expect((await command('redrive', '--service', 'reporting', '--subject', 'one')).out).toBe(
    'applied 0, 0 stay parked\n1 due are tried again by the running service\n',
  );
  expect(await stand()).toEqual([
    { subject: 'one', attempts: 0, parked: false },
    { subject: 'other', attempts: 5, parked: true },
    { subject: 'well', attempts: 1, parked: false },
  ]);
  await pool.query('delete from messaging.due');
}, 180_000);

test.each([
  [['list'], /--service takes one of/],
  [['drop', '--service', 'reporting'], /Say list or redrive/],
  [['list', '--service', 'reporting', '--force'], /Unknown option '--force'/],
  [['redrive', '--service', 'reporting', '--group', 'quota'], /reporting has no group "quota"; it has reporting-directory, reporting\./],
  [['list', '--service', 'quota', '--data', '/nowhere'], /There is no readable database/],
])('%j is refused in one sentence', async (args, sentence) => {
  const { code, out, err } = await command(...args);
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(sentence);
});

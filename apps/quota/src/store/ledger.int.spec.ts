import { fileURLToPath } from 'node:url';
import { quotaFacts } from '@khue/contracts/events/quota';
import { unitTable, type UnitTable } from '@khue/contracts/units';
import { bound } from '@khue/host/aggregate';
import { applyBatch } from '@khue/messaging/apply';
import type { Tx } from '@khue/messaging/command';
import { inTransaction, openPool } from '@khue/messaging/database';
import { migrate } from '@khue/messaging/migrate';
import { by, grant, unit } from '@khue/testing/city';
import { eventually } from '@khue/testing/eventually';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ledger } from '../commands.ts';
import type { DividePot } from '../domain/division.ts';
import type { LedgerCommand } from '../domain/ledger.ts';

/** In this database: the server is other tests' too. */
const whoWaits = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
const cityId = uuidv7();
const districts = Array.from({ length: 20 }, () => uuidv7());
const [a = '', b = ''] = districts;
const board = by(unitTable([unit(cityId, null), ...districts.map((id) => unit(id, cityId))]), grant('board', cityId));

let database: TestDatabase;
/** Each test’s pot is that of another year. */
let year = 2026;
let pool: Pool;
let pot: { readonly potId: string; readonly accountId: string };

const directory = { units: () => board.units, grantsOf: () => board.grants };
/** The flush without its gather: locks, decides, saves, tells. */
const decideAll = async (tx: Tx, ...commands: readonly LedgerCommand[]): Promise<void> => {
  const { id, at } = { id: uuidv7(), at: board.now };
  const given = commands.map((body) => ({ id, body, actor: board.actor, now: at, today: board.today, correlationId: id, causationId: id }));
  const onBug = (error: unknown): never => {
    throw error;
  };
  const answers = await applyBatch(tx, bound(ledger, directory, [quotaFacts]), given, { onBug });
  for (const answer of answers) if (!answer.ok) throw new Error(`refused: ${answer.code}`);
};
const patient = 'set local lock_timeout = 20000';
const run = (...commands: readonly LedgerCommand[]): Promise<void> => inTransaction(pool, (tx) => decideAll(tx, ...commands), patient);
const request = (unitId: string, enrollmentId = uuidv7()): LedgerCommand => ({
  type: 'AllocateSeat',
  enrollmentId,
  unitId,
  year,
  programCode: 'CC',
});
const divide = (...unitIds: readonly string[]): LedgerCommand => ({
  type: 'DividePot',
  ...pot,
  documentNo: '5-QĐ/BTC',
  division: { by: 'hand', shares: unitIds.map((unitId) => ({ unitId, accountId: uuidv7(), change: 10 })) },
});
/** What becomes of the second, that began while the first had not committed and waits for it. */
const behind = async (first: LedgerCommand, second: LedgerCommand): Promise<unknown> => {
  const { outcome } = await inTransaction(pool, async (tx) => {
    await decideAll(tx, first);
    const late = run(second).then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );
    await eventually(async () => expect((await pool.query(whoWaits)).rowCount).toBe(1));
    return { outcome: late };
  });
  return outcome;
};

beforeAll(async () => {
  database = await postgres();
  const folders = ['../../../../libs/messaging/migrations', '../../prisma/migrations'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  await migrate({ ownerUrl: database.ownerUrl, appRole: `${database.name}_app`, folders });
  pool = openPool({ url: database.appUrl, name: 'ledger.int.spec' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  year += 1;
  pot = { potId: uuidv7(), accountId: uuidv7() };
  await run({ type: 'OpenPot', ...pot, year, programCode: 'CC', size: 1_000, documentNo: '213-KH/TU', rootUnitId: cityId, closesOn: null });
});

test('batches over the same accounts never wait for each other in a circle, whatever order they are named in', async () => {
  await run(divide(...districts));
  const batches = async (turn: number): Promise<void> => {
    for (let n = 0; n < 25; n += 1) {
      const named = districts.map((_, place) => districts[(place * (turn + 1) * 3 + n) % districts.length] as string);
      await run(...named.map((unitId) => request(unitId)));
    }
  };
  // A deadlock would end one of them with 40P01: nobody here tries again.
  await Promise.all([0, 2, 6, 8].map(batches));
});

test('the last seat is given once: a claim that comes meanwhile waits for the account, and is queued', async () => {
  await run({ ...(divide(a) as DividePot), division: { by: 'hand', shares: [{ unitId: a, accountId: uuidv7(), change: 1 }] } });
  const enrollmentId = uuidv7();
  expect(await behind(request(a), request(a, enrollmentId))).toBe('done');
  const { rows } = await pool.query('select state, queue_no as "queueNo" from quota.seat where enrollment_id = $1', [enrollmentId]);
  expect(rows).toEqual([{ state: 'queued', queueNo: 1 }]);
});

test('a claim is tried again when a division made a nearer account after it was read which to lock', async () => {
  expect(await behind(divide(a), request(a))).toBe('40001');
});

test('a unit that becomes known between reading and deciding is not known yet: by what was read its account would not be there', async () => {
  const units = [unitTable([unit(cityId, null)]), board.units];
  const aggregate = bound(ledger, { grantsOf: () => board.grants, units: () => units[0] as UnitTable }, [quotaFacts]);
  const { id, now } = { id: uuidv7(), now: board.now };
  const command = { id, body: request(a), actor: board.actor, now, today: board.today, correlationId: id, causationId: id };
  const decision = await inTransaction(pool, async (tx) => {
    const workspace = await aggregate.load(tx, [command]);
    units.shift();
    return aggregate.decide(command, workspace);
  });
  expect(decision).toMatchObject({ accepted: false, code: 'unit-not-known-yet' });
});

test('the seat of an enrollment is one seat, also where two batches ask for it on different accounts', async () => {
  await run(divide(a, b));
  const enrollmentId = uuidv7();
  expect(await behind(request(a, enrollmentId), request(b, enrollmentId))).toBe('40001');
  const { rows } = await pool.query('select unit_id as "unitId", held from quota.account where held > 0 and pot_id = $1', [pot.potId]);
  expect(rows).toEqual([{ unitId: a, held: 1 }]);
});

test('more than was allotted is refused by the table, behind the rule', async () => {
  await expect(pool.query('update quota.account set held = allotted + 1')).rejects.toMatchObject({ code: '23514', constraint: 'never_oversold' });
});

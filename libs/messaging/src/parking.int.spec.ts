import { knownEvents } from '@khue/contracts/envelope';
import { personCard, personErased, registryPeople } from '@khue/contracts/events/registry';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery } from './bus.ts';
import { createConsumer, type ConsumerGroup } from './consumer.ts';
import { openPool } from './database.ts';
import { countParked, expireParkedCards, listParked, parkedCardsKeptDays, parkedOfPerson } from './parking.ts';
import { redrive } from './redrive.ts';
import { capturedLog, deliveriesOf, envelopeOf, tallyGroup, tallySchema, topic, withMessage } from './tally.fixture.ts';

let database: TestDatabase;
let pool: pg.Pool;
const [ngoc, minh] = ['0199f0a0-0000-7000-8000-00000000000a', '0199f0a0-0000-7000-8000-00000000000b'] as const;
const applied: [string, number][] = [];
/** Keeps cards; this version of it can't read any card, only erasures. */
const cards: ConsumerGroup = {
  group: 'cards',
  topics: [registryPeople],
  known: knownEvents(personCard, personErased),
  apply: async (_, events) => void applied.push(...events.map(({ type, position }): [string, number] => [type, position])),
};
const message = (position: number, personId: string, type: string, data: object): Delivery => ({
  topic: registryPeople,
  partition: 0,
  position,
  previous: null,
  subject: personId,
  nextOffset: null,
  message: envelopeOf(position, personId, position, data, { type, source: 'khue/ha-noi/registry' }),
});
const card = (position: number, personId: string): Delivery => message(position, personId, personCard.type, { name: 'Đỗ Thị Ngọc', mystery: true });
const erasure = (position: number, personId: string): Delivery => message(position, personId, personErased.type, { personId });
const consume = (...deliveries: readonly Delivery[]): Promise<void> =>
  createConsumer({ ...cards, pool, log: capturedLog() }).subscription.consume(deliveries);
const parked = async (): Promise<readonly [string, number][]> =>
  (await listParked(pool, { group: 'cards' })).map(({ subject, position }) => [subject, position]);
const payloads = async (): Promise<string> =>
  (await pool.query<{ all: string }>(`select coalesce(string_agg(message::text, ' '), '') as all from messaging.parked`)).rows[0]?.all ?? '';

beforeAll(async () => {
  database = await postgres();
  await tallySchema(database.ownerUrl, `${database.name}_app`);
  pool = openPool({ url: database.appUrl, name: 'parking.int.spec' });
});
afterAll(async () => {
  await pool.end();
  await database.close();
});
beforeEach(async () => {
  await pool.query('delete from messaging.watermark; delete from messaging.parked; delete from tally.entry; delete from tally.subject');
  applied.length = 0;
});

describe('an erasure', () => {
  test('takes out what is parked of the person, waits behind nothing, and leaves others alone', async () => {
    await consume(card(1, ngoc), card(2, minh), card(3, ngoc));
    expect(await parked()).toEqual([
      [ngoc, 1],
      [minh, 2],
      [ngoc, 3],
    ]);
    await consume(erasure(4, ngoc));
    expect(await parked()).toEqual([[minh, 2]]);
    expect(applied).toEqual([[personErased.type, 4]]);
  });
  test('in one batch with the cards it makes void leaves nothing parked', async () => {
    await consume(card(1, ngoc), card(2, ngoc), erasure(3, ngoc));
    expect(await parked()).toEqual([]);
    expect(applied).toEqual([[personErased.type, 3]]);
  });
  test('takes parked payloads out also of a group that does not know it', async () => {
    const forgetful = createConsumer({ ...cards, known: knownEvents(personCard), pool, log: capturedLog() });
    await forgetful.subscription.consume([card(1, ngoc), erasure(2, ngoc)]);
    expect(await parked()).toEqual([]);
  });
});

describe('a parked payload', () => {
  test('is found by the person it names', async () => {
    await consume(card(1, ngoc), card(2, minh));
    expect((await parkedOfPerson(pool, minh)).map(({ position }) => position)).toEqual([2]);
  });
  test('of a card expires; the subject goes on waiting, and redrive says why', async () => {
    await consume(card(1, ngoc), card(2, ngoc));
    expect(await payloads()).toContain('Ngọc');
    const days = (n: number): Date => new Date(Date.now() + n * 86_400_000);
    expect(await expireParkedCards(pool, days(parkedCardsKeptDays - 1))).toBe(0);
    expect(await expireParkedCards(pool, days(parkedCardsKeptDays + 1))).toBe(2);
    expect(await expireParkedCards(pool, days(parkedCardsKeptDays + 1))).toBe(0);
    expect(await payloads()).toBe('null null');
    await consume(card(3, ngoc));
    expect(await parked()).toHaveLength(3);
    expect((await redrive(pool, cards)).subjects).toMatchObject([
      { subject: ngoc, applied: 0, kept: 3, failed: { position: 1, reason: 'payload-expired' } },
    ]);
  });
  test('of a fact stays until it is redriven: it holds nothing personal', async () => {
    await createConsumer({ ...tallyGroup(), pool, log: capturedLog() }).subscription.consume(withMessage(deliveriesOf(['a']), 1, () => 'unreadable'));
    expect(await expireParkedCards(pool, new Date(Date.now() + 1_000 * 86_400_000))).toBe(0);
    expect(await payloads()).toBe('"unreadable"');
  });
});

test('parked events are counted by group and listed page by page, without their payloads', async () => {
  await consume(card(1, ngoc), card(2, minh), card(3, ngoc));
  await createConsumer({ ...tallyGroup(), pool, log: capturedLog() }).subscription.consume(withMessage(deliveriesOf(['a', 'b', 'a']), 1, () => null));
  expect(await countParked(pool)).toEqual([
    { group: 'cards', messages: 3 },
    { group: 'tally', messages: 2 },
  ]);
  const first = await listParked(pool, {}, 2);
  const rest = await listParked(pool, {}, 10, first.at(-1));
  expect([...first, ...rest].map(({ group, position }) => [group, position])).toEqual([
    ['cards', 1],
    ['cards', 2],
    ['cards', 3],
    ['tally', 1],
    ['tally', 3],
  ]);
  expect((await listParked(pool, { topic, subject: 'a' })).map(({ position }) => position)).toEqual([1, 3]);
  expect(Object.keys(first[0] ?? {}).sort()).toEqual(['attempts', 'group', 'parkedAt', 'partition', 'position', 'reason', 'subject', 'topic']);
});

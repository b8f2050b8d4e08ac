import { defineEvent, knownEvents } from '@khue/contracts/envelope';
import { personErased, registryPeople } from '@khue/contracts/events/registry';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Delivery } from './bus.ts';
import { read, sift, sortOut } from './sift.ts';
import { counted, deliveriesOf, envelopeOf, topic, withMessage } from './tally.fixture.ts';
import { partitionKey, type Watermark } from './watermark.ts';

const at = (position: number | null, partition = 0): ReadonlyMap<string, Watermark> =>
  new Map([[partitionKey({ topic, partition }), { topic, partition, position, nextOffset: null }]]);
const positions = (deliveries: readonly Delivery[]): number[] => deliveries.map(({ position }) => position);
const known = knownEvents(counted);
const none = new Map();

describe('sift', () => {
  const five = deliveriesOf(['a', 'b', 'a', 'c', 'a']);

  test('drops what is at or below the watermark', () => {
    const sifted = sift(five, at(3));
    expect(positions(sifted.fresh)).toEqual([4, 5]);
    expect(sifted.dropped).toBe(3);
    expect(sifted.holes).toEqual([]);
  });
  test('drops the second of two deliveries of one event in one batch', () => {
    expect(positions(sift([...five, ...five], at(0)).fresh)).toEqual([1, 2, 3, 4, 5]);
  });
  test('finds a hole and takes nothing behind it', () => {
    const sifted = sift(
      five.filter(({ position }) => position !== 3),
      at(1),
    );
    expect(positions(sifted.fresh)).toEqual([2]);
    expect(sifted.holes).toEqual([{ topic, partition: 0, reached: 2, previous: 3, position: 4 }]);
  });
  test('takes missing events that were sent again behind the hole', () => {
    const sifted = sift([...five.slice(3), ...five.slice(1)], at(1));
    expect(positions(sifted.fresh)).toEqual([2, 3, 4, 5]);
    expect(sifted.holes).toEqual([]);
  });
  test('lets a new group take its first message as it comes, and checks from then on', () => {
    expect(positions(sift(five.slice(2), at(null)).fresh)).toEqual([3, 4, 5]);
    expect(sift([...five.slice(1, 2), ...five.slice(3)], at(null)).holes).toMatchObject([{ reached: 2, previous: 3 }]);
  });
  test('accepts a producer that came back from an older backup and jumped ahead', () => {
    const [jumped] = deliveriesOf(['a'], { from: 1_000 }).map((delivery) => ({ ...delivery, previous: 2 }));
    const sifted = sift([jumped as Delivery], at(5));
    expect(positions(sifted.fresh)).toEqual([1_000]);
    expect(sifted.restored).toEqual([{ topic, partition: 0, reached: 5, previous: 2, position: 1_000 }]);
  });
  test('looks for no hole where positions before are unknown', () => {
    const cards = five.map((delivery) => ({ ...delivery, previous: null }));
    expect(
      positions(
        sift(
          cards.filter(({ position }) => position !== 3),
          at(1),
        ).fresh,
      ),
    ).toEqual([2, 4, 5]);
  });
  test('keeps partitions apart', () => {
    const both = new Map([...at(5), ...at(0, 1)]);
    expect(
      sift([...five, ...deliveriesOf(['x', 'y'], { partition: 1 })], both).fresh.map(({ partition, position }) => [partition, position]),
    ).toEqual([
      [1, 1],
      [1, 2],
    ]);
  });
});

describe('sorting out', () => {
  const five = deliveriesOf(['a', 'b', 'a', 'c', 'a']);

  test('parks what can not be read and behind it what follows of its subject', () => {
    const sorted = sortOut(
      withMessage(five, 1, () => 'no envelope'),
      known,
      new Set(),
      none,
    );
    expect(sorted.events.map(({ position }) => position)).toEqual([2, 4]);
    expect(sorted.parking.map(({ delivery, reason }) => [delivery.position, reason])).toEqual([
      [1, 'envelope: :invalid_type'],
      [3, 'behind-parked'],
      [5, 'behind-parked'],
    ]);
  });
  test('skips a type it does not know, also of a parked subject', () => {
    const sorted = sortOut(
      withMessage(five, 3, (message) => ({ ...message, type: 'sample.renamed' })),
      known,
      new Set([`${topic} a`]),
      none,
    );
    expect(sorted.skipped).toEqual(['sample.renamed']);
    expect(sorted.parking.map(({ delivery }) => delivery.position)).toEqual([1, 5]);
  });
  test('skips by its header what it does not know, whatever the message is', () => {
    const sorted = sortOut(
      five.map((delivery) => (delivery.position === 3 ? { ...delivery, type: 'sample.renamed', message: undefined } : delivery)),
      known,
      new Set(),
      none,
    );
    expect(sorted.skipped).toEqual(['sample.renamed']);
    expect(sorted.parking).toEqual([]);
    expect(sorted.events.map(({ position }) => position)).toEqual([1, 2, 4, 5]);
  });
  test('parks what says one type in its header and another in the message', () => {
    const renamed = withMessage(five, 3, (message) => ({ ...message, type: 'sample.renamed' })).map((delivery) => ({
      ...delivery,
      type: counted.type,
    }));
    expect(sortOut(renamed, known, new Set(), none).parking.map(({ delivery, reason }) => [delivery.position, reason])).toEqual([
      [3, 'header and type differ'],
      [5, 'behind-parked'],
    ]);
  });
  test.each([
    ['of a newer version', { dataversion: 2 }, 'version 2 is newer than 1'],
    ['of another source', { source: 'khue/ha-noi/other' }, 'source and topic differ'],
    ['whose key is not its subject', { subject: 'z' }, 'key and subject differ'],
    ['with data out of contract', { data: { amount: 'Nguyễn' } }, 'data: amount:invalid_type'],
  ])('parks an event %s', (_, change, reason) => {
    const sorted = sortOut(
      withMessage(five, 2, (message) => ({ ...message, ...change })),
      known,
      new Set(),
      none,
    );
    expect(sorted.parking.map((row) => row.reason)).toEqual([reason]);
  });
  test('parks what makes the reader itself throw', () => {
    const lifted = defineEvent({
      type: 'sample.counted',
      version: 2,
      topic,
      data: z.object({ amount: z.int() }),
      upcasts: {
        1: {
          schema: z.unknown(),
          up: () => {
            throw new TypeError('a bug');
          },
        },
      },
    });
    expect(read(knownEvents(lifted), five[0] as Delivery)).toEqual({ outcome: 'unreadable', reason: 'reader: TypeError' });
  });
  test('an erasure takes them with it also in a group that hears of no erasures, and though nobody has read it', () => {
    const person = '0199f0a0-0000-7000-8000-000000000001';
    const erasure = { topic: registryPeople, partition: 0, position: 2, previous: null, subject: person, nextOffset: null, message: undefined };
    const sorted = sortOut([{ ...erasure, type: personErased.type }], known, new Set([`${registryPeople} ${person}`]), none);
    expect(sorted).toMatchObject({ skipped: [personErased.type], erased: [{ position: 2 }], parking: [] });
  });
  test('an erasure takes the parked cards of its person with it and does not wait behind them', () => {
    const person = '0199f0a0-0000-7000-8000-000000000001';
    const card = (position: number, type: string, data: unknown): Delivery => ({
      topic: registryPeople,
      partition: 0,
      position,
      previous: null,
      subject: person,
      nextOffset: null,
      message: envelopeOf(position, person, position, data, { type, source: 'khue/ha-noi/registry' }),
    });
    const sorted = sortOut(
      [card(1, 'registry.person-card', { broken: true }), card(2, personErased.type, { personId: person })],
      knownEvents(personErased, { ...counted, type: 'registry.person-card', topic: registryPeople }),
      new Set([`${registryPeople} ${person}`]),
      none,
    );
    expect(sorted.parking).toEqual([]);
    expect(sorted.erased.map(({ position }) => position)).toEqual([2]);
    expect(sorted.events.map(({ type }) => type)).toEqual([personErased.type]);
  });
});

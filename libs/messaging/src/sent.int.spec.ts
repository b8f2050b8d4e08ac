import { counterTable, messagingDatabase, type MessagingDatabase } from '@khue/testing/messaging';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { partitionOf } from './kafka-partition.ts';
import { moveBack, moveSent, readSent } from './sent.ts';

const topic = 'khue.alpha.facts';
const people = 'khue.alpha.people';
let database: MessagingDatabase;
const stands = async (which = topic): Promise<{ position: number; partitions: Record<string, number> }> => {
  const sent = (await readSent(database.pool, [which])).get(which);
  return { position: sent?.position ?? -1, partitions: Object.fromEntries(sent?.partitions ?? []) };
};
const move = (from: number, to: number, partitions: [number, number][], which = topic) => ({
  topic: which,
  from,
  to,
  partitions: new Map(partitions),
});

beforeAll(async () => {
  database = await messagingDatabase({ tables: counterTable });
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.asOwner(
    `truncate messaging.sent, messaging.lease, messaging.log; insert into messaging.lease values ('relay', 7, 'one', now() + interval '1 hour')`,
  );
});

describe('the cursor of a topic', () => {
  test('moves with the last position of each partition', async () => {
    expect(
      await moveSent(database.pool, 7, [
        move(0, 9, [
          [3, 8],
          [4, 9],
        ]),
        move(0, 6, [[1, 6]], people),
      ]),
    ).toBe(true);
    expect(await moveSent(database.pool, 7, [move(9, 12, [[4, 12]])])).toBe(true);
    expect(await stands()).toEqual({ position: 12, partitions: { 3: 8, 4: 12 } });
    expect(await stands(people)).toEqual({ position: 6, partitions: { 1: 6 } });
  });

  test('does not move, nor any other with it, when it stands elsewhere by now', async () => {
    await moveSent(database.pool, 7, [move(0, 9, [[3, 9]])]);
    expect(await moveSent(database.pool, 7, [move(5, 20, [[3, 20]]), move(0, 6, [[1, 6]], people)])).toBe(false);
    expect(await stands()).toEqual({ position: 9, partitions: { 3: 9 } });
    expect(await stands(people)).toEqual({ position: 0, partitions: {} });
  });

  test('does not move for a relay whose lease has passed on', async () => {
    expect(await moveSent(database.pool, 6, [move(0, 9, [[3, 9]])])).toBe(false);
    expect(await stands()).toEqual({ position: 0, partitions: {} });
  });

  test('moves back to what each partition had then, found in the log', async () => {
    await database.asOwner(`insert into messaging.log (position, previous, topic, subject, sequence, type, version, event_id, time, context, data)
      select n, n - 1, '${topic}', 's-' || n % 40, n, 't', 1, uuidv7(), now(), '{}', '{}' from generate_series(1, 6000) n`);
    await moveSent(database.pool, 7, [
      move(
        0,
        6_000,
        Array.from({ length: 12 }, (_, partition) => [partition, 6_000]),
      ),
    ]);
    await moveBack(database.pool, topic, 30);
    const expected: Record<number, number> = {};
    for (let n = 1; n <= 30; n += 1) expected[partitionOf(`s-${n % 40}`)] = n;
    expect(await stands()).toEqual({ position: 30, partitions: expected });
    await expect(moveBack(database.pool, topic, 31)).rejects.toThrow('moves back only');
  });
});

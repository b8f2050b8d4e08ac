import { messagingDatabase, type MessagingDatabase } from '@khue/testing/messaging';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Head } from './bus.ts';
import { watchCatchUp } from './catch-up.ts';
import { readReached } from './watermark.ts';

const topic = 'khue.sample.facts';
let database: MessagingDatabase;
beforeAll(async () => {
  database = await messagingDatabase();
});
afterAll(() => database.close());

const headAt = (partition: number, position: number): Head => ({ topic, partition, isReached: (reached) => (reached?.position ?? 0) >= position });
const applied = async (group: string, partition: number, position: number): Promise<void> => {
  await database.pool.query(
    `insert into messaging.watermark (group_name, topic, partition, position) values ($1, $2, $3, $4)
     on conflict (group_name, topic, partition) do update set position = excluded.position`,
    [group, topic, partition, position],
  );
};
const watch = (group: string, heads: () => Promise<readonly Head[] | null>): (() => Promise<boolean>) =>
  watchCatchUp({
    pool: database.pool,
    subscription: { group, reached: (of, partition) => readReached(database.pool, group, of, partition) },
    running: { heads },
  });

test('a group that is filled for the first time is caught up with the last of its partitions, as they ended when it began', async () => {
  const ends = [headAt(0, 3), headAt(1, 5)];
  const isCaughtUp = watch('one', async () => ends.splice(0));
  expect(await isCaughtUp()).toBe(false);
  await applied('one', 0, 3);
  expect(await isCaughtUp()).toBe(false);
  await applied('one', 1, 4);
  expect(await isCaughtUp()).toBe(false);
  await applied('one', 1, 5);
  expect(await isCaughtUp()).toBe(true);
});

test('what was complete once is served over a restart, however far behind, also with the bus away', async () => {
  expect(await watch('two', async () => [])()).toBe(true);
  expect(await watch('two', async () => [headAt(0, 9)])()).toBe(true);
  expect(await watch('two', async () => null)()).toBe(true);
});

test('a group that has applied a part and starts again with the bus away is not caught up', async () => {
  await applied('three', 0, 3);
  const heads: (readonly Head[] | null)[] = [null, [headAt(0, 3)]];
  const isCaughtUp = watch('three', async () => heads.shift() ?? null);
  expect([await isCaughtUp(), await isCaughtUp()]).toEqual([false, true]);
});

test('many who ask at once look once', async () => {
  let looks = 0;
  const isCaughtUp = watch('four', async () => {
    looks += 1;
    return null;
  });
  expect(new Set(await Promise.all(Array.from({ length: 50 }, isCaughtUp)))).toEqual(new Set([false]));
  expect(looks).toBe(1);
});

import { expect, test } from 'vitest';
import { gatherSizes } from './gather.ts';
import { codes, potTrial, take } from './pots.fixture.ts';

const trial = potTrial();

test('two flushes that each wait for a row of a stranger do not wait for each other', async () => {
  const stranger = await trial.stranger();
  await stranger.query(`begin; select 1 from pot where id in ('pot-1', 'pot-101') for update`);
  // A full batch opens the second lane while the first one waits.
  const batch = (from: number) => Array.from({ length: gatherSizes.batch }, (_, n) => trial.gather.handle(take(`pot-${from + n}`)));
  const all = [...batch(1), ...batch(101)];
  const free = all.filter((_, place) => place % gatherSizes.batch !== 0);
  expect(codes(await Promise.all(free))).toEqual(free.map(() => 'ok'));
  await stranger.query('rollback');
  expect(codes(await Promise.all(all))).toEqual(all.map(() => 'ok'));
});

import { expect, it } from 'vitest';
import { inOrder, type TimelineItem } from './timeline.ts';

const item = (id: string, at: string, causationId = 'outside'): TimelineItem => ({
  id,
  at,
  causationId,
  type: id,
  correlationId: 'c',
  service: 's',
  actor: 'a',
});
const ids = (items: readonly TimelineItem[]): string[] => items.map(({ id }) => id);

it('tells the stories of services as one, by time', () => {
  expect(ids(inOrder([[item('nominated', '01'), item('requested', '03')], [item('held', '05', 'requested')]]))).toEqual([
    'nominated',
    'requested',
    'held',
  ]);
  expect(ids(inOrder([[item('a', '02')], [item('b', '01')]]))).toEqual(['b', 'a']);
});
it('never tells an effect before its cause, though another machine’s clock is behind', () => {
  const own = [item('requested', '10'), item('admitted', '20', 'held')];
  expect(ids(inOrder([own, [item('held', '05', 'requested'), item('confirmed', '06', 'admitted')]]))).toEqual([
    'requested',
    'held',
    'admitted',
    'confirmed',
  ]);
});
it('comes to an end where causes run in a circle', () => {
  expect(ids(inOrder([[item('a', '02', 'b')], [item('b', '01', 'a')]]))).toHaveLength(2);
});

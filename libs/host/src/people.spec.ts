import { eventually } from '@khue/testing/eventually';
import { describe, expect, test } from 'vitest';
import { betweenPeople, watchPeople, type People } from './people.ts';

describe('people at a door', () => {
  test('are answered when the last of their commands is, also when it failed', async () => {
    const people = watchPeople();
    let fail: (error: Error) => void = () => undefined;
    let answer: (value: string) => void = () => undefined;
    const order: string[] = [];
    const first = people.during(new Promise<string>((_, reject) => (fail = reject))).catch(() => order.push('first'));
    const second = people.during(new Promise<string>((resolve) => (answer = resolve))).then(() => order.push('second'));
    const answered = people.answered(60_000).then(() => order.push('answered'));
    fail(new Error('refused'));
    await first;
    answer('yes');
    await Promise.all([second, answered]);
    expect(order.toSorted()).toEqual(['answered', 'first', 'second']);
    expect(order[0]).toBe('first');
    await people.answered(60_000);
  });

  test('who are never done are waited for no longer than was said', async () => {
    const people = watchPeople();
    void people.during(new Promise(() => undefined));
    await people.answered(1);
  });

  test('are at work from their first command on', async () => {
    const people = watchPeople();
    expect(people.typing()).toBe(false);
    await people.during(Promise.resolve());
    expect(people.typing()).toBe(true);
  });
});

describe('background work', () => {
  const typing = (answered: People['answered']): People => ({ typing: () => true, answered, during: async (answer) => answer });

  test('goes on at once where nobody types', async () => {
    await betweenPeople({ ...typing(() => Promise.reject(new Error('asked'))), typing: () => false })(1_000);
  });

  test('waits for the commands under way, and not for ever', async () => {
    const asked: number[] = [];
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    let gone = false;
    const next = betweenPeople(
      typing((mostMs) => {
        asked.push(mostMs);
        return answered;
      }),
    )(0).then(() => (gone = true));
    await eventually(() => expect(asked).toEqual([100]), { withinMs: 2_000 });
    expect(gone).toBe(false);
    answer();
    await next;
  });

  test('rests for as long as its last step took, and not for longer than 100 ms', async () => {
    const next = betweenPeople(typing(async () => undefined));
    for (const [took, rested] of [
      [30, 30],
      [10_000, 100],
    ] as const) {
      const began = performance.now();
      await next(took);
      expect(performance.now() - began).toBeGreaterThanOrEqual(rested - 2);
      expect(performance.now() - began).toBeLessThan(5_000);
    }
  });
});

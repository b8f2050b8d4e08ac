import { describe, expect, test } from 'vitest';
import { watchPeople } from './people.ts';

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

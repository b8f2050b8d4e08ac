import { describe, expect, test } from 'vitest';
import { giveWay, type People } from './give-way.ts';

const typing: People = { typing: () => true, answered: async () => undefined };

describe('an import beside people', () => {
  test('takes whole chunks while nobody types, without asking for their commands', async () => {
    const steps = giveWay({ typing: () => false, answered: () => Promise.reject(new Error('asked')) }, 1_000);
    expect(await steps.next()).toBe(1_000);
  });

  test('takes as many rows as their patience allows, between 25 and 200', async () => {
    const steps = giveWay(typing, 1_000);
    const after = async (milliseconds: number): Promise<number> => {
      steps.took(await steps.next(), milliseconds);
      return steps.next();
    };
    expect(await steps.next()).toBe(25);
    for (const rows of [50, 100, 200, 200]) expect(await after(7)).toBe(rows);
    expect(await after(10)).toBe(200);
    for (const rows of [100, 50, 25, 25]) expect(await after(16)).toBe(rows);
  });

  test('learns nothing from the last rows of a file', async () => {
    const steps = giveWay(typing, 1_000);
    steps.took(3, 1);
    expect(await steps.next()).toBe(25);
  });

  test('waits for the commands under way', async () => {
    let answer: () => void = () => undefined;
    const order: string[] = [];
    const steps = giveWay({ typing: () => true, answered: () => new Promise((resolve) => (answer = resolve)) }, 1_000);
    const next = steps.next().then(() => order.push('step'));
    // Everything that could run without an answer has run.
    await new Promise(setImmediate);
    order.push('answer');
    answer();
    await next;
    expect(order).toEqual(['answer', 'step']);
  });

  test('goes on at a door that is always busy', async () => {
    const steps = giveWay({ typing: () => true, answered: () => new Promise(() => undefined) }, 1_000);
    expect(await steps.next()).toBe(25);
  });
});

import { describe, expect, test } from 'vitest';
import { giveWay, type People } from './give-way.ts';

const typing: People = { typing: () => true, answered: async () => undefined };

describe('an import beside people', () => {
  test('takes whole chunks while nobody types, without asking for their commands', async () => {
    const steps = giveWay({ typing: () => false, answered: () => Promise.reject(new Error('asked')) }, 1_000);
    expect(await steps.next()).toBe(1_000);
  });

  test('takes small steps while they type', async () => {
    expect(await giveWay(typing, 1_000).next()).toBe(100);
    expect(await giveWay(typing, 30).next()).toBe(30);
  });

  test('leaves the machine to them for as long as its step took, and no longer than 100 ms', async () => {
    const steps = giveWay(typing, 1_000);
    const rested = async (took: number): Promise<number> => {
      steps.took(took);
      const began = performance.now();
      await steps.next();
      return performance.now() - began;
    };
    // A timer of Node may end a millisecond early by this clock.
    expect(await rested(60)).toBeGreaterThanOrEqual(59);
    expect(await rested(3_600_000)).toBeGreaterThanOrEqual(99);
  });

  test('waits for the commands under way', async () => {
    const order: string[] = [];
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    const people: People = {
      typing: () => true,
      answered: () => {
        ask();
        return answered;
      },
    };
    const next = giveWay(people, 1_000)
      .next()
      .then(() => order.push('step'));
    await Promise.race([asked, next]);
    order.push('answer');
    answer();
    await next;
    expect(order).toEqual(['answer', 'step']);
  });

  test('bounds its waiting for them', async () => {
    const asked: number[] = [];
    const steps = giveWay({ typing: () => true, answered: async (mostMs) => void asked.push(mostMs) }, 1_000);
    await steps.next();
    expect(asked).toEqual([100]);
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchLife, type Life } from './kafka-life.ts';

let life: Life;
let answers: boolean;
let replaced: number;

beforeEach(() => {
  vi.useFakeTimers();
  answers = true;
  replaced = 0;
  life = watchLife({
    probe: async () => {
      if (!answers) throw new Error('away');
    },
    onDead: () => {
      replaced += 1;
    },
    silentMs: 15_000,
    replaceAfterMs: 30_000,
    lookEveryMs: 5_000,
  });
});
afterEach(() => {
  life.close();
  vi.useRealTimers();
});

describe('a consumer', () => {
  test('lives while it gives signs of life', async () => {
    for (let n = 0; n < 20; n += 1) {
      await vi.advanceTimersByTimeAsync(10_000);
      life.sign();
      expect(life.deadSince()).toBeNull();
    }
    expect(replaced).toBe(0);
  });

  test('that is silent is not dead while its broker is away', async () => {
    answers = false;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(life.deadSince()).toBeNull();
    expect(replaced).toBe(0);
  });

  test('that is silent while its broker answers is dead from when that is found, and is replaced, again and again', async () => {
    const start = Date.now();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(life.deadSince()).toBe(start + 15_000);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(replaced).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(replaced).toBeGreaterThan(1);
    expect(life.deadSince()).toBe(start + 15_000);
    life.sign();
    expect(life.deadSince()).toBeNull();
  });
});

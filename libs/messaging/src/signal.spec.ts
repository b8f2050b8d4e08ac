import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { unlessEnded } from './signal.ts';

describe('work that ends with its process', () => {
  test('is answered as it ends, also with its failure', async () => {
    const { signal } = new AbortController();
    expect(await unlessEnded(signal, Promise.resolve('done'), 'ended')).toBe('done');
    await expect(unlessEnded(signal, Promise.reject(new Error('failed')), 'ended')).rejects.toThrow('failed');
  });

  test('is left at the end, which may have come before', async () => {
    const end = new AbortController();
    const left = unlessEnded(end.signal, new Promise<string>(() => undefined), 'ended');
    end.abort();
    expect(await left).toBe('ended');
    expect(await unlessEnded(end.signal, new Promise<string>(() => undefined), 'ended')).toBe('ended');
  });

  test('leaves nothing behind on what says that the end has come', async () => {
    const { signal } = new AbortController();
    for (let n = 0; n < 100; n += 1) await unlessEnded(signal, Promise.resolve(n), n);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

import { expect, test } from 'vitest';
import { Refuse } from './refuse.ts';

test('a refusal does not look for where it was made, and every other error still does', () => {
  expect(new Refuse('overloaded').stack).not.toMatch(/\n\s+at /);
  expect(new Error('a bug').stack).toMatch(/\n\s+at /);
});

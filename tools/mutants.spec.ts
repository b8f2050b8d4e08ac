import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './guards/copy.ts';
import { mutants } from './mutants/list.ts';
import { judge, layersOf, notGreen, type Trial } from './mutants/trial.ts';

describe('the list of mutants', () => {
  test.each(mutants.map((mutant) => [mutant.name, mutant] as const))('%s takes out what is there, and its tests are there', (_, mutant) => {
    const { file, find, replace, tests } = mutant;
    expect(readFileSync(join(root, file), 'utf8').split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
    expect(tests.length).toBeGreaterThan(0);
    for (const [spec, title] of tests) {
      expect(existsSync(join(root, spec)), spec).toBe(true);
      expect(readFileSync(join(root, spec), 'utf8'), spec).toContain(title);
    }
  });

  test('names each guard once', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(25);
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    expect(new Set(mutants.map(({ file, find, replace }) => `${file} ${find} ${replace}`)).size).toBe(mutants.length);
  });
});

describe('a mutant', () => {
  const tests = [['a.spec.ts', 'holds']] as const;
  const trial = (state: string, message?: string, beside: readonly string[] = []): Trial => ({
    tests: [{ file: 'a.spec.ts', title: 'the rule holds', state, messages: message === undefined ? [] : [message] }],
    beside,
  });

  test('is killed by a named test that fails, and by nothing else', () => {
    expect(judge(trial('failed', 'AssertionError: expected 2 to be 1'), tests, false)).toEqual({ outcome: 'killed', by: 'the rule holds' });
    expect(judge(trial('passed'), tests, false)).toEqual({ outcome: 'survived' });
    expect(judge(trial('failed', 'AssertionError'), [['a.spec.ts', 'other']], false)).toMatchObject({ outcome: 'no-trial' });
    expect(judge(trial('failed', 'AssertionError'), [['b.spec.ts', 'holds']], false)).toMatchObject({ outcome: 'no-trial' });
  });

  test('that can not start, or is no program, is not killed', () => {
    expect(judge({ tests: [], beside: ['a.spec.ts: Transform failed'] }, tests, false)).toMatchObject({ outcome: 'no-trial' });
    expect(judge(trial('skipped', undefined, ['a.spec.ts: beforeAll failed']), tests, false)).toMatchObject({ outcome: 'no-trial' });
    expect(judge(trial('failed', 'ReferenceError: x is not defined'), tests, false)).toMatchObject({ outcome: 'no-trial' });
    expect(judge(trial('failed', 'error: syntax error at or near "from"'), tests, false)).toMatchObject({ outcome: 'no-trial' });
  });

  test('that makes a test wait in vain is killed only where it says so', () => {
    expect(judge(trial('failed', 'Error: Test timed out in 5000ms.'), tests, false)).toMatchObject({ outcome: 'no-trial' });
    expect(judge(trial('failed', 'Error: Test timed out in 5000ms.'), tests, true)).toMatchObject({ outcome: 'killed' });
  });

  test('has its tests green first as it runs them: never two sets of a file in one run', () => {
    const [one, two, other] = [['a', '1'] as const, ['a', '2'] as const, ['b', '1'] as const];
    expect(layersOf([{ tests: [one] }, { tests: [one, two] }, { tests: [other, one] }])).toEqual([
      [one, other],
      [one, two],
    ]);
  });

  test('has its tests green first: a test that is missing or red shows nothing', () => {
    expect(notGreen(trial('passed'), tests)).toEqual([]);
    expect(notGreen(trial('failed', 'x'), tests)).toHaveLength(1);
    expect(notGreen(trial('skipped'), tests)).toHaveLength(1);
    expect(notGreen(trial('passed'), [['a.spec.ts', 'another']])).toHaveLength(1);
  });
});

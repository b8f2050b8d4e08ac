import { expect, test } from 'vitest';
import { entryProblem, toEntryProblems } from './entry-problems.ts';
import { commonProblems } from './problems.ts';

const catalog = {
  ...commonProblems,
  'mark-too-high': { status: 422, vi: 'Điểm cao nhất là {most}.', en: 'The highest mark is {most}.' },
};

test('refused entries of a command get the words of the catalog, each its own', () => {
  const problems = toEntryProblems(catalog, [
    { entry: 3, code: 'mark-too-high', field: 'entries.3.mark', params: { most: 10 } },
    { entry: 'l-7', code: 'not-found' },
  ]);
  expect(problems).toEqual([
    { entry: 3, field: 'entries.3.mark', code: 'mark-too-high', vi: 'Điểm cao nhất là 10.', en: 'The highest mark is 10.' },
    { entry: 'l-7', field: null, code: 'not-found', vi: commonProblems['not-found'].vi, en: commonProblems['not-found'].en },
  ]);
  for (const problem of problems) expect(entryProblem.parse(problem)).toEqual(problem);
});

test('a code that the catalog does not have is an internal error, and its name is not told', () => {
  expect(toEntryProblems(catalog, [{ entry: 0, code: 'made-up' }])).toMatchObject([
    { code: 'internal-error', en: commonProblems['internal-error'].en },
  ]);
});

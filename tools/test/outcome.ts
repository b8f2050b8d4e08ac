import type { TestCase, TestModule, TestSuite } from 'vitest/node';

/** What a test that could not run says of itself, in the words of @khue/testing. */
const unableTo = 'not run: ';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** Why tests were not run, with those that say so. */
  readonly notRun: ReadonlyMap<string, readonly string[]>;
  /** What failed beside tests, one line each. */
  readonly broken: readonly string[];
}

/**
 * Counts a finished run so that nothing that was to run can be missed: a file that didn't load, a hook that threw, an error beside the tests and a test that was
 * skipped without saying what it lacked are failures.
 */
export const outcomeOf = (modules: readonly TestModule[], errorsBeside: readonly unknown[], mustRun: boolean): Outcome => {
  const notRun = new Map<string, string[]>();
  const broken: string[] = [];
  let [passed, failed] = [0, 0];
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state, note } = stateOf(test);
      const lacking = state === 'skipped' && note?.startsWith(unableTo) ? note.slice(unableTo.length) : undefined;
      if (state === 'passed') passed += 1;
      else if (lacking !== undefined && !mustRun) notRun.set(lacking, [...(notRun.get(lacking) ?? []), nameOf(test.parent)]);
      else failed += 1;
      if (state === 'skipped' && lacking === undefined && !isUnderBroken(test))
        broken.push(`${test.fullName}: skipped without a word of what it lacks`);
    }
    const all = [...module.children.allTests()];
    for (const part of [module, ...module.children.allSuites()]) {
      // Tests below that fell with it are counted already; without them it counts for itself.
      if (part.errors().length > 0 && !all.some((test) => isBelow(test, part) && stateOf(test).state !== 'passed')) failed += 1;
      if (part.errors().length > 0) broken.push(`${nameOf(part)}: ${part.errors()[0]?.message ?? 'an error'}`);
    }
    if (!['passed', 'failed', 'skipped'].includes(module.state())) {
      failed += 1;
      broken.push(`${module.relativeModuleId}: did not end`);
    }
  }
  for (const error of errorsBeside) broken.push(error instanceof Error || isWithMessage(error) ? error.message : String(error));
  return { passed, failed: failed + errorsBeside.length, notRun, broken };
};

const stateOf = (test: TestCase): { state: string; note?: string | undefined } => {
  const result = test.result();
  return { state: result.state, note: 'note' in result ? result.note : undefined };
};
const above = (test: TestCase): (TestSuite | TestModule)[] => {
  const found: (TestSuite | TestModule)[] = [];
  for (let part: TestSuite | TestModule = test.parent; ; part = part.parent) {
    found.push(part);
    if (part.type === 'module') return found;
  }
};
const isBelow = (test: TestCase, part: TestSuite | TestModule): boolean => above(test).includes(part);
const isUnderBroken = (test: TestCase): boolean => above(test).some((part) => part.errors().length > 0);
const nameOf = (part: TestSuite | TestModule): string => (part.type === 'module' ? part.relativeModuleId : part.fullName);
const isWithMessage = (error: unknown): error is { message: string } => typeof error === 'object' && error !== null && 'message' in error;

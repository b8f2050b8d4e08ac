import { createVitest, type Reporter, type TestModule } from 'vitest/node';
import { outcomeOf } from './outcome.ts';

export interface Run {
  /** The folder with vitest.config.ts. */
  readonly root: string;
  /** Parts of paths; all test files when there is none. */
  readonly filters: readonly string[];
  /** What could not run is a failure. */
  readonly mustRun: boolean;
  readonly say: (line: string) => void;
  /** Milliseconds without a word after which one is said. */
  readonly silence?: number;
}

/** Runs the tests of all projects and answers the exit code. The last line said is `N passed, N failed`. */
export const run = async ({ root, filters, mustRun, say, silence = 30_000 }: Run): Promise<number> => {
  const started = performance.now();
  const running = new Map<string, number>();
  let [ended, files, lastWord] = [0, 0, started];
  const word = (): void => void (lastWord = performance.now());
  const reporter: Reporter = {
    onTestRunStart: (specifications) => {
      files = specifications.length;
      word();
    },
    onTestModuleStart: (module) => void running.set(module.relativeModuleId, performance.now()),
    onTestModuleEnd: (module) => {
      running.delete(module.relativeModuleId);
      ended += 1;
      word();
    },
  };
  const seconds = (since: number): string => `${Math.round((performance.now() - since) / 1_000)} s`;
  const heartbeat = setInterval(() => {
    if (performance.now() - lastWord < silence) return;
    const now = [...running].map(([file, since]) => `${file} (${seconds(since)})`).join(', ');
    say(`${seconds(started)}: ${ended} of ${files} files done, ${now ? `running ${now}` : 'starting what they need'}`);
    word();
  }, silence / 6);

  let modules: readonly TestModule[] = [];
  let beside: readonly unknown[] = [];
  const vitest = await createVitest('test', { root, run: true, watch: false, reporters: ['default', reporter] });
  const interrupt = (): void => void vitest.cancelCurrentRun('keyboard-input');
  process.once('SIGINT', interrupt);
  try {
    await vitest.start([...filters]).catch((error: unknown) => {
      beside = [error];
    });
    modules = vitest.state.getTestModules();
    beside = [...beside, ...vitest.state.getUnhandledErrors()];
  } finally {
    // Before the last line: what the tests stood on may have a word to say when it goes.
    await vitest.close();
    clearInterval(heartbeat);
    process.off('SIGINT', interrupt);
  }

  const { passed, failed, notRun, broken } = outcomeOf(modules, beside, mustRun);
  for (const line of broken) say(line);
  for (const [reason, names] of notRun) say(`Not run: ${[...new Set(names)].join('; ')}. What was missing: ${reason}.`);
  say(`${passed} passed, ${failed} failed`);
  return failed > 0 || passed === 0 ? 1 : 0;
};

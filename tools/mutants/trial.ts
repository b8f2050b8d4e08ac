import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Mutant, NamedTest } from './mutant.ts';

/** A test as vitest's JSON reporter tells of it. */
interface Told {
  readonly file: string;
  readonly title: string;
  readonly state: string;
  readonly messages: readonly string[];
}

export interface Trial {
  readonly tests: readonly Told[];
  /** What failed outside any test: a file that didn't load, a hook. */
  readonly beside: readonly string[];
}

/** No set of named tests takes longer than this, in milliseconds; then the run and all that it started is ended. */
const longest = 600_000;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Runs the named tests in the folder `root`; with `bail` up to the first that fails. Throws when vitest wrote no report. */
export const runTests = async (root: string, tests: readonly NamedTest[], { bail = false } = {}): Promise<Trial> => {
  const report = join(root, 'mutant-report.json');
  rmSync(report, { force: true });
  const args = [
    ...[...new Set(tests.map(([file]) => file))],
    ...['-t', [...new Set(tests.map(([, title]) => escaped(title)))].join('|')],
    ...(bail ? ['--bail', '1'] : []),
    ...['--reporter', 'json', '--outputFile', report],
  ];
  // A group of its own, so that PostgreSQL and workers end with it when it has to be ended.
  const vitest = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], { cwd: root, detached: true });
  let said = '';
  for (const stream of [vitest.stdout, vitest.stderr]) stream.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-4_000)));
  const endGroup = (): void => {
    if (vitest.pid !== undefined && vitest.exitCode === null) process.kill(-vitest.pid, 'SIGKILL');
  };
  process.once('exit', endGroup);
  const over = new AbortController();
  const ended = new Promise<void>((done, failed) => vitest.once('error', failed).once('close', () => done()));
  await Promise.race([ended, pause(longest, undefined, { signal: over.signal }).then(endGroup)]);
  over.abort();
  process.off('exit', endGroup);
  return readReport(root, report, said);
};

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string; readonly failureMessages?: readonly string[] | null }[];
  }[];
}

const readReport = (root: string, file: string, said: string): Trial => {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch (cause) {
    throw new Error(`vitest wrote no report: ${said}`, { cause });
  }
  return {
    tests: report.testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ fullName, status, failureMessages }) => ({
        file: name.slice(root.length + 1),
        title: fullName.trim(),
        state: status,
        messages: failureMessages ?? [],
      })),
    ),
    beside: report.testResults.filter(({ message }) => message).map(({ name, message }) => `${name.slice(root.length + 1)}: ${message}`),
  };
};

export type Verdict =
  | { readonly outcome: 'killed'; readonly by: string }
  | { readonly outcome: 'survived' }
  /** Nothing was shown: the tests did not run as tests, or what turned them red is no statement about the guard. */
  | { readonly outcome: 'no-trial'; readonly why: string };

const timedOut = /\b(Test|Hook) timed out in \d+ms/;
/** A mutant that is no program any more, in TypeScript or in SQL. */
const nonsense = /\b(SyntaxError|ReferenceError)\b|syntax error at or near|could not determine data type/;

const isNamed = (tests: readonly NamedTest[], told: Told): boolean => tests.some(([file, title]) => told.file === file && told.title.includes(title));

/** What the run of a mutant's tests says of it: only a named test that failed kills. */
export const judge = (trial: Trial, tests: readonly NamedTest[], hangs: boolean): Verdict => {
  const ran = trial.tests.filter((told) => isNamed(tests, told) && (told.state === 'passed' || told.state === 'failed'));
  const failed = ran.filter(({ state }) => state === 'failed');
  if (failed.length > 0) {
    const words = failed.flatMap(({ messages }) => messages);
    const broken = words.find((message) => nonsense.test(message));
    if (broken) return { outcome: 'no-trial', why: `the mutant is broken: ${firstLine(broken)}` };
    const shown = failed.find(({ messages }) => hangs || !messages.every((message) => timedOut.test(message)));
    return shown ? { outcome: 'killed', by: shown.title } : { outcome: 'no-trial', why: 'a time-out, and the mutant does not say that it hangs' };
  }
  if (trial.beside.length > 0) return { outcome: 'no-trial', why: `could not start: ${firstLine(trial.beside[0] ?? '')}` };
  return ran.length > 0 ? { outcome: 'survived' } : { outcome: 'no-trial', why: 'none of its tests ran' };
};

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/**
 * The sets of tests as the mutants run them, in as few runs as may be: in each at most one set of a file. Together they would be green where a test stands on what
 * an earlier one of its file left behind, and red alone, whatever was taken out.
 */
export const layersOf = (mutants: readonly Pick<Mutant, 'tests'>[]): readonly (readonly NamedTest[])[] => {
  const sets = new Map<string, readonly NamedTest[]>();
  for (const { tests } of mutants) for (const set of Map.groupBy(tests, ([file]) => file).values()) sets.set(JSON.stringify(set), set);
  const layers: NamedTest[][] = [];
  for (const ofFile of Map.groupBy(sets.values(), ([first]) => first?.[0]).values())
    for (const [depth, set] of ofFile.entries()) (layers[depth] ??= []).push(...set);
  return layers;
};

/** Which of the named tests did not run and pass, each with what is known. */
export const notGreen = (trial: Trial, tests: readonly NamedTest[]): readonly string[] =>
  tests.flatMap((named) => {
    const own = trial.tests.filter((told) => isNamed([named], told));
    const red = own.filter(({ state }) => state !== 'passed');
    if (own.length > 0 && red.length === 0) return [];
    return [`${named[0]} › ${named[1]}: ${own.length === 0 ? 'not found' : `${red[0]?.state} ${firstLine(red[0]?.messages[0] ?? '')}`}`];
  });

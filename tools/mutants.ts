import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copySources } from './guards/copy.ts';
import { mutants } from './mutants/list.ts';
import type { Mutant } from './mutants/mutant.ts';
import { judge, layersOf, notGreen, runTests, type Verdict } from './mutants/trial.ts';

// npm run mutants -- [--only PART-OF-A-NAME]... [--json FILE]: takes the guards of correctness out of a copy of the sources, one at a time. Each must turn one of its
// tests red; a guard that nobody misses has no test.

const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, json: { type: 'string' } } });
const chosen = mutants.filter(({ name }) => !values.only || values.only.some((part) => name.includes(part)));
if (chosen.length === 0) throw new Error(`no mutant is named like ${values.only?.join(' or ')}`);

const copy = copySources();
// Caches of the checkout's own runs: the copy makes its own.
for (const cache of ['.vite', '.vite-temp', '.vitest', '.cache']) rmSync(join(copy.root, 'node_modules', cache), { force: true });
process.once('exit', () => copy.remove());
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10;

const tryOut = async ({ file, find, replace, tests, hangs = false }: Mutant): Promise<Verdict> => {
  const path = join(copy.root, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) return { outcome: 'no-trial', why: `its text is not exactly once in ${file}` };
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    return judge(await runTests(copy.root, tests, { bail: true }), tests, hangs);
  } finally {
    writeFileSync(path, source);
  }
};

const started = performance.now();
for (const layer of layersOf(chosen)) {
  const red = notGreen(await runTests(copy.root, layer), layer);
  if (red.length === 0) continue;
  console.error(`Before anything is taken out these tests are not green, so they can show nothing:\n  ${red.join('\n  ')}`);
  process.exit(1);
}
console.log(`${chosen.length} mutants; their tests are green without them (${seconds(started)} s)\n`);

const results: { name: string; guard: string; verdict: Verdict; seconds: number }[] = [];
for (const mutant of chosen) {
  const since = performance.now();
  const verdict = await tryOut(mutant).catch((error: unknown): Verdict => ({ outcome: 'no-trial', why: String(error) }));
  const result = { name: mutant.name, guard: mutant.guard, verdict, seconds: seconds(since) };
  results.push(result);
  const words = { killed: 'by' in verdict ? verdict.by : '', survived: 'SURVIVED', 'no-trial': `NO TRIAL: ${'why' in verdict ? verdict.why : ''}` };
  console.log(`${mutant.name.padEnd(34)} ${String(result.seconds).padStart(6)} s  ${words[verdict.outcome]}`);
}

if (values.json) writeFileSync(values.json, `${JSON.stringify({ at: new Date().toISOString(), results }, undefined, 2)}\n`);
const left = results.filter(({ verdict }) => verdict.outcome !== 'killed');
console.log(`\n${results.length - left.length} of ${results.length} killed in ${seconds(started)} s`);
for (const { name, guard, verdict } of left) console.log(`${verdict.outcome}: ${name} (${guard})`);
process.exit(left.length > 0 ? 1 : 0);

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { badRequests } from './bench/bad-requests.ts';
import { claims } from './bench/claims.ts';
import { eventToEffect } from './bench/event-to-effect.ts';
import type { Bench, Figure } from './bench/figure.ts';
import { fiveYearReport } from './bench/five-year-report.ts';
import { growthNominations } from './bench/growth-nominations.ts';
import { growthOfEvents } from './bench/growth-of-events.ts';
import { importBesideClerks } from './bench/import-beside-clerks.ts';
import { importRows } from './bench/import-rows.ts';
import { nominations } from './bench/nominations.ts';
import { overload } from './bench/overload.ts';
import { sustainedEvents } from './bench/sustained-events.ts';
import { drawTable } from './bench/table.ts';

// npm run bench -- [--json FILE] [--only NAME]: what the product does beside what the same machine and server do without it, medians of three rounds.
const benches: readonly Bench[] = [
  nominations,
  importRows,
  eventToEffect,
  sustainedEvents,
  claims,
  fiveYearReport,
  growthNominations,
  growthOfEvents,
  overload,
  importBesideClerks,
  badRequests,
];
const rounds = 3;

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
const { json, only } = values;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

// A bench with several figures is named by what their names begin with.
const chosen = benches.filter(({ name }) => only === undefined || only === name || only.startsWith(`${name}-`));
if (chosen.length === 0) {
  process.stderr.write(`There is no figure "${only}". There are: ${benches.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}

const measure = async ({ name, title, measure: run }: Bench): Promise<readonly Figure[]> => {
  const folder = await mkdtemp(join(tmpdir(), `khue-bench-${name}-`));
  say(`${name}: ${title}`);
  try {
    return await run({ folder, rounds, say: (line) => say(`  ${line}`) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const figures: Figure[] = [];
const failed: string[] = [];
for (const bench of chosen) {
  try {
    const found = await measure(bench);
    figures.push(...found.filter(({ name }) => only === undefined || only === bench.name || name === only));
  } catch (error) {
    // The others are worth having; the run as a whole has failed.
    failed.push(bench.name);
    say(`  ${bench.name} failed: ${(error as Error).stack}`);
  }
}
if (json !== undefined) await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`);
say(`\n${drawTable(figures)}`);
if (failed.length > 0) {
  say(`\nnot measured: ${failed.join(', ')}`);
  process.exitCode = 1;
}

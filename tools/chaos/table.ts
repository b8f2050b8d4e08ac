import type { Finding } from '../check-invariants/check.ts';
import { nameOf } from './plan.ts';
import type { RunResult } from './run.ts';
import type { Struck } from './siege.ts';

const seconds = (value: number | undefined): string => (value === undefined ? 'never' : value.toFixed(1));
const counts = (of: ReadonlyMap<string, number>): string =>
  [...of]
    .sort(([, a], [, b]) => b - a)
    .map(([code, times]) => `${code} ${times}`)
    .join(', ') || 'none';

const headings = [
  'fault',
  'lasted s',
  'acked during',
  'longest gap s',
  'longest answer s',
  'first ack after s',
  'all arrived after s',
  'failures by code',
];
const rowOf = ({ fault, lasted, during, around, acknowledgedAfter, settledAfter }: Struck): string[] => [
  nameOf(fault),
  seconds(lasted),
  String(during.acknowledged),
  seconds(during.longestGapMs / 1_000),
  seconds(around.longestMs / 1_000),
  seconds(acknowledgedAfter),
  seconds(settledAfter),
  counts(around.errors),
];

/** What happened, for people: a line for each fault, then the sums, then the findings. */
export const describeRun = ({ struck, findings, tally: { total }, refusals }: RunResult): string[] => {
  const rows = [headings, ...struck.map(rowOf)];
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return [
    ...rows.map((row) =>
      row
        .map((cell, column) =>
          column === 0 || column === row.length - 1 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number),
        )
        .join('  ')
        .trimEnd(),
    ),
    `${total.attempts} attempts, ${total.acknowledged} writes acknowledged; failures: ${counts(total.errors)}; refused: ${counts(refusals)}`,
    `${findings.filter(({ ok }) => ok).length} of ${findings.length} checks hold`,
    ...findings.filter(({ ok }) => !ok).map(lineOf),
  ];
};

const lineOf = ({ name, seen, examples }: Finding): string => `WRONG: ${name} (${seen} looked at): ${examples.slice(0, 5).join(' | ')}`;

import type { Figure } from './figure.ts';

const holds: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  '>=': (value, limit) => value >= limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '<': (value, limit) => value < limit,
};

/**
 * Whether a figure is what it is meant to be. Parts of an aim are joined by `and`: a bare number is for the ratio (`>= 1.5`), one with the figure's unit for our side
 * (`<= 25 ms`), one with a name for what every round has seen (`0 lost`). Throws on an aim that says something else, which nobody would have checked.
 */
export const reached = (figure: Figure): boolean =>
  figure.aim.split(/ and |, /).every((part) => {
    const [, sign = '', limit = '', of = ''] = /^(>=|<=|>|<)?\s*([\d.]+)\s*(.*)$/.exec(part.trim()) ?? [];
    const seen = figure.runs.map((run) => run.seen[of]);
    if (sign === '' && limit !== '' && seen.every((value) => value !== undefined)) return seen.every((value) => Number(value) === Number(limit));
    const check = holds[sign];
    if (!check || limit === '' || (of !== '' && of !== figure.unit)) throw new Error(`the aim of ${figure.name} can't be read: ${figure.aim}`);
    return check(of === '' ? figure.ratio : figure.ours, Number(limit));
  });

const short = (value: number): string => {
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.1 ? 2 : 4;
  return value.toFixed(digits);
};

const headings = ['figure', 'unit', 'ours', 'beside', 'ratio', 'aim', 'reached'] as const;

/** The figures as lines of text, and below each what its rounds have seen. */
export const drawTable = (figures: readonly Figure[]): string => {
  const rows = figures.map((it) => [it.name, it.unit, short(it.ours), short(it.beside), short(it.ratio), it.aim, reached(it) ? 'yes' : 'NO']);
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const seen = figures.flatMap(({ name, runs }) =>
    runs.map(
      ({ seen: found }, round) =>
        `${name} ${round + 1}: ${Object.entries(found)
          .map(([what, value]) => `${what} ${value}`)
          .join(', ')}`,
    ),
  );
  return [line(headings), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line), '', 'seen, round by round', ...seen].join('\n');
};

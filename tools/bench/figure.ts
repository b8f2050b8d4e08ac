/** One round of a figure: ours and what stands beside it, measured right after one another on the same machine and server. */
export interface Run {
  readonly ours: number;
  readonly beside: number;
  /** What else was seen in the round: p50, p99, errors, lost, doubled, share of the cores that strangers took. */
  readonly seen: Readonly<Record<string, number | string>>;
}

/** A figure as `npm run bench -- --json` writes it: medians over the runs; the ratio is the median of each run's own ratio. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly beside: number;
  readonly ratio: number;
  /** In words, with its direction: `>= 1.5`. */
  readonly aim: string;
  readonly runs: readonly Run[];
}

/** What a bench may use. `folder` is its own and goes afterwards; `say` prints progress. */
export interface Bench {
  readonly name: string;
  /** One line: what is measured beside what. */
  readonly title: string;
  readonly measure: (context: {
    readonly folder: string;
    readonly rounds: number;
    readonly say: (line: string) => void;
  }) => Promise<readonly Figure[]>;
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

/** Medians of at least one run. */
export const figure = (named: Pick<Figure, 'name' | 'unit' | 'aim'>, runs: readonly Run[]): Figure => ({
  ...named,
  ours: median(runs.map((run) => run.ours)),
  beside: median(runs.map((run) => run.beside)),
  ratio: median(runs.map((run) => run.ours / run.beside)),
  runs,
});

/** A test by its file and a part of its title, both as they are written there. */
export type NamedTest = readonly [file: string, title: string];

/** One guard of correctness taken out, and the tests that must turn red without it. */
export interface Mutant {
  readonly name: string;
  /** What the guard is for; what goes wrong without it. */
  readonly guard: string;
  readonly file: string;
  /** Exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly tests: readonly NamedTest[];
  /** The tests see it by waiting in vain: only then a time-out is a kill. */
  readonly hangs?: boolean;
}

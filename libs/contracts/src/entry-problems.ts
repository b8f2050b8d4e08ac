import { z } from 'zod';
import { wordsOf } from './problem-document.ts';
import type { ProblemCatalog, Refusal } from './problems.ts';

/** Why one entry of a command with many changed nothing, while the command itself was accepted. */
export const entryProblem = z.object({
  /** Its place in the request from 0, or its key. */
  entry: z.union([z.int(), z.string()]),
  field: z.string().nullable(),
  code: z.string(),
  vi: z.string(),
  en: z.string(),
});
export type EntryProblem = z.infer<typeof entryProblem>;

export interface EntryRefusal extends Refusal {
  readonly entry: number | string;
}

/** The refused entries of a command that was accepted, in words, for its answer. */
export const toEntryProblems = (catalog: ProblemCatalog, refusals: readonly EntryRefusal[]): EntryProblem[] =>
  refusals.map((refusal) => {
    const { code, vi, en } = wordsOf(catalog, refusal);
    return { entry: refusal.entry, field: refusal.field ?? null, code, vi, en };
  });

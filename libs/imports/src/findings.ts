import type { ImportPlan } from '@khue/contracts/http/imports';
import type { CellError, CellWarning } from './layout.ts';

/** How often a rule was met in a file: shown with the plan, before anybody opens the rejected rows. */
export type Finding = ImportPlan['findings'][number];

/** The texts of a rule may differ from row to row; the first stands for all. More kinds than this are not counted. */
const MOST = 200;

export interface Findings {
  add(kind: Finding['kind'], notices: readonly (CellError | CellWarning)[]): void;
  list(): Finding[];
}

export const createFindings = (): Findings => {
  const counted = new Map<string, Finding>();
  return {
    add: (kind, notices) => {
      for (const { column, code, vi, en } of notices) {
        const known = counted.get(`${kind} ${column} ${code}`);
        if (known) known.rows += 1;
        else if (counted.size < MOST) counted.set(`${kind} ${column} ${code}`, { kind, column, code, vi, en, rows: 1 });
      }
    },
    list: () => [...counted.values()].toSorted((a, b) => b.rows - a.rows),
  };
};

/** What of the turns is counted: classes whose first day lies in `[from, to]`, and turns of the given places. */
export interface Selection {
  readonly from: string;
  readonly to: string;
  /** Where rows stand, for reports by unit or of a subtree; undefined: every row counts and its unit does not matter. */
  readonly places?: Places | undefined;
}

export interface Places {
  /** First days of the spans in which the structure that counts stays as it is; undefined: one structure for all days. */
  readonly spans?: readonly string[] | undefined;
  /**
   * Where rows of a unit stand, undefined where they are left out: by the day their class began where there are spans (else null), and by the
   * successor they were assigned to where there are none.
   */
  readonly keyOf: (unitId: string, day: string | null, assignedTo: string | null) => string | undefined;
}

export interface Figure {
  readonly key: string;
  readonly classes: number;
  readonly turns: number;
  readonly people: number;
  readonly live: number;
  readonly imported: number;
}

/** The figures of each group, in the order of their keys, and of all of them together. */
export interface Counted {
  readonly groups: readonly Figure[];
  readonly total: Figure;
}

export type Grouping = 'line' | 'program' | 'year' | 'place';

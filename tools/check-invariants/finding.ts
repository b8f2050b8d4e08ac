/** What one check saw: how many things it looked at, and the ids of some that are not as they must be. Never a name. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly seen: number;
  readonly examples: readonly string[];
}

/** Ids shown of what is wrong; the rest is a number. */
export const shown = 10;

/** A finding from what was seen wrong; `more`: how many beyond those. */
export const finding = (name: string, seen: number, wrong: readonly string[], more = 0): Finding => {
  const unseen = more + Math.max(0, wrong.length - shown);
  return { name, ok: wrong.length + more === 0, seen, examples: [...wrong.slice(0, shown), ...(unseen > 0 ? [`and ${unseen} more`] : [])] };
};

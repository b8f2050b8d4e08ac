import type { Columns } from './columns.ts';
import type { Counted, Grouping, Selection } from './selection.ts';

type Count = (columns: Columns, selection: Selection, grouping: Grouping) => Promise<Counted>;

/** Questions remembered at once: a few periods, each by line, program and year. */
const most = 64;

/** Counts each question once while the columns stay as they are. Selections by place aren't remembered: what they say of units is a function. */
export const remembering = (count: Count): Count => {
  const counts = new WeakMap<Columns, { readonly revision: number; readonly known: Map<string, Counted> }>();
  return async (columns, selection, grouping) => {
    if (selection.places) return count(columns, selection, grouping);
    let remembered = counts.get(columns);
    if (remembered?.revision !== columns.revision) counts.set(columns, (remembered = { revision: columns.revision, known: new Map() }));
    const question = `${selection.from} ${selection.to} ${grouping}`;
    const known = remembered.known.get(question);
    if (known) return known;
    const counted = await count(columns, selection, grouping);
    if (remembered.known.size < most) remembered.known.set(question, counted);
    return counted;
  };
};

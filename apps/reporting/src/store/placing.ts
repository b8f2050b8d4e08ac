import type { Columns } from './columns.ts';
import type { Places } from './selection.ts';

/** The group of a turn by its place, -1 where the selection leaves it out. */
export type Placed = (klass: number, unit: number, person: number) => number;

const unknown = -2;

/** Asks for each place once: a structure has some thousand, the turns are a million. `groupOf` gives a key its group. */
export const placesOf = (columns: Columns, { spans, keyOf }: Places, groupOf: (key: string) => number): Placed => {
  const { units, assigned, classes } = columns;
  const resolve = (unit: number, day: string | null, to: number | null): number => {
    const key = keyOf(units.idOf(unit), day, to === null ? null : units.idOf(to));
    return key === undefined ? -1 : groupOf(key);
  };

  if (!spans) {
    const plain = new Int32Array(units.size).fill(unknown);
    const byAssignment = new Map<number, number>();
    return (_klass, unit, person) => {
      const to = assigned[unit]?.get(person);
      if (to === undefined) {
        const known = plain[unit] as number;
        return known === unknown ? (plain[unit] = resolve(unit, null, null)) : known;
      }
      const pair = unit * units.size + to;
      const known = byAssignment.get(pair) ?? resolve(unit, null, to);
      byAssignment.set(pair, known);
      return known;
    };
  }

  const spanOf = Int32Array.from(classes, (row) => (row ? spans.findLastIndex((first) => first <= row.from) + 1 : 0));
  const table = Array.from({ length: spans.length + 1 }, (): Int32Array | undefined => undefined);
  return (klass, unit) => {
    const span = spanOf[klass] as number;
    const row = (table[span] ??= new Int32Array(units.size).fill(unknown));
    const known = row[unit] as number;
    return known === unknown ? (row[unit] = resolve(unit, (classes[klass] as { from: string }).from, null)) : known;
  };
};

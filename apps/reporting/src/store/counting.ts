import type { ClassRow, Columns } from './columns.ts';
import { createPace } from './pace.ts';
import { addPeople, countBits, countedTwice, moveTo, noPeople } from './people.ts';
import { placesOf } from './placing.ts';
import type { Counted, Figure, Grouping, Selection } from './selection.ts';

/** Turns looked at between two chances for others: a millisecond or two. */
const part = 131_072;
/** Words of bitmaps that are kept at a time, 4 MB: ten lines of 350,000 people take a tenth. */
const mostWords = 1_048_576;

interface Group {
  readonly key: string;
  turns: number;
  imported: number;
  people: number;
  /** Bit by bit, the classes that count here. */
  readonly classes: Int32Array;
}

const keyOf: Readonly<Record<Exclude<Grouping, 'place'>, (row: ClassRow) => string>> = {
  line: (row) => row.line,
  program: (row) => row.programCode,
  year: (row) => row.from.slice(0, 4),
};

/**
 * Figures of a selection by one pass over the columns: each turn finds its group by its class or its place, and its person sets a bit there. What it counts is what `figuresOf` says in SQL.
 */
export const countColumns = async (columns: Columns, selection: Selection, grouping: Grouping): Promise<Counted> => {
  const { from, to, places } = selection;
  const groups: Group[] = [];
  const numbers = new Map<string, number>();
  const words = (columns.classIds.size >>> 5) + 1;
  const groupOf = (key: string): number => {
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, groups.length);
    groups.push({ key, turns: 0, imported: 0, people: 0, classes: new Int32Array(words) });
    return groups.length - 1;
  };

  // A class that isn't selected: -1. By place it is the turn that finds its group.
  const byClass = new Int32Array(columns.classIds.size).fill(-1);
  columns.classes.forEach((row, klass) => {
    if (!row || row.from < from || row.from > to) return;
    const group = (byClass[klass] = grouping === 'place' ? 0 : groupOf(keyOf[grouping](row)));
    // Where rows are not picked by place, a class counts though it has no turn.
    if (!places) addClass(groups[group] as Group, klass);
  });
  const placed = places && placesOf(columns, places, grouping === 'place' ? groupOf : () => 0);

  const { classOf, person, unit, imported, length } = columns;
  const peopleWords = noPeople(columns.people).length;
  // Few groups have a bitmap each, set in this pass; for many, a turn's group is kept and its person sorted in later.
  const few = grouping !== 'place' && groups.length * peopleWords <= mostWords;
  const bitmaps = new Int32Array(few ? (groups.length + 1) * peopleWords : 0);
  const inGroup = new Int32Array(few ? 0 : length);
  const pace = createPace();
  if (few && !placed) await countByClass(columns, byClass, groups, bitmaps, pace);
  else {
    for (let start = 0; start < length; start += part) {
      for (let no = start, end = Math.min(start + part, length); no < end; no += 1) {
        const klass = (classOf[no] as number) - 1;
        let group = klass < 0 ? -1 : (byClass[klass] as number);
        if (group >= 0 && placed) {
          const place = placed(klass, unit[no] as number, person[no] as number);
          if (place < 0 || grouping === 'place') group = place;
          if (group >= 0) addClass(groups[group] as Group, klass);
        }
        if (!few) inGroup[no] = group;
        if (group < 0) continue;
        const counted = groups[group] as Group;
        counted.turns += 1;
        counted.imported += imported[no] as number;
        if (few) (bitmaps[group * peopleWords + ((person[no] as number) >>> 5)] as number) |= 1 << ((person[no] as number) & 31);
      }
      await pace();
    }
  }
  const everybody = few ? countBitmaps(columns, groups, bitmaps) : await countSorted(columns, groups, inGroup, pace);

  const counted = groups.filter(({ turns }) => !places || turns > 0);
  return {
    groups: counted.map(figureOf).sort((a, b) => (a.key < b.key ? -1 : 1)),
    total: figureOf({
      key: 'all',
      turns: counted.reduce((sum, group) => sum + group.turns, 0),
      imported: counted.reduce((sum, group) => sum + group.imported, 0),
      people: everybody,
      classes: counted.reduce((all, group) => all.map((word, place) => word | (group.classes[place] as number)), new Int32Array(words)),
    }),
  };
};

/**
 * The pass where the class alone says the group: half the time of the one above, for no turn touches an object or takes a branch. Turns of no group count in
 * one behind the last.
 */
const countByClass = async (columns: Columns, byClass: Int32Array, groups: readonly Group[], bitmaps: Int32Array, pace: () => Promise<void>) => {
  const { classOf, person, imported, length } = columns;
  const nobody = groups.length;
  const peopleWords = bitmaps.length / (nobody + 1);
  const groupOf = Int32Array.from({ length: byClass.length + 1 }, (_, place) => {
    const group = place === 0 ? -1 : (byClass[place - 1] as number);
    return group < 0 ? nobody : group;
  });
  const turns = new Int32Array(nobody + 1);
  const old = new Int32Array(nobody + 1);
  for (let start = 0; start < length; start += part) {
    for (let no = start, end = Math.min(start + part, length); no < end; no += 1) {
      const group = groupOf[classOf[no] as number] as number;
      const who = person[no] as number;
      (turns[group] as number) += 1;
      (old[group] as number) += imported[no] as number;
      (bitmaps[group * peopleWords + (who >>> 5)] as number) |= 1 << (who & 31);
    }
    await pace();
  }
  groups.forEach((group, place) => Object.assign(group, { turns: turns[place], imported: old[place] }));
};

const figureOf = ({ key, turns, imported, people, classes }: Group): Figure => ({
  key,
  classes: countBits(classes),
  turns,
  people,
  live: turns - imported,
  imported,
});

const addClass = ({ classes }: Group, klass: number): void => {
  (classes[klass >>> 5] as number) |= 1 << (klass & 31);
};

/** Fills in the people of each group; answers those of all groups together. */
const countBitmaps = (columns: Columns, groups: readonly Group[], bitmaps: Int32Array): number => {
  const all = noPeople(columns.people);
  for (const [place, group] of groups.entries()) {
    const bits = bitmaps.subarray(place * all.length, (place + 1) * all.length);
    group.people = countBits(bits) - countedTwice(bits, columns.merged);
    for (let word = 0; word < bits.length; word += 1) (all[word] as number) |= bits[word] as number;
  }
  return countBits(all) - countedTwice(all, columns.merged);
};

/** The same for any number of groups: their people one group after the other, in one bitmap that stays in the processor's cache. */
const countSorted = async ({ person, length, ...columns }: Columns, groups: readonly Group[], inGroup: Int32Array, pace: () => Promise<void>) => {
  const begins = new Int32Array(groups.length + 1);
  groups.forEach(({ turns }, group) => (begins[group + 1] = (begins[group] as number) + turns));
  const sorted = new Int32Array(begins[groups.length] as number);
  const next = begins.slice();
  for (let start = 0; start < length; start += part) {
    for (let no = start, end = Math.min(start + part, length); no < end; no += 1) {
      const group = inGroup[no] as number;
      if (group >= 0) sorted[(next[group] as number)++] = person[no] as number;
    }
    await pace();
  }
  const [all, bits] = [noPeople(columns.people), noPeople(columns.people)];
  for (const [place, group] of groups.entries()) {
    const [begin, end] = [begins[place] as number, begins[place + 1] as number];
    group.people = addPeople(bits, sorted, begin, end) - countedTwice(bits, columns.merged);
    moveTo(all, bits, sorted, begin, end);
    await pace();
  }
  return countBits(all) - countedTwice(all, columns.merged);
};

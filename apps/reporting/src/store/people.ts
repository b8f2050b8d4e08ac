import type { Columns } from './columns.ts';

/** A set of people, bit by bit. */
export type Bits = Int32Array;

export const noPeople = ({ size }: Columns['people']): Bits => new Int32Array((size >>> 5) + 1);

export const countBits = (bits: Bits): number => {
  let count = 0;
  for (let word of bits) {
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
};

/** Sets the bits of `people[from, to)`; answers how many were new. */
export const addPeople = (bits: Bits, people: Int32Array, from: number, to: number): number => {
  let added = 0;
  for (let at = from; at < to; at += 1) {
    const person = people[at] as number;
    const word = bits[person >>> 5] as number;
    const bit = 1 << (person & 31);
    if ((word & bit) !== 0) continue;
    bits[person >>> 5] = word | bit;
    added += 1;
  }
  return added;
};

/** Empties `bits` of `people[from, to)` into `all`. */
export const moveTo = (all: Bits, bits: Bits, people: Int32Array, from: number, to: number): void => {
  if (to - from > bits.length) {
    for (let word = 0; word < bits.length; word += 1) (all[word] as number) |= bits[word] as number;
    bits.fill(0);
    return;
  }
  for (let at = from; at < to; at += 1) {
    const word = (people[at] as number) >>> 5;
    (all[word] as number) |= bits[word] as number;
    bits[word] = 0;
  }
};

const has = (bits: Bits, person: number): boolean => ((bits[person >>> 5] as number) & (1 << (person & 31))) !== 0;

/** By how many a set of records is larger than the set of people they count as: a merged record counts as the one that was kept. */
export const countedTwice = (bits: Bits, merged: Columns['merged']): number => {
  const within = merged.filter(([person]) => has(bits, person));
  const gone = new Set(within.map(([person]) => person));
  // A kept record that was itself merged elsewhere stands for itself no longer, but for those merged into it: one look, as the SQL has it.
  const come = new Set(within.map(([, kept]) => kept).filter((kept) => !has(bits, kept) || gone.has(kept)));
  return gone.size - come.size;
};

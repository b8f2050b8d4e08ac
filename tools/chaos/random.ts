/** Chance that can be had again: the same seed gives the same numbers in the same order. */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number;
  happens(share: number): boolean;
  pick<T>(items: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
  /** A stream of its own by that name, whatever was drawn from this one before. */
  fork(name: string): Random;
}

const step = 0x6d2b79f5;

/** mulberry32: 32 bits of state are plenty for a plan, and it stands in four lines. */
export const randomOf = (seed: number): Random => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + step) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    int,
    happens: (share) => next() < share,
    pick: (items) => items[int(0, items.length - 1)] as (typeof items)[number],
    shuffled: (items) => {
      const mixed = [...items];
      for (let place = mixed.length - 1; place > 0; place -= 1) {
        const other = int(0, place);
        [mixed[place], mixed[other]] = [mixed[other] as (typeof items)[number], mixed[place] as (typeof items)[number]];
      }
      return mixed;
    },
    fork: (name) => randomOf([...name].reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16_777_619), seed ^ 0x811c9dc5)),
  };
};

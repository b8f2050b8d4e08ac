/** Dense numbers for ids, given in the order they are first seen: what is counted by bit or by array needs them small. */
export interface Numbers {
  readonly size: number;
  /** The number of the id whose 16 bytes begin there. */
  at(bytes: Buffer, offset: number): number;
  of(id: string): number;
  idOf(number: number): string;
}

/**
 * Some 24 to 32 bytes an id, where a Map of strings takes more than a hundred. The database does not give these numbers: a table of people beside
 * the turns doubled what a turn costs to write.
 */
export const createNumbers = (): Numbers => {
  let size = 0;
  let words = new Int32Array(4 * 1_024);
  /** Open addressing, at most half full: number + 1, or 0. */
  let slots = new Int32Array(4_096);

  const slotOf = (a: number, b: number, c: number, d: number): number => {
    const mask = slots.length - 1;
    let hash = a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b) ^ Math.imul(d, 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & mask;
    for (let number = slots[slot] as number; number !== 0; number = slots[slot] as number) {
      const at = (number - 1) * 4;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  };

  const grow = (): void => {
    const more = new Int32Array(words.length * 2);
    more.set(words);
    words = more;
    slots = new Int32Array(words.length * 2);
    for (let number = 0; number < size; number += 1) {
      const at = number * 4;
      slots[slotOf(words[at] as number, words[at + 1] as number, words[at + 2] as number, words[at + 3] as number)] = number + 1;
    }
  };

  const give = (a: number, b: number, c: number, d: number): number => {
    const slot = slotOf(a, b, c, d);
    const known = slots[slot] as number;
    if (known !== 0) return known - 1;
    words.set([a, b, c, d], size * 4);
    slots[slot] = size + 1;
    size += 1;
    if (size * 4 === words.length) grow();
    return size - 1;
  };

  const at = (bytes: Buffer, offset: number): number =>
    give(bytes.readInt32BE(offset), bytes.readInt32BE(offset + 4), bytes.readInt32BE(offset + 8), bytes.readInt32BE(offset + 12));

  return {
    get size() {
      return size;
    },
    at,
    of: (id) => at(Buffer.from(id.replaceAll('-', ''), 'hex'), 0),
    idOf: (number) => {
      const bytes = Buffer.alloc(16);
      for (let word = 0; word < 4; word += 1) bytes.writeInt32BE(words[number * 4 + word] as number, word * 4);
      return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    },
  };
};

import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const bytesOfOne = 16;
// Asking the system for the bytes of one id at a time cost 30 µs of a request's 400.
const pool = new Uint8Array(bytesOfOne * 256);
let used = pool.length;

const random = (): Uint8Array => {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytesOfOne;
  return pool.slice(used - bytesOfOne, used);
};

/** A new UUIDv7: ordered by the millisecond it was made in, at random within it. For commands, events and correlations. */
export const newId = (): string => v7({ rng: random });

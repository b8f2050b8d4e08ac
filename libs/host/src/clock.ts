import { readFileSync, statSync } from 'node:fs';
import { isInstant } from '@khue/contracts/dates';

/** What time it is. */
export interface Clock {
  now(): Date;
  /** A test's clock and not the system's. */
  readonly test: boolean;
}

export const systemClock: Clock = { now: () => new Date(), test: false };

/** The file of a test clock is not there, or holds no instant. */
export class UnreadableClock extends Error {}

/** How often the file is looked at, in milliseconds. */
const lookMs = 1_000;

/**
 * A clock that stands at the instant in a file when it was written, and goes on from there; another instant makes it jump. By the file's own time and not by when it
 * was read, so that the processes of a city agree, and one that is started again goes on. A file that is being written, or gone, leaves the clock as it was. Throws
 * UnreadableClock when there is none to begin with.
 */
export const openTestClock = (file: string): Clock => {
  let lookedAt = performance.now();
  let ahead = readAhead(file);
  return {
    test: true,
    now: () => {
      if (performance.now() - lookedAt >= lookMs) {
        lookedAt = performance.now();
        try {
          ahead = readAhead(file);
        } catch (error) {
          if (!(error instanceof UnreadableClock)) throw error;
        }
      }
      return new Date(Date.now() + ahead);
    },
  };
};

/** Milliseconds by which the file's clock is ahead of the system's. */
const readAhead = (file: string): number => {
  let text: string;
  let written: number;
  try {
    written = statSync(file).mtimeMs;
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UnreadableClock('the file of the test clock can not be read', { cause: error });
  }
  if (!isInstant(text)) throw new UnreadableClock('the file of the test clock holds no instant');
  return Math.round(Date.parse(text) - written);
};

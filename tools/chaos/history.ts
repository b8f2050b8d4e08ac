import { closeSync, openSync, writeSync } from 'node:fs';

/** One attempt, as it is written down before it is sent. */
export interface Asked {
  readonly operation: string;
  /** Null where the door takes none: reads, and changes by If-Match. */
  readonly key: string | null;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export interface Answered {
  /** Null when no answer came; `code` says why. */
  readonly status: number | null;
  readonly code: string | null;
  readonly body: unknown;
}

/** What a client asked and what it was answered, in a file that tells the truth wherever the client is cut. */
export interface History {
  readonly file: string;
  /** Writes down that something will be asked; answers its number. */
  asked(what: Asked): number;
  answered(n: number, what: Answered): void;
  fault(what: string, since: Date, until: Date | null): void;
  close(): void;
}

/** One write a line, and each returns when the system has it: what was sent before it was written down could be a loss that nobody sees. */
export const openHistory = (file: string): History => {
  const descriptor = openSync(file, 'a', 0o600);
  const write = (line: object): void => void writeSync(descriptor, `${JSON.stringify(line)}\n`);
  let count = 0;
  return {
    file,
    asked: (what) => {
      count += 1;
      write({ kind: 'asked', n: count, at: new Date().toISOString(), ...what });
      return count;
    },
    answered: (n, what) => write({ kind: 'answered', n, at: new Date().toISOString(), ...what }),
    fault: (what, since, until) => write({ kind: 'fault', at: since.toISOString(), what, until: until?.toISOString() ?? null }),
    close: () => closeSync(descriptor),
  };
};

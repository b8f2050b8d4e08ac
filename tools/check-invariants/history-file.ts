import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { canonicalJson } from '@khue/contracts/canonical-json';

/** A subject whose events a group can't apply, made so on purpose. */
export interface Poisoned {
  readonly group: string;
  readonly subject: string;
}

/** An answer that said yes. */
interface Acknowledged {
  readonly status: number;
  readonly digest: string;
  /** Of the record that was answered; undefined where the answer is none. */
  readonly id: string | undefined;
  readonly version: number | undefined;
}

/** One command of the client, however often it was sent: all attempts under one key are one request. */
export interface Request {
  readonly operation: string;
  readonly key: string | null;
  readonly method: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly firstAskedAt: number;
  readonly acknowledged: Acknowledged[];
  /** Attempts of which nobody knows what they did: no answer, a failure of the server, or a twin of the same key under way. */
  unknown: number;
  /** Attempts that were answered with a refusal. */
  refused: number;
}

export interface History {
  readonly lines: number;
  readonly requests: readonly Request[];
  readonly poisoned: readonly Poisoned[];
  /** Numbers of lines that can't be read; a last line that was cut is none. */
  readonly unreadable: readonly string[];
}

interface Line {
  readonly kind: string;
  readonly n: number;
  readonly at: string;
  readonly operation: string;
  readonly key: string | null;
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  readonly code: string | null;
  readonly body: unknown;
  readonly group: string;
  readonly subject: string;
}

/** Of equal value, equal text; numbers and members as JSON has them. */
export const digestOf = (body: unknown): string => hash('sha1', canonicalJson(body ?? null));

/** Reads what a client wrote down while it worked. */
export const readHistory = async (file: string): Promise<History> => {
  const requests = new Map<string, Request>();
  const pending = new Map<number, Request>();
  const poisoned: Poisoned[] = [];
  const unreadable: string[] = [];
  let lines = 0;
  let cut: string | undefined;
  for await (const text of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
    lines += 1;
    if (cut !== undefined) unreadable.push(cut);
    const line = parse(text);
    cut = line === undefined ? `line ${lines}` : undefined;
    if (line?.kind === 'asked') {
      const request = requests.get(nameOf(line)) ?? requestOf(line);
      requests.set(nameOf(line), request);
      // Until an answer stands in the file, nobody knows.
      request.unknown += 1;
      pending.set(line.n, request);
    } else if (line?.kind === 'answered') answer(line, pending, unreadable, lines);
    else if (line?.kind === 'poisoned') poisoned.push({ group: line.group, subject: line.subject });
  }
  return { lines, requests: [...requests.values()], poisoned, unreadable };
};

const parse = (text: string): Line | undefined => {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
};

// A key belongs to its route; without a key (If-Match) each attempt is a request.
const nameOf = ({ n, key, method, path }: Line): string => (key === null ? `attempt ${n}` : `${method} ${path} ${key}`);

const requestOf = ({ operation, key, method, path, body, at }: Line): Request => ({
  operation,
  key,
  method,
  path: path.split('?')[0] as string,
  body: (body ?? {}) as Request['body'],
  firstAskedAt: Date.parse(at),
  acknowledged: [],
  unknown: 0,
  refused: 0,
});

const answer = ({ n, status, code, body }: Line, pending: Map<number, Request>, unreadable: string[], line: number): void => {
  const request = pending.get(n);
  pending.delete(n);
  if (!request) {
    unreadable.push(`line ${line}: an answer to nothing`);
    return;
  }
  if (status === null || status >= 500 || code === 'idempotency-key-in-flight') return;
  request.unknown -= 1;
  if (status >= 400) {
    request.refused += 1;
    return;
  }
  const record = (typeof body === 'object' && body !== null ? body : {}) as { id?: string; enrollmentId?: string; version?: number };
  request.acknowledged.push({ status, digest: digestOf(body), id: record.id ?? record.enrollmentId, version: record.version });
};

import { setTimeout as pause } from 'node:timers/promises';
import type { History } from './history.ts';
import type { Tally } from './tally.ts';

export interface Request {
  /** Of the route's contract. */
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  readonly body?: unknown;
  /** In place of the body as JSON. */
  readonly raw?: string;
  /** Authorization as it is sent; undefined sends none. */
  readonly authorization: string | undefined;
  readonly key?: string;
  readonly ifMatch?: number;
  /** Sends the same key again until the outcome is known. */
  readonly insists?: boolean;
  /** Must be refused as it stands. */
  readonly isBad?: boolean;
}

export interface Outcome {
  /** Null when nobody knows the outcome: no answer came, and it was not asked again. */
  readonly status: number | null;
  readonly code: string | null;
  readonly body: unknown;
}

/** Sends requests, writes each attempt down before and after, and asks again where the outcome is open. */
export interface Typist {
  type(request: Request): Promise<Outcome>;
  /** Keys that are being asked again now. */
  readonly open: () => number;
  /** What a correct product never answers, in words: at most some examples. */
  readonly surprises: readonly string[];
  /** From this moment on nobody asks again; answers the keys whose outcome stays open. */
  giveUp(): void;
  readonly unsettled: readonly string[];
  readonly refusals: ReadonlyMap<string, number>;
}

export interface TypistOptions {
  readonly address: string;
  readonly history: History;
  readonly tally: Tally;
}

/** Above every wait of the product, so that whoever hangs is seen to hang. */
const patienceMs = 45_000;
const longestWaitMs = 5_000;
/** How often what is on its way is asked for again before the typist turns to something else. */
const triesOnItsWay = 3;

export const createTypist = ({ address, history, tally }: TypistOptions): Typist => {
  const surprises: string[] = [];
  const unsettled: string[] = [];
  const refusals = new Map<string, number>();
  let open = 0;
  let givenUp = false;

  const attempt = async (request: Request): Promise<Outcome & { readonly waitMs: number }> => {
    const { operation, method, path, body, raw, authorization, key, ifMatch } = request;
    const n = history.asked({ operation, key: key ?? null, method, path, body: raw ?? body ?? null });
    const began = performance.now();
    const isWrite = method !== 'GET';
    const note = (outcome: Outcome): void => {
      history.answered(n, isWrite ? outcome : { ...outcome, body: null });
      tally.add({ isWrite, status: outcome.status, code: outcome.code, ms: performance.now() - began });
    };
    try {
      const response = await fetch(`${address}${path}`, {
        method,
        headers: {
          ...(authorization === undefined ? {} : { authorization }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
          ...(ifMatch === undefined ? {} : { 'if-match': `"${ifMatch}"` }),
          ...(raw === undefined && body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(raw === undefined && body === undefined ? {} : { body: raw ?? JSON.stringify(body) }),
        signal: AbortSignal.timeout(patienceMs),
      });
      const text = await response.text();
      const answer: unknown = text === '' ? null : JSON.parse(text);
      const code = response.status < 400 ? null : String((answer as { code?: string }).code ?? `status ${response.status}`);
      const outcome = { status: response.status, code, body: answer };
      note(outcome);
      return { ...outcome, waitMs: Math.min(longestWaitMs, Number(response.headers.get('retry-after') ?? 1) * 1_000) };
    } catch (error) {
      const outcome = { status: null, code: whyNoAnswer(error), body: null };
      note(outcome);
      return { ...outcome, waitMs: 500 };
    }
  };

  const judge = (request: Request, { status, code }: Outcome): void => {
    if (status === null || status >= 500) return;
    if (code !== null && !request.isBad) refusals.set(code, (refusals.get(code) ?? 0) + 1);
    const wrong = request.isBad ? status < 400 : [401, 403, 404].includes(status);
    if (wrong && surprises.length < 20) surprises.push(`${request.operation} ${request.key ?? request.path}: ${status} ${code ?? ''}`.trim());
  };

  return {
    surprises,
    unsettled,
    refusals,
    open: () => open,
    giveUp: () => {
      givenUp = true;
    },
    type: async (request) => {
      let counted = false;
      try {
        for (let tries = 1; ; tries += 1) {
          const { waitMs, ...outcome } = await attempt(request);
          const isOpen = outcome.status === null || outcome.status >= 500 || outcome.code === 'idempotency-key-in-flight' || outcome.status === 429;
          const isOnItsWay = outcome.code?.endsWith('-not-known-yet') === true && tries < triesOnItsWay;
          if (!isOpen) judge(request, outcome);
          if (isOpen && request.insists && givenUp) unsettled.push(`${request.operation} ${request.key}: ${outcome.code}`);
          if (!(isOpen || isOnItsWay) || !request.insists || givenUp) return outcome;
          if (!counted) open += 1;
          counted = true;
          await pause(waitMs);
        }
      } finally {
        if (counted) open -= 1;
      }
    },
  };
};

const whyNoAnswer = (error: unknown): string => {
  if ((error as Error).name === 'TimeoutError') return `no answer in ${patienceMs / 1_000} s`;
  const cause = (error as { cause?: { code?: string } }).cause;
  // What is neither the network nor an end of patience is a mistake of this program.
  if (cause?.code === undefined) throw error;
  return cause.code;
};

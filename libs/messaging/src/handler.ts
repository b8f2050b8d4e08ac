import { setTimeout as pause } from 'node:timers/promises';
import type { Received } from '@khue/contracts/envelope';
import pg from 'pg';
import type { Tx } from './command.ts';
import { classify, failedBefore, OutcomeUnknown, waits } from './database.ts';

/**
 * Applies events in order within the transaction it is lent; throws when it can't. The transaction is not its own to end or to keep. Throws NotYet
 * for what is still on its way, and EventsRefused for what no further try would change.
 */
export type Apply = (tx: Tx, events: readonly Received[]) => Promise<void>;

/** A handler may take this long for one batch, in milliseconds; longer than any single wait on the database. */
export const handlerLimit = waits.query + 5_000;

/** What an event needs is still on its way: the group waits, and the event is never parked for it. */
export class NotYet extends Error {
  /** The state by which the ladder knows that the same may pass in a moment (`classify`). */
  readonly code = '40001';
  constructor(what: string) {
    super(what);
    this.name = 'NotYet';
  }
}

/** The domain refused events that nobody awaits: they are parked at once, each under its code. By event id. */
export class EventsRefused extends Error {
  readonly codes: ReadonlyMap<string, string>;
  /** Of the first of them; where one event is alone, its own. */
  readonly code: string;
  constructor(codes: ReadonlyMap<string, string>) {
    super('events were refused');
    this.name = 'EventsRefused';
    this.codes = codes;
    this.code = [...codes.values()][0] ?? 'refused';
  }
}

/** The refusals among what a failed transaction threw, by event id; none where it failed otherwise. */
export const refusalsIn = (error: unknown): ReadonlyMap<string, string> =>
  error instanceof HandlerFailed && error.cause instanceof EventsRefused ? error.cause.codes : new Map();

/** What the handler threw, and whether the database was well then: answering, or gone only because the handler left it idle for too long. */
export class HandlerFailed extends Error {
  readonly databaseWell: boolean;
  constructor(cause: unknown, databaseWell: boolean) {
    super('the handler failed', { cause });
    this.name = 'HandlerFailed';
    this.databaseWell = databaseWell;
  }
}

/** Thrown by a handler that wants no more: nothing is committed and no event is blamed. */
export class Halted extends Error {
  constructor(cause: Error) {
    super('halted', { cause });
    this.name = 'Halted';
  }
}

/**
 * Runs the handler on a lent transaction. The loan ends when the handler returns, throws or takes too long: a promise it left behind would
 * otherwise go on writing after the rollback, each statement its own commit, and the redelivery would write it again. `onLate` is told of it.
 */
export const runHandler = async (apply: Apply, tx: Tx, events: readonly Received[], onLate: () => void): Promise<void> => {
  const loan = lend(tx, onLate);
  const limit = new AbortController();
  try {
    await Promise.race([apply(loan.tx, events), tooLong(limit.signal)]);
  } catch (error) {
    loan.end();
    if (loan.idled()) throw new HandlerFailed(Object.assign(new Error('left its transaction idle', { cause: error }), { code: idledOut }), true);
    throw new HandlerFailed(error, await isAnswering(tx, error));
  } finally {
    loan.end();
    limit.abort();
  }
};

const tooLong = async (signal: AbortSignal): Promise<never> => {
  await pause(handlerLimit, undefined, { signal, ref: false });
  throw Object.assign(new Error('the handler takes too long'), { code: 'handler-too-long' });
};

/** Sent by the server when a transaction was left idle for too long: no failure of the server. */
const idledOut = '25P03';

const lend = (tx: Tx, onLate: () => void): { tx: Tx; end: () => void; idled: () => boolean } => {
  let open = true;
  let code: unknown;
  const onError = (error: Error): void => {
    code = (error as { code?: unknown }).code;
  };
  tx.on('error', onError);
  const query = (...given: unknown[]): unknown => {
    if (open) return Reflect.apply(tx.query, tx, given);
    onLate();
    // Never settles: nobody waits for it any more, and a rejection that nobody handles would end the process.
    return new Promise(() => undefined);
  };
  return {
    tx: Object.create(tx, { query: { value: query } }) as Tx,
    end: () => {
      open = false;
      tx.off('error', onError);
    },
    idled: () => code === idledOut,
  };
};

/** Errors of a lost connection carry no SQLSTATE and are told from the handler's own by their words only: better to ask the connection. */
const isAnswering = async (tx: Tx, error: unknown): Promise<boolean> => {
  if (error instanceof pg.DatabaseError) return true;
  // A server that is frozen would keep the question waiting as long again.
  if (error instanceof Error && error.message === 'Query read timeout') return false;
  try {
    await tx.query('select 1');
    return true;
  } catch (answer) {
    // "current transaction is aborted" is an answer too.
    return answer instanceof pg.DatabaseError;
  }
};

/**
 * Whose fault a failed transaction is. `event`: one of its events can't be applied. `again`: the same may pass now. `away`: the database can't
 * be reached or won't write. `unknown`: COMMIT got no answer. `ours`: the statements of this library fail.
 */
export type Fault = 'event' | 'again' | 'away' | 'unknown' | 'ours';

/** `applied`: the handler ran in this transaction, so that what COMMIT refuses (deferred constraints) is an event's fault. */
export const faultOf = (error: unknown, applied: boolean): Fault => {
  if (error instanceof OutcomeUnknown) return 'unknown';
  if (!(error instanceof HandlerFailed)) {
    const failure = classify(error);
    if (failure === 'again') return 'again';
    if (failure === 'away' || failure === 'disk-full') return 'away';
    return applied && (failure === 'data' || codeOf(error) === failedBefore) ? 'event' : 'ours';
  }
  if (!error.databaseWell) return 'away';
  const { cause } = error;
  if (cause instanceof Halted) return 'ours';
  if (!(cause instanceof pg.DatabaseError)) return classify(cause) === 'again' ? 'again' : 'event';
  // A statement that exceeds its time is the batch's fault, or the event's when it is alone; the server is well.
  if (cause.code === statementTooLong || cause.code === idledOut) return 'event';
  const failure = classify(cause);
  if (failure === 'again') return 'again';
  return failure === 'away' || failure === 'disk-full' ? 'away' : 'event';
};

const statementTooLong = '57014';

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

/** What may be said of a failure where it is kept: its code and the constraint it broke or its kind, never its message, which quotes values. */
export const failureCode = (error: unknown): string => {
  if (error instanceof HandlerFailed || error instanceof OutcomeUnknown) return failureCode(error.cause);
  if (error instanceof pg.DatabaseError) return [error.code, error.constraint].filter(Boolean).join(' ');
  const code = codeOf(error);
  if (typeof code === 'string' && /^[\w.-]{1,60}$/.test(code)) return code;
  return error instanceof Error && /^\w{1,60}$/.test(error.name) ? error.name : 'Error';
};

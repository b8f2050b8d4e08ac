import type { Decision, EntryRefusal } from '@khue/decider/decision';
import type { Outgoing } from '@khue/contracts/envelope';
import type { PoolClient } from 'pg';

/** The client of an open transaction. */
export type Tx = PoolClient;

/** A command with all it needs to know about where it comes from: async context does not cross the gather. */
export interface Command<Body = unknown> {
  /** UUIDv7 made at the door; the cause of the events that follow. */
  readonly id: string;
  readonly body: Body;
  /** `sub` of the token, or `service:<name>` for commands that follow from events. */
  readonly actor: string;
  /** The grant under which the actor acts, or those of which one permits it, for the audit; absent for a service's own commands. */
  readonly grantId?: string;
  /** Instant in UTC, read once at the door. */
  readonly now: string;
  /** The business date of `now` in Asia/Ho_Chi_Minh. */
  readonly today: string;
  readonly correlationId: string;
  /** Id of the event that led here, or of the command itself. */
  readonly causationId: string;
  readonly traceparent?: string;
  /** Why, in the actor's words; kept in the audit only. */
  readonly reason?: string;
  /** The version the caller saw (If-Match). */
  readonly ifMatch?: number;
  readonly idempotency?: IdempotencyClaim;
}

export interface IdempotencyClaim {
  readonly sub: string;
  readonly route: string;
  readonly key: string;
  readonly bodyHash: string;
}

/** What the caller is told: a result, or the reason why nothing happened. The status of a result stands in its route. */
export type Answer<Answered = unknown> =
  | { readonly ok: true; readonly body: Answered; readonly version?: number; readonly persons?: readonly string[] }
  | {
      readonly ok: false;
      readonly code: string;
      readonly field?: string;
      readonly params?: Readonly<Record<string, string | number>>;
      readonly retryAfterSeconds?: number;
    };

/**
 * Sets what is to happen by itself, moves it, or cancels it (`at` null). There is one of a kind and subject; of several changes in a batch the last counts. The
 * subject is the id of a row the transaction has locked, as an event's is.
 */
export type DueChange =
  | {
      readonly kind: string;
      readonly subject: string;
      /** Instant in UTC, kept to the millisecond; one that has passed fires at once. */
      readonly at: string;
      /** JSON that the command of the due time is made from: ids, codes and numbers, never personal data. */
      readonly body?: unknown;
    }
  | { readonly kind: string; readonly subject: string; readonly at: null };

/**
 * One noun of a service, from the rows it locks to what it tells the world. `State` is a workspace for one batch: the aggregates that its
 * commands touch, evolving in memory so that two commands of one batch see each other.
 */
export interface Aggregate<Body, State, Event> {
  readonly noun: string;
  /**
   * Locks every row the batch decides over, tables in a documented order (parents first), each `ORDER BY id FOR UPDATE`, and claims natural keys with
   * `ON CONFLICT DO NOTHING`, sorted.
   */
  load(tx: Tx, commands: readonly Command<Body>[]): Promise<State>;
  decide(command: Command<Body>, state: State): Decision<Event>;
  /** Applies the event to the workspace and counts it in the version of its aggregate. Must not throw. */
  evolve(state: State, event: Event): void;
  /** Writes what changed, by set, all of it sent before it first waits where that can be; affected rows other than expected is an error. */
  save(tx: Tx, state: State): Promise<void>;
  /** What we tell the world of the event, called right after it evolved: `sequence` is its aggregate's version now. */
  outbound(event: Event, state: State): readonly Outgoing[];
  /** What is to happen by itself after the event, called after `outbound`; what must come again says so again when it fires. */
  dues?(event: Event, state: State): readonly DueChange[];
  /** `refusals`: the entries of the command that were refused while it was accepted. */
  answer(command: Command<Body>, state: State, refusals: readonly EntryRefusal[]): Extract<Answer, { ok: true }>;
  /** The record the command is about, as it stands: kept before and after in the audit; its version is held against If-Match. */
  subject(command: Command<Body>, state: State): { readonly id: string; readonly version?: number; readonly record: unknown };
}

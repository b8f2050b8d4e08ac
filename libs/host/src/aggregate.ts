import type { Outgoing, Topic } from '@khue/contracts/envelope';
import type { By, Grounds } from '@khue/contracts/grants';
import type { Decision, EntryRefusal } from '@khue/decider/decision';
import type { Aggregate, Command, DueChange, Tx } from '@khue/messaging/command';
import type { Directory } from './directory.ts';

/** A command as a domain sees it: what is wanted, and who wants it. */
export interface Order<Body> {
  readonly command: Body;
  readonly by: By;
}

/** What an accepted command answers: the record as callers see it, and its version. `persons`: whose data the answer holds. */
export interface Viewed<Answered> {
  readonly body: Answered;
  readonly version?: number;
  readonly persons?: readonly string[];
}

export interface Recorded {
  readonly id: string;
  /** As it stands, for the audit; undefined where there is none. */
  readonly record: unknown;
  /** Held against If-Match. */
  readonly version?: number;
}

/** Commands are told apart by their type. */
export type Typed = { readonly type: string };
/**
 * A view for each command that a door gives; commands that follow from events have nobody to answer. `refusals`: the entries that nothing followed from, of a command
 * with many.
 */
export type Views<Body extends Typed, State> = {
  readonly [Type in Body['type']]?: (
    command: Extract<Body, { readonly type: Type }>,
    state: State,
    by: By,
    refusals: readonly EntryRefusal[],
  ) => Viewed<unknown>;
};

/** One noun of a service in the house's grammar (see `Aggregate`); the host adds who decides and what had been loaded. */
export interface Noun<Body extends Typed, State extends object, Event, V extends Views<Body, State>> {
  readonly noun: string;
  /** Locks and reads by set what the batch decides over. Two commands of one batch see each other in the state it makes. */
  load(tx: Tx, orders: readonly Order<Body>[]): Promise<State>;
  decide(command: Body, by: By, state: State): Decision<Event>;
  /** What `by` is made of where the state knows better than the directory: the registry's own units and grants, as its transaction read and changed them. */
  grounds?(state: State): Grounds;
  /** Replaces records in the state's maps, never changes one: what changed is found by identity. */
  evolve(state: State, event: Event): void;
  /** Writes by set what is other now than in `before`: the state as it was loaded, its maps copied. */
  save(tx: Tx, state: State, before: State): Promise<void>;
  /** What the world is told of an event, right after it evolved. A noun without it tells nothing. */
  outbound?(event: Event, state: State): readonly Outgoing[];
  /** What an event sets, moves or cancels of things that are to happen by themselves; `host.due` says what then follows. */
  dues?(event: Event, state: State): readonly DueChange[];
  /** The record a command is about. */
  record(command: Body, state: State): Recorded;
  readonly view: V;
}

/** The command of a noun that makes `view` answer with this body. */
export type AnswerTo<V, Type extends string> = Type extends keyof V
  ? Exclude<V[Type], undefined> extends (...given: never[]) => Viewed<infer Body>
    ? Body
    : undefined
  : undefined;

/** Declares one noun; the compiler works out what each of its commands answers. */
export const aggregateOf = <Body extends Typed, State extends object, Event, const V extends Views<Body, State>>(
  noun: Noun<Body, State, Event, V>,
): Noun<Body, State, Event, V> => noun;

/** The workspace of one batch: the state, what it was, and what it was loaded by. */
export interface Batch<State> {
  readonly state: State;
  readonly before: State;
  readonly grounds: Grounds;
}

/** A noun as the flush runs it, over a service's directory. */
export const bound = <Body extends Typed, State extends object, Event, V extends Views<Body, State>>(
  noun: Noun<Body, State, Event, V>,
  { units, grantsOf }: Pick<Directory, 'units' | 'grantsOf'>,
  topics: readonly Topic[],
): Aggregate<Body, Batch<State>, Event> => {
  const byOf = ({ actor, today, now }: Command<Body>, grounds: Grounds): By => ({
    actor,
    grants: grounds.grantsOf(actor),
    units: grounds.units,
    today,
    now,
  });
  const byIn = (command: Command<Body>, { state, grounds }: Batch<State>): By => byOf(command, noun.grounds?.(state) ?? grounds);
  return {
    noun: noun.noun,
    load: async (tx, commands) => {
      // Once for the batch: to decide by newer units than it was loaded by would miss a row that they lead to.
      const grounds = { units: units(), grantsOf };
      const state = await noun.load(
        tx,
        commands.map((command) => ({ command: command.body, by: byOf(command, grounds) })),
      );
      return { state, before: copied(state), grounds };
    },
    decide: (command, batch) => noun.decide(command.body, byIn(command, batch), batch.state),
    evolve: ({ state }, event) => noun.evolve(state, event),
    save: (tx, { state, before }) => noun.save(tx, state, before),
    outbound: (event, { state }) => {
      const told = noun.outbound?.(event, state) ?? [];
      for (const { definition } of told)
        if (!topics.includes(definition.topic))
          throw new Error(`${noun.noun} tells ${definition.type} on ${definition.topic}, which it does not produce`);
      return told;
    },
    ...(noun.dues ? { dues: (event, { state }) => noun.dues?.(event, state) ?? [] } : {}),
    answer: (command, batch, refusals) => {
      const view = noun.view[command.body.type as Body['type']] as
        ((given: Body, state: State, by: By, refusals: readonly EntryRefusal[]) => Viewed<unknown>) | undefined;
      return { ok: true, ...(view?.(command.body, batch.state, byIn(command, batch), refusals) ?? { body: undefined }) };
    },
    subject: (command, { state }) => noun.record(command.body, state),
  };
};

/** Maps are copied, for evolving replaces their records; the records themselves are never changed. */
const copied = <State extends object>(state: State): State =>
  Object.fromEntries(Object.entries(state).map(([member, value]) => [member, value instanceof Map ? new Map(value) : value])) as State;

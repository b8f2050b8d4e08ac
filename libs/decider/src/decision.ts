/**
 * What a domain answers: the facts that follow from a command, or the reason why nothing follows.
 * An expected negative answer that others wait for ("no seat left") is an accepted decision with its own event, not a refusal.
 */
export type Decision<Event> = Accepted<Event> | Refused;

export interface Accepted<Event> {
  readonly accepted: true;
  /** In the order they happened. Empty means: already so, nothing to record. */
  readonly events: readonly Event[];
  /** Entries of the command that nothing followed from, while the others were accepted. */
  readonly refusals?: readonly EntryRefusal[];
}

/** Why one entry of a command with many, such as a grid of marks, changed nothing. */
export interface EntryRefusal extends Omit<Refused, 'accepted'> {
  /** Which one: its place in the request from 0, or its key. */
  readonly entry: number | string;
}

export interface Refused {
  readonly accepted: false;
  /** A code of the owning service's problem catalog, such as `category-unknown`. */
  readonly code: string;
  /** The member of the request that has to be mended, as a path such as `items.3.unitId`. */
  readonly field?: string;
  /** Ids, codes and numbers that the message of the code mentions; never a name or an identity number. */
  readonly params?: Readonly<Record<string, string | number>>;
}

export const accept = <Event>(...events: readonly Event[]): Accepted<Event> => ({ accepted: true, events });

/** Many answers in one command: each entry was accepted with its events or has a refusal, and none costs another one anything. All refused: nothing happened. */
export const acceptEach = <Event>(events: readonly Event[], refusals: readonly EntryRefusal[]): Accepted<Event> => ({
  accepted: true,
  events,
  refusals,
});

/** Says no under one of `Code`. */
export type Refuses<Code extends string> = (code: Code, details?: Omit<Refused, 'accepted' | 'code'>) => Refused;

/** The `refuse` of one service, typed by its catalog: `refuseBy<keyof typeof refusals>()`. A code that the catalog lacks does not compile, so no caller meets one without words. */
export const refuseBy =
  <Code extends string>(): Refuses<Code> =>
  (code, details = {}) => ({ accepted: false, code, ...details });

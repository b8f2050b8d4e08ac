import type { EntryRefusal } from '@khue/decider/decision';
import { together } from './database.ts';
import { recorded, writeAudit, type AuditEntry } from './audit.ts';
import type { Aggregate, Answer, Command, DueChange, Tx } from './command.ts';
import { dueKey, writeDues } from './due.ts';
import { enqueue, type Enqueued } from './outbox.ts';

/** One row of the audit for a whole batch: a chunk of an import keeps counts, not a thousand records. */
export interface AuditOnce {
  /** By whom, under which grant, on whose cause; its `type` names what was done. */
  readonly command: Command<{ readonly type: string }>;
  readonly subject: string;
  readonly counts: (answers: readonly Answer[]) => Readonly<Record<string, number>>;
}

/** What of a batch the audit keeps: each command with its record before and after, or one row for all. */
export type AuditMode = 'each' | AuditOnce;

/**
 * Load, decide in order, save, audit, enqueue: the part of the flush that HTTP, the bus and imports share. The caller owns the transaction.
 * An answer for each command, in order. A command that makes `decide` throw is answered `internal-error` and changes nothing for its neighbors.
 */
export const applyBatch = async <Body, State, Event>(
  tx: Tx,
  aggregate: Aggregate<Body, State, Event>,
  commands: readonly Command<Body>[],
  {
    audit = 'each',
    onBug,
    decided = async () => undefined,
  }: {
    readonly audit?: AuditMode;
    /** Told what `decide` threw, which is in no answer: to be logged. To throw here gives the whole batch up. */
    readonly onBug: (error: unknown, command: Command<Body>) => void;
    /** What else is written with the audit and the events, once all is decided. */
    readonly decided?: (answers: readonly Answer[]) => Promise<void>;
  },
): Promise<Answer[]> => {
  if (commands.length === 0) return [];
  const state = await aggregate.load(tx, commands);
  const enqueued: Enqueued[] = [];
  const audited: AuditEntry[] = [];
  const dues = new Map<string, DueChange>();
  const answers = commands.map((command): Answer => {
    const decision = decideOne(aggregate, command, state, onBug);
    if (!('events' in decision)) return decision;
    const { events, refusals } = decision;
    // The record goes on evolving in memory; the audit wants it as it was, and as JSON anyway.
    const before = audit === 'each' ? recorded(aggregate.subject(command, state).record) : null;
    for (const event of events) {
      aggregate.evolve(state, event);
      for (const outgoing of aggregate.outbound(event, state)) enqueued.push({ event: outgoing, command });
      for (const change of aggregate.dues?.(event, state) ?? []) dues.set(dueKey(change), change);
    }
    if (audit === 'each' && events.length > 0) {
      const { id, record } = aggregate.subject(command, state);
      audited.push({ command, subject: id, before, after: recorded(record), refused: refusals.map(({ code }) => code) });
    }
    return aggregate.answer(command, state, refusals);
  });
  if (audit !== 'each') audited.push({ command: audit.command, subject: audit.subject, before: null, after: recorded(audit.counts(answers)) });
  const changed = enqueued.length > 0 || answers.some((answer) => answer.ok);
  const save = async (): Promise<unknown> => changed && aggregate.save(tx, state);
  // Rows of a chunk go ahead, and while the server writes them their events are worded here.
  const ahead = audit === 'each' ? undefined : save();
  // One write to the server for all else, so that the rows are held for one turn less. The rows that events are about are locked since `load`.
  await together(tx, () => [ahead ?? save(), writeAudit(tx, audited), enqueue(tx, enqueued), writeDues(tx, dues), decided(answers)]);
  return answers;
};

const decideOne = <Body, State, Event>(
  aggregate: Aggregate<Body, State, Event>,
  command: Command<Body>,
  state: State,
  onBug: (error: unknown, command: Command<Body>) => void,
): Answer | { readonly events: readonly Event[]; readonly refusals: readonly EntryRefusal[] } => {
  try {
    const decision = aggregate.decide(command, state);
    // Whose record does not exist for the caller has no version for them either.
    const isHidden = !decision.accepted && decision.code === 'not-found';
    if (command.ifMatch !== undefined && !isHidden) {
      const { version } = aggregate.subject(command, state);
      if (version !== undefined && version !== command.ifMatch) return { ok: false, code: 'version-stale', params: { version } };
    }
    if (decision.accepted) return { events: decision.events, refusals: decision.refusals ?? [] };
    const { accepted: _, ...refusal } = decision;
    return { ok: false, ...refusal };
  } catch (error) {
    onBug(error, command);
    return { ok: false, code: 'internal-error' };
  }
};

import { todayIn } from '@khue/contracts/dates';
import { isOnItsWay } from '@khue/contracts/problems';
import type { Pool } from 'pg';
import { applyBatch } from './apply.ts';
import { writeAudit } from './audit.ts';
import type { Aggregate, Answer, Command, DueChange, Tx } from './command.ts';
import { byKeys, inTransaction, together } from './database.ts';
import { countTries, deleteDues, dueKey, lockDues, postponeDues, type DueRow, type DueTries } from './due.ts';
import { failureCode } from './handler.ts';
import { newId } from './new-id.ts';

/** How a due row of one kind becomes the body of a command. */
export type DueCommand<Body> = (row: DueRow) => Body;

/** Kinds of due rows that one noun answers for. */
export interface Firing {
  readonly kinds: readonly string[];
  /**
   * Fires rows as commands, in their order, in one transaction with their deletion: so whatever dies, each has its effect once. What a command is refused is its
   * answer. Rows whose command throws are counted in the same transaction, and their neighbors' effects stand. Throws, with nothing written, what `applyBatch` throws.
   */
  fire(options: FireOptions, rows: readonly DueRow[]): Promise<void>;
}

/** The kinds of a noun, each with how its rows become commands; `committed` is called after each commit that may have written events. */
export const firing = <Body, State, Event>(
  aggregate: Aggregate<Body, State, Event>,
  kinds: Readonly<Record<string, DueCommand<Body>>>,
  committed: () => void = () => undefined,
): Firing => ({
  kinds: Object.keys(kinds),
  fire: async (options, rows) => {
    await fireDues(options, aggregate, kinds, rows);
    committed();
  },
});

export interface FireOptions {
  readonly pool: Pool;
  readonly service: string;
  readonly tries: DueTries;
  readonly lockMs: number;
  /** Until a row is looked at again whose command needs what is on its way. */
  readonly awaitMs: number;
  readonly onError: (error: unknown) => void;
}

/** Whose body could not even be made is told apart from the others before the transaction. */
const dueCommands = <Body>(
  service: string,
  kinds: Readonly<Record<string, DueCommand<Body>>>,
  rows: readonly DueRow[],
): { readonly commands: ReadonlyMap<Command<Body>, DueRow>; readonly broken: ReadonlyMap<DueRow, unknown> } => {
  const commands = new Map<Command<Body>, DueRow>();
  const broken = new Map<DueRow, unknown>();
  for (const row of rows) {
    const id = newId();
    try {
      const body = (kinds[row.kind] as DueCommand<Body>)(row);
      const today = todayIn(new Date(row.at));
      commands.set({ id, body, actor: `service:${service}`, now: row.at, today, correlationId: newId(), causationId: id }, row);
    } catch (error) {
      broken.set(row, error);
    }
  }
  return { commands, broken };
};

/** Not fired by this transaction: gone or moved meanwhile, or something earlier is due now. Never leaves this file. */
const leftAlone = 'due-left-alone';

const fireDues = async <Body, State, Event>(
  { pool, service, tries, lockMs, awaitMs, onError }: FireOptions,
  aggregate: Aggregate<Body, State, Event>,
  kinds: Readonly<Record<string, DueCommand<Body>>>,
  rows: readonly DueRow[],
): Promise<void> => {
  const { commands, broken } = dueCommands(service, kinds, rows);
  const thrown = new Map(broken);
  await inTransaction(
    pool,
    async (tx) => {
      const turn = inTurn(aggregate, commands);
      const settle = async (answers: readonly Answer[]): Promise<void> => {
        const told = [...commands].map(([command, row], place) => ({ command, row, answer: answers[place] as Answer }));
        const refused = told.flatMap(({ answer, ...one }) =>
          answer.ok || answer.code === leftAlone || thrown.has(one.row) ? [] : [{ ...one, code: answer.code }],
        );
        const awaiting = refused.filter(({ code }) => isOnItsWay(code)).map(({ row }) => row);
        const stay = new Set([...thrown.keys(), ...awaiting]);
        // What a command has set anew or cancelled by itself is written already.
        const fired = told
          .filter(({ row, answer }) => (answer.ok || answer.code !== leftAlone) && !stay.has(row) && !turn.changed.has(dueKey(row)))
          .map(({ row }) => row);
        const entries = refused
          .filter(({ row }) => !stay.has(row))
          .map(({ command, row, code }) => ({ command, subject: row.subject, before: null, after: null, refused: [code] }));
        const failures = [...thrown].map(([row, error]) => ({ row, reason: failureCode(error) }));
        const [gone] = await together(tx, () => [
          deleteDues(tx, fired),
          writeAudit(tx, entries),
          postponeDues(tx, awaiting, awaitMs),
          countTries(tx, failures, tries),
        ]);
        if (gone !== fired.length) throw new Error(`${fired.length} due rows fired and ${gone} deleted`);
      };
      const onBug = (error: unknown, command: Command): void => void thrown.set(commands.get(command as Command<Body>) as DueRow, error);
      if (commands.size > 0) await applyBatch(tx, turn.aggregate, [...commands.keys()], { onBug, decided: settle });
      else await settle([]);
    },
    `${byKeys}; set local lock_timeout = ${lockMs}`,
  );
  for (const error of thrown.values()) onError(error);
};

/**
 * The noun as its due rows see it. Its own rows are locked first, as every command of it does, then those of the table. A row that has gone or moved does nothing; and
 * once a command of the batch has set something for an earlier instant than the rows behind it, these are left for the next batch, which has it before them.
 */
const inTurn = <Body, State, Event>(aggregate: Aggregate<Body, State, Event>, commands: ReadonlyMap<Command<Body>, DueRow>) => {
  const changed = new Map<string, DueChange>();
  let standing: ReadonlySet<string> = new Set();
  let current: DueRow | undefined;
  const overtaken = (row: DueRow): boolean => [...changed.values()].some((change) => change.at !== null && isBefore(change, row));
  const turned: Aggregate<Body, State, Event> = {
    ...aggregate,
    load: async (tx: Tx, all) => {
      const state = await aggregate.load(tx, all);
      standing = await lockDues(tx, [...commands.values()]);
      return state;
    },
    decide: (command, state) => {
      const row = commands.get(command) as DueRow;
      current = row;
      const key = dueKey(row);
      if (!standing.has(key) || changed.has(key) || overtaken(row)) return { accepted: false, code: leftAlone };
      return aggregate.decide(command, state);
    },
    dues: (event, state) => {
      const changes = aggregate.dues?.(event, state) ?? [];
      for (const change of changes) {
        if (current && change.at !== null && dueKey(change) === dueKey(current) && instantOf(change.at) <= instantOf(current.at))
          throw new Error(`a ${change.kind} sets itself for an instant that has passed: it would fire for ever`);
        changed.set(dueKey(change), change);
      }
      return changes;
    },
  };
  return { aggregate: turned, changed };
};

const instantOf = (at: string): number => Date.parse(at);

const isBefore = (change: Extract<DueChange, { at: string }>, row: DueRow): boolean => {
  const [set, due] = [instantOf(change.at), instantOf(row.at)];
  return set < due || (set === due && JSON.stringify([change.kind, change.subject]) < JSON.stringify([row.kind, row.subject]));
};

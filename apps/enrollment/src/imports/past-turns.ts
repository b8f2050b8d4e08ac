import { todayIn } from '@khue/contracts/dates';
import { identityRef } from '@khue/host/identity-ref';
import type { Host } from '@khue/host/host';
import type { Unit, UnitTable } from '@khue/contracts/units';
import type { ImportJob, ImportKind, Outcome, RowToApply } from '@khue/imports/import-kind';
import type { CellError } from '@khue/imports/layout';
import { recorded, writeAudit } from '@khue/messaging/audit';
import type { Command, Tx } from '@khue/messaging/command';
import { together } from '@khue/messaging/database';
import { enqueue } from '@khue/messaging/outbox';
import { v7 as uuidv7 } from 'uuid';
import {
  contradiction,
  claimOf,
  turnContradiction,
  withoutTurns,
  withTurns,
  type ClassClaim,
  type PastClass,
  type PastEvent,
  type PastTurn,
  type PlannedTurn,
} from '../domain/past-turns.ts';
import { tellPast } from '../outbound.ts';
import * as store from '../store/past-turns.ts';
import { cellErrors, classContradicted, turnContradicted } from './cell-errors.ts';
import { judgeTurns } from './judge.ts';
import { layout, type PastTurnRow } from './past-turns-layout.ts';

/** Files whose classes are remembered while they are planned; more are never planned at once. */
const rememberedFiles = 4;

/**
 * The door for class lists of past years: `RecordPastTurn`, with no seat and no check of eligibility. A chunk is some ten statements whatever its size; the
 * claims of class and turn are the unique indexes', under the locks of the classes.
 */
export const pastTurnImport = ({ directory, config }: Pick<Host, 'directory' | 'config'>): ImportKind<PastTurnRow, PlannedTurn> => {
  const planned = new Map<string, Map<string, ClassClaim>>();
  const codes = new WeakMap<UnitTable, ReadonlyMap<string, Unit>>();
  const byCode = (table: UnitTable): ReadonlyMap<string, Unit> => {
    let known = codes.get(table);
    if (!known) codes.set(table, (known = new Map([...table.units.values()].map((unit) => [unit.code, unit]))));
    return known;
  };
  const plannedOf = (importId: string): Map<string, ClassClaim> => {
    let claims = planned.get(importId);
    if (!claims) planned.set(importId, (claims = new Map()));
    for (const oldest of planned.keys()) if (planned.size > rememberedFiles) planned.delete(oldest);
    return claims;
  };
  return {
    kind: 'past-turns',
    layout,
    layoutModule: new URL('./past-turns-layout.ts', import.meta.url),
    judge: (rows, tx, job) => {
      const units = directory.units();
      return judgeTurns(rows, tx, {
        units,
        byCode: byCode(units),
        grants: directory.grantsOf(job.actor),
        today: todayIn(new Date()),
        identityRef: (number) => identityRef(config.identityKey, number),
        planned: plannedOf(job.id),
      });
    },
    apply: (rows, tx, job) => recordTurns(rows, tx, job),
    revoke: (rows, tx, job) =>
      takeBackTurns(
        rows.map(({ id }) => id),
        tx,
        job,
      ),
  };
};

interface Recording {
  readonly turn: PastTurn;
  readonly rowNo: number;
  readonly code: string;
}

const recordTurns = async (rows: readonly RowToApply<PlannedTurn>[], tx: Tx, job: ImportJob): Promise<Outcome[]> => {
  const first = new Map<string, PlannedTurn>();
  for (const { value } of rows) if (!first.has(value.classCode)) first.set(value.classCode, value);
  const classes = await store.lockClasses(tx, first, job.id);
  const persons = await store.standingPersons(tx, [...new Set(rows.map(({ value }) => value.personId))]);
  const outcomes: Outcome[] = [];
  const reject = (rowNo: number, error: CellError): void => void outcomes.push({ rowNo, outcome: 'rejected', errors: [error] });
  const firsts: Recording[] = [];
  const rest: Recording[] = [];
  const repeats: Recording[] = [];
  const pairs = new Set<string>();
  for (const { id, rowNo, value } of rows) {
    const past = need(classes.get(value.classCode));
    const personId = persons.get(value.personId);
    // A class that was not told of yet is what its first row says.
    const otherwise = contradiction(value, past.revoked ? claimOf(need(first.get(value.classCode))) : past);
    if (personId === undefined) reject(rowNo, cellErrors.personUnknown);
    else if (otherwise) reject(rowNo, classContradicted(otherwise));
    else {
      const turn = { id, classId: past.id, personId, unitId: value.unitId, documentNo: value.documentNo, sequence: 1 };
      const pair = `${past.id} ${personId}`;
      // Two rows may have become one person's since the plan, by a merge.
      (past.sequence > 0 ? rest : pairs.has(pair) ? repeats : firsts).push({ turn, rowNo, code: value.classCode });
      pairs.add(pair);
    }
  }
  // Sent one behind the other: while the database writes the many first turns, what to tell of them is worded here.
  const added = store.insertTurns(tx, turnsOf(rest), job.id);
  const inserted = store.insertFirstTurns(tx, turnsOf(firsts), job.id);
  const repeated = store.insertTurns(tx, turnsOf(repeats), job.id);
  const tell = async (): Promise<void> => {
    const [ofRest, ofRepeats] = await Promise.all([added, repeated]);
    const isNew = ({ turn }: Recording): boolean => ofRest.has(turn.id) || ofRepeats.has(turn.id);
    const recorded = [...firsts, ...[...rest, ...repeats].filter(isNew)];
    const others = [...rest, ...repeats].filter((recording) => !isNew(recording));
    if (others.length > 0) {
      const known = await store.knownTurns(tx, turnsOf(others));
      const revoked = await store.revokedTurns(
        tx,
        others.map(({ turn }) => turn.id),
      );
      const again: PastTurn[] = [];
      for (const { turn, rowNo, code } of others) {
        const twin = known(turn.classId, turn.personId);
        const told = revoked.get(turn.id);
        const differs = twin && turnContradiction(turn, twin);
        if (differs) reject(rowNo, turnContradicted(differs));
        else if (twin || told === undefined) outcomes.push({ rowNo, outcome: 'unchanged' });
        else {
          again.push(turn);
          recorded.push({ turn: { ...turn, sequence: told + 1 }, rowNo, code });
        }
      }
      await store.reviveTurns(tx, again, job.id);
    }
    const changed = [...Map.groupBy(recorded, ({ code }) => code)].map(([code, its]) =>
      withTurns(need(classes.get(code)), need(first.get(code)), its.length),
    );
    await tellAll(tx, job, changed, turnsOf(recorded), 'Recorded', { rejected: rows.length - recorded.length });
  };
  await settledBoth(inserted, tell());
  return outcomes;
};

const turnsOf = (recordings: readonly Recording[]): PastTurn[] => recordings.map(({ turn }) => turn);

/** What fails because a statement before it has failed. */
const transactionAborted = '25P02';

/**
 * Waits for both, also when one has failed: the rollback that follows must not overtake statements the other still sends. Throws what failed first, and not what
 * failed because of it.
 */
const settledBoth = async (...both: readonly [Promise<void>, Promise<void>]): Promise<void> => {
  const failures = (await Promise.allSettled(both)).filter((each) => each.status === 'rejected').map(({ reason }) => reason as { code?: unknown });
  if (failures.length > 0) throw failures.find(({ code }) => code !== transactionAborted) ?? failures[0];
};

const takeBackTurns = async (ids: readonly string[], tx: Tx, job: ImportJob): Promise<void> => {
  const classes = await store.lockClassesOf(tx, ids);
  const turns = await store.revokeTurns(tx, ids, job.id);
  const changed = [...Map.groupBy(turns, ({ classId }) => classId)].map(([classId, its]) => withoutTurns(need(classes.get(classId)), its.length));
  await tellAll(tx, job, changed, turns, 'Revoked', {});
};

/** Saves the classes, tells of them and of the turns, and keeps one audit row for the chunk. A class is told of before its turns and taken back after them. */
const tellAll = async (
  tx: Tx,
  job: ImportJob,
  classes: readonly { readonly past: PastClass; readonly told: boolean }[],
  turns: readonly PastTurn[],
  what: 'Recorded' | 'Revoked',
  counts: Record<string, number>,
): Promise<void> => {
  const command = envelopeOf(job, what === 'Recorded' ? 'RecordPastTurns' : 'RevokePastTurns');
  const toldOf = classes.filter(({ told }) => told);
  const after = { turns: turns.length, classes: toldOf.length, ...counts };
  const ofClasses = toldOf.map(({ past }): PastEvent => ({ type: `PastClass${what}`, past, importId: job.id }));
  const ofTurns = turns.map((turn): PastEvent => ({ type: `Turn${what}`, turn, importId: job.id }));
  const events = what === 'Recorded' ? [...ofClasses, ...ofTurns] : [...ofTurns, ...ofClasses];
  await together(tx, () => [
    store.saveClasses(
      tx,
      classes.map(({ past }) => past),
      job.id,
    ),
    writeAudit(tx, [{ command, subject: job.id, before: null, after: recorded(after) }]),
    enqueue(
      tx,
      events.map((event) => ({ event: tellPast(event), command })),
    ),
  ]);
};

const envelopeOf = ({ actor, context }: ImportJob, type: string): Command => {
  const id = uuidv7();
  const now = new Date();
  const { correlationId = id, grantId, traceparent } = context;
  return {
    id,
    body: { type },
    actor,
    now: now.toISOString(),
    today: todayIn(now),
    correlationId,
    causationId: id,
    ...(grantId === undefined ? {} : { grantId }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};

const need = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('a row of the chunk has no class');
  return value;
};

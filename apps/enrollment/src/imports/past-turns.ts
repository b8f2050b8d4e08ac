import { enrollmentFacts } from '@khue/contracts/events/enrollment';
import { todayIn } from '@khue/contracts/dates';
import type { Unit, UnitTable } from '@khue/contracts/units';
import { bound } from '@khue/host/aggregate';
import type { Host } from '@khue/host/host';
import { identityRef } from '@khue/host/identity-ref';
import { applyChunk } from '@khue/imports/apply-chunk';
import type { ImportKind, Outcome } from '@khue/imports/import-kind';
import type { Answer } from '@khue/messaging/command';
import { pastTurns } from '../commands.ts';
import type { ClassClaim, PlannedTurn } from '../domain/past-turns.ts';
import { cellErrorOf } from './cell-errors.ts';
import { judgeTurns } from './judge.ts';
import { layout, type PastTurnRow } from './past-turns-layout.ts';

/** Files whose classes are remembered while they are planned; more are never planned at once. */
const rememberedFiles = 4;

/** The door for class lists of past years. A row becomes a command that the same rules decide as have planned it; a chunk is some ten statements whatever its size. */
export const pastTurnImport = ({ directory, config, now }: Pick<Host, 'directory' | 'config' | 'now'>): ImportKind<PastTurnRow, PlannedTurn> => {
  const aggregate = bound(pastTurns, directory, [enrollmentFacts]);
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
        today: todayIn(now()),
        identityRef: (number) => identityRef(config.identityKey, number),
        planned: plannedOf(job.id),
      });
    },
    apply: async (rows, tx, job) => {
      const answers = await applyChunk(tx, job, aggregate, {
        bodies: rows.map(({ id, value }) => ({ type: 'RecordPastTurn', turnId: id, importId: job.id, turn: value })),
        now: now(),
        what: 'RecordPastTurns',
        counts,
      });
      return answers.flatMap((answer, place): Outcome[] => {
        const rowNo = rows[place]?.rowNo ?? 0;
        if (!answer.ok) return [{ rowNo, outcome: 'rejected', errors: [cellErrorOf(answer)] }];
        return isDone(answer) ? [] : [{ rowNo, outcome: 'unchanged' }];
      });
    },
    revoke: async (rows, tx, job) => {
      await applyChunk(tx, job, aggregate, {
        bodies: rows.map(({ id }) => ({ type: 'TakeBackPastTurn', turnId: id, importId: job.id })),
        now: now(),
        what: 'RevokePastTurns',
        counts: (answers) => ({ turns: answers.filter(isDone).length }),
      });
    },
  };
};

const isDone = (answer: Answer): boolean => answer.ok && (answer.body as { readonly done: boolean }).done;

const counts = (answers: readonly Answer[]): Record<string, number> => {
  const turns = answers.filter(isDone).length;
  const rejected = answers.filter(({ ok }) => !ok).length;
  return { turns, rejected, unchanged: answers.length - turns - rejected };
};

import type { DataOf, EventDefinition, Received } from '@khue/contracts/envelope';
import { enrollmentWithdrawn, learnerAdmitted, seatRequested } from '@khue/contracts/events/enrollment';
import { commandFromEvent } from '@khue/host/inbound';
import { applyBatch } from '@khue/messaging/apply';
import type { Command, Tx } from '@khue/messaging/command';
import type { LedgerAggregate } from './commands.ts';
import type { LedgerCommand } from './domain/ledger.ts';

const on = <D extends EventDefinition>(definition: D, toCommand: (data: DataOf<D>, at: string) => LedgerCommand) => ({
  definition,
  toCommand: toCommand as (data: never, at: string) => LedgerCommand,
});

/** What quota does when enrollment speaks. */
const table = [
  on(seatRequested, ({ enrollmentId, unitId, year, programCode }, at) => ({ type: 'AllocateSeat', enrollmentId, unitId, year, programCode, at })),
  on(learnerAdmitted, ({ enrollmentId }, at) => ({ type: 'ConfirmSeat', enrollmentId, at })),
  on(enrollmentWithdrawn, ({ enrollmentId }, at) => ({ type: 'ReleaseSeat', enrollmentId, reason: 'withdrawn', at })),
];

const byType = new Map(table.map((entry) => [entry.definition.type as string, entry]));
export const known = table.map(({ definition }) => definition);

/** Applies events as commands, all in the transaction of the watermark. */
export const createInbound =
  (ledger: LedgerAggregate, now: () => Date) =>
  async (tx: Tx, events: readonly Received[]): Promise<void> => {
    const commands = events.flatMap((event): Command<LedgerCommand>[] => {
      const entry = byType.get(event.type);
      if (!entry) return [];
      const command = commandFromEvent('quota', event, undefined as unknown as LedgerCommand, now());
      return [{ ...command, body: entry.toCommand(event.data as never, command.now) }];
    });
    const answers = await applyBatch(tx, ledger, commands, {
      onBug: (error) => {
        throw error;
      },
    });
    for (const answer of answers) {
      if (answer.ok) continue;
      // The unit is on its way through the directory's own group: the same event passes in a moment.
      if (answer.code === 'unit-not-known-yet') throw Object.assign(new Error(answer.code), { code: '40001' });
      throw new Error(answer.code);
    }
  };

import type { Host } from '@khue/host/host';
import type { Aggregate, Command } from '@khue/messaging/command';
import type { Context } from './domain/context.ts';
import { apportion } from './domain/apportionment.ts';
import type { LedgerEvent } from './domain/events.ts';
import { decide, evolve, type LedgerCommand } from './domain/ledger.ts';
import type { Account } from './domain/records.ts';
import { outbound } from './outbound.ts';
import { load, save, type Workspace } from './store/ledger.ts';
import { accountView, potView, seatView } from './store/views.ts';

export type LedgerAggregate = Aggregate<LedgerCommand, Workspace, LedgerEvent>;

/** Pots, accounts and seats are one aggregate: a claim touches a seat and its account, a release also the first in the queue. */
export const createCommands = (host: Host) => {
  const contextOf = ({ actor, today }: Command<LedgerCommand>, units = host.directory.units()): Context => ({
    grants: host.directory.grantsOf(actor),
    units,
    today,
    actor,
  });
  const ledger: LedgerAggregate = {
    noun: 'ledger',
    load: (tx, commands) =>
      load(
        tx,
        commands.map(({ body }) => body),
        contextOf(commands[0] as Command<LedgerCommand>),
      ),
    decide: (command, state) => decide(command.body, state.ledger, contextOf(command, state.units)),
    evolve: (state, event) => evolve(state.ledger, event),
    save,
    outbound,
    answer: ({ body }, state) => answerOf(body, state),
    subject: ({ body }, { ledger: { pots, accounts, seats } }) => {
      switch (body.type) {
        case 'OpenPot':
          return { id: body.potId, record: pots.get(body.potId) };
        case 'DividePot':
          return { id: body.accountId, record: accounts.get(body.accountId) };
        default:
          return { id: body.enrollmentId, record: seats.get(body.enrollmentId) };
      }
    },
  };
  return { ledger, handle: host.gather(ledger).handle };
};

export type Handle = ReturnType<typeof createCommands>['handle'];

const answerOf = (command: LedgerCommand, { ledger, positions }: Workspace): ReturnType<LedgerAggregate['answer']> => {
  switch (command.type) {
    case 'OpenPot': {
      const pot = ledger.pots.get(command.potId);
      return { ok: true, status: 201, body: pot && potView(pot), version: pot?.version ?? 1 };
    }
    case 'DividePot': {
      const of = (unitId: string): Account | undefined => ledger.accounts.get(ledger.accountIds.get(`${command.potId}/${unitId}`) ?? '');
      const account = ledger.accounts.get(command.accountId);
      return {
        ok: true,
        status: 201,
        body: {
          potId: command.potId,
          account: account && accountView(account),
          accounts: command.division.shares
            .map(({ unitId }) => of(unitId))
            .filter((child) => child !== undefined)
            .map(accountView),
          working: workingOf(command.division),
        },
      };
    }
    default: {
      const seat = ledger.seats.get(command.enrollmentId);
      return { ok: true, status: 201, body: seat && seatView(seat, positions(seat)), version: seat?.version ?? 1 };
    }
  }
};

const workingOf = (division: Extract<LedgerCommand, { type: 'DividePot' }>['division']): unknown => {
  if (division.by === 'hand') return null;
  const result = apportion(
    division.total,
    division.shares.map(({ unitId, weight }) => ({ key: unitId, weight })),
    division.method,
  );
  return result.accepted ? result.working : null;
};

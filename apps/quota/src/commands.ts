import { aggregateOf } from '@khue/host/aggregate';
import type { Host } from '@khue/host/host';
import { decide, evolve, type LedgerCommand } from './domain/ledger.ts';
import { queuedAt, type Ledger, type Pot, type Seat } from './domain/records.ts';
import { outbound } from './outbound.ts';
import { load, save } from './store/ledger.ts';
import { divisionView, potView, seatView } from './views.ts';

/** Pots, accounts and seats are one aggregate: a claim touches a seat and its account, a release also the first in the queue. */
export const ledger = aggregateOf({
  noun: 'ledger',
  load,
  decide,
  evolve,
  save,
  outbound,
  record: (command: LedgerCommand, { pots, accounts, seats }: Ledger) => {
    switch (command.type) {
      case 'OpenPot':
        return { id: command.potId, record: pots.get(command.potId) };
      case 'DividePot':
        return { id: command.accountId, record: accounts.get(command.accountId) };
      default:
        return { id: command.enrollmentId, record: seats.get(command.enrollmentId) };
    }
  },
  view: {
    OpenPot: ({ potId }, { pots }) => {
      const pot = pots.get(potId) as Pot;
      return { body: potView(pot), version: pot.version };
    },
    DividePot: (command, state) => ({ body: divisionView(command, state) }),
    AllocateSeat: ({ enrollmentId }, state) => {
      const seat = state.seats.get(enrollmentId) as Seat;
      return { body: seatView(seat, queuedAt(state, seat)), version: seat.version };
    },
  },
});

export const createCommands = (host: Host) => ({ ledger: host.gather(ledger) });
export type Commands = ReturnType<typeof createCommands>;

import type { By, Role } from '@khue/contracts/grants';
import { unitTable } from '@khue/contracts/units';
import { by, grant, unit } from '@khue/testing/city';
import type { ByHand, DividePot, OpenPot } from './division.ts';
import type { LedgerEvent } from './events.ts';
import type { LedgerCommand } from './ledger.ts';
import { decide, evolve, initial } from './ledger.ts';
import type { Account, Ledger } from './records.ts';
import type { AllocateSeat, ConfirmSeat, ReleaseSeat } from './seat.ts';

/** The city; districts d1 to d3; communes c11 and c12 of d1, c21 of d2; d9 with c91 ended in 2025, and c21 continues c91. */
export const units = unitTable(
  [
    unit('city', null),
    unit('d1', 'city'),
    unit('d2', 'city'),
    unit('d3', 'city'),
    unit('c11', 'd1'),
    unit('c12', 'd1'),
    unit('c21', 'd2'),
    unit('d9', 'city', '2025-07-01'),
    unit('c91', 'd9', '2025-07-01'),
  ],
  [{ fromUnitId: 'c91', toUnitId: 'c21', on: '2025-07-01' }],
);

export const as = (role: Role, unitId: string): By => by(units, grant(role, unitId));
export const board = as('board', 'city');
export const { today } = board;

export const openPot = (size: number, change: Partial<OpenPot> = {}): OpenPot => ({
  type: 'OpenPot',
  potId: 'pot',
  accountId: 'acc-city',
  year: 2026,
  programCode: 'CC',
  size,
  documentNo: '213-KH/TU',
  rootUnitId: 'city',
  closesOn: null,
  ...change,
});
export const byHand = (changes: Readonly<Record<string, number>>): ByHand => ({
  by: 'hand',
  shares: Object.entries(changes).map(([unitId, change]) => ({ unitId, accountId: `acc-${unitId}`, change })),
});
export const divide = (unitId: string, division: DividePot['division'] | Readonly<Record<string, number>>): DividePot => ({
  type: 'DividePot',
  potId: 'pot',
  accountId: `acc-${unitId}`,
  documentNo: '5-QĐ/BTC',
  division: 'by' in division ? (division as DividePot['division']) : byHand(division as Readonly<Record<string, number>>),
});
export const request = (enrollmentId: string, unitId: string): AllocateSeat => ({
  type: 'AllocateSeat',
  enrollmentId,
  unitId,
  year: 2026,
  programCode: 'CC',
});
export const release = (enrollmentId: string): ReleaseSeat => ({ type: 'ReleaseSeat', enrollmentId, reason: 'withdrawn' });
export const confirm = (enrollmentId: string): ConfirmSeat => ({ type: 'ConfirmSeat', enrollmentId });

/** Decides and applies each command; a refusal is an error of the test. */
export const playIn = (who: By, ledger: Ledger, ...commands: readonly LedgerCommand[]): LedgerEvent[] =>
  commands.flatMap((command) => {
    const decision = decide(command, who, ledger);
    if (!decision.accepted) throw new Error(`${command.type} refused: ${decision.code} ${decision.field ?? ''} ${JSON.stringify(decision.params)}`);
    for (const event of decision.events) evolve(ledger, event);
    return [...decision.events];
  });

export const play = (ledger: Ledger, ...commands: readonly LedgerCommand[]): LedgerEvent[] => playIn(board, ledger, ...commands);

export const played = (...commands: readonly LedgerCommand[]): Ledger => {
  const ledger = initial();
  play(ledger, ...commands);
  return ledger;
};

export const account = (ledger: Ledger, unitId: string): Account => {
  const found = ledger.accounts.get(`acc-${unitId}`);
  if (!found) throw new Error(`no account of ${unitId}`);
  return found;
};

/** What happened to seats, in short: `e1 held at d1`. */
export const told = (events: readonly LedgerEvent[]): string[] =>
  events.map((event) => {
    if (event.type === 'SeatHeld') return `${event.enrollmentId} ${event.cause === 'promoted' ? 'promoted' : 'held'} at ${event.accountId.slice(4)}`;
    if (event.type === 'SeatQueued') return `${event.enrollmentId} queued ${event.position} at ${event.accountId.slice(4)}`;
    if (event.type === 'SeatRefused') return `${event.enrollmentId} refused: ${event.reason}`;
    if (event.type === 'SeatReleased') return `${event.enrollmentId} released, was ${event.was}`;
    if (event.type === 'SeatConfirmed') return `${event.enrollmentId} confirmed`;
    return event.type === 'AccountAllotted' ? `${event.unitId} ${event.change < 0 ? '' : '+'}${event.change} = ${event.allotted}` : event.type;
  });

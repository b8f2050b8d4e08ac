import type { By } from '@khue/contracts/grants';
import type { Decision } from '@khue/decider/decision';
import type { DividePot, OpenPot } from './division.ts';
import { dividePot, openPot } from './division.ts';
import type { AccountAllotted, LedgerEvent, PotOpened, SeatHeld, SeatQueued } from './events.ts';
import type { Account, Because, Ledger, Pot, Seat } from './records.ts';
import { accountKey, potKey } from './records.ts';
import type { AllocateSeat, ConfirmSeat, ReleaseSeat } from './seat.ts';
import { allocateSeat, confirmSeat, releaseSeat } from './seat.ts';

export type LedgerCommand = OpenPot | DividePot | AllocateSeat | ReleaseSeat | ConfirmSeat;

/** What a batch loads before it decides. */
export interface Loaded {
  /** By id or by year and program, whichever a command names. */
  readonly pots?: Iterable<Pot>;
  /**
   * For a request the nearest account on the unit's `pathUp`, looked up again once it is locked: a division may have made a nearer one
   * meanwhile. For a division the account, those above it, and all on the `pathUp` of the units named. For a seat, where it stands.
   */
  readonly accounts?: Iterable<Account>;
  /** Those of the enrollments named. */
  readonly seats?: Iterable<Seat>;
  /**
   * Seats at the head of queues, each account's in the order of their queue numbers. As many as the batch has releases are enough, for a
   * release promotes one or takes one out; for an account that is divided or named in a division, the whole queue.
   */
  readonly waiting?: Iterable<Seat>;
}

const addPot = (ledger: Ledger, pot: Pot): void => {
  ledger.pots.set(pot.id, pot);
  ledger.potIds.set(potKey(pot.year, pot.programCode), pot.id);
};

const setAccount = (ledger: Ledger, account: Account): void => {
  ledger.accounts.set(account.id, account);
  ledger.accountIds.set(accountKey(account.potId, account.unitId), account.id);
};

export const initial = (loaded: Loaded = {}): Ledger => {
  const ledger: Ledger = { pots: new Map(), accounts: new Map(), seats: new Map(), queues: new Map(), potIds: new Map(), accountIds: new Map() };
  for (const pot of loaded.pots ?? []) addPot(ledger, pot);
  for (const account of loaded.accounts ?? []) setAccount(ledger, account);
  for (const seat of loaded.seats ?? []) ledger.seats.set(seat.enrollmentId, seat);
  for (const seat of loaded.waiting ?? []) {
    ledger.seats.set(seat.enrollmentId, seat);
    queueOf(ledger, seat.accountId ?? '').push(seat.enrollmentId);
  }
  return ledger;
};

export const decide = (command: LedgerCommand, by: By, ledger: Ledger): Decision<LedgerEvent> => {
  switch (command.type) {
    case 'OpenPot':
      return openPot(command, by, ledger);
    case 'DividePot':
      return dividePot(command, by, ledger);
    case 'AllocateSeat':
      return allocateSeat(command, by, ledger);
    case 'ReleaseSeat':
      return releaseSeat(command, by, ledger);
    case 'ConfirmSeat':
      return confirmSeat(command, by, ledger);
  }
};

const queueOf = (ledger: Ledger, accountId: string): string[] => {
  const queue = ledger.queues.get(accountId) ?? [];
  ledger.queues.set(accountId, queue);
  return queue;
};

const changeAccount = (ledger: Ledger, id: string | null, change: (account: Account) => Partial<Account>): void => {
  const account = id === null ? undefined : ledger.accounts.get(id);
  // An event about an account that the batch didn't load would lose its count.
  if (!account) throw new Error(`account ${id} is not loaded`);
  ledger.accounts.set(account.id, { ...account, ...change(account) });
};

const opened = (ledger: Ledger, event: PotOpened): void => {
  const { potId: id, year, programCode, size, documentNo, rootUnitId, closesOn, version } = event;
  addPot(ledger, { id, year, programCode, size, documentNo, rootUnitId, closesOn, version });
};

const allotted = (ledger: Ledger, event: AccountAllotted): void => {
  const { accountId: id, potId, unitId, parentAccountId, version } = event;
  const account = ledger.accounts.get(id) ?? {
    id,
    potId,
    unitId,
    parentAccountId,
    passedOn: 0,
    held: 0,
    confirmed: 0,
    queueLength: 0,
    nextQueueNo: 1,
  };
  setAccount(ledger, { ...account, allotted: event.allotted, version });
  if (parentAccountId !== null) changeAccount(ledger, parentAccountId, (parent) => ({ passedOn: parent.passedOn + event.change }));
};

/** Takes the seat off the count that it stands in. */
const leave = (ledger: Ledger, seat: Seat | undefined): void => {
  if (seat?.state === 'held') changeAccount(ledger, seat.accountId, (account) => ({ held: account.held - 1 }));
  if (seat?.state === 'confirmed') changeAccount(ledger, seat.accountId, (account) => ({ confirmed: account.confirmed - 1 }));
  if (seat?.state !== 'queued') return;
  changeAccount(ledger, seat.accountId, (account) => ({ queueLength: account.queueLength - 1 }));
  const queue = queueOf(ledger, seat.accountId ?? '');
  const at = queue.indexOf(seat.enrollmentId);
  if (at >= 0) queue.splice(at, 1);
};

const setSeat = (
  ledger: Ledger,
  event: Exclude<LedgerEvent, PotOpened | AccountAllotted>,
  step: Because['event'],
  change: Partial<Seat> & Pick<Seat, 'state'>,
): void => {
  const { enrollmentId, version, at } = event;
  const seat = ledger.seats.get(enrollmentId) ?? { unitId: null, year: null, programCode: null, potId: null, accountId: null, because: [] };
  ledger.seats.set(enrollmentId, {
    ...seat,
    reason: null,
    queueNo: null,
    ...change,
    enrollmentId,
    version,
    because: [...seat.because, { event: step, at }],
  });
};

const asked = ({ unitId, year, programCode }: { unitId: string; year: number; programCode: string }) => ({ unitId, year, programCode });
const placed = (event: SeatHeld | SeatQueued) => ({ ...asked(event), potId: event.potId, accountId: event.accountId });

const queued = (ledger: Ledger, event: SeatQueued): void => {
  const { accountId, enrollmentId, queueNo } = event;
  const queue = queueOf(ledger, accountId);
  // Behind a tail that isn't loaded it would stand too far in front.
  if (queue.length === ledger.accounts.get(accountId)?.queueLength) queue.push(enrollmentId);
  changeAccount(ledger, accountId, (account) => ({ queueLength: account.queueLength + 1, nextQueueNo: queueNo + 1 }));
  setSeat(ledger, event, 'seat-queued', { ...placed(event), state: 'queued', queueNo });
};

/** Applies one event to the workspace, in place: a batch of a thousand commands doesn't copy its ledger a thousand times. */
export const evolve = (ledger: Ledger, event: LedgerEvent): void => {
  switch (event.type) {
    case 'PotOpened':
      return opened(ledger, event);
    case 'AccountAllotted':
      return allotted(ledger, event);
    case 'SeatHeld':
      leave(ledger, ledger.seats.get(event.enrollmentId));
      changeAccount(ledger, event.accountId, (account) => ({ held: account.held + 1 }));
      return setSeat(ledger, event, event.cause === 'promoted' ? 'seat-promoted' : 'seat-held', { ...placed(event), state: 'held' });
    case 'SeatQueued':
      leave(ledger, ledger.seats.get(event.enrollmentId));
      return queued(ledger, event);
    case 'SeatRefused':
      return setSeat(ledger, event, 'seat-refused', { ...asked(event), state: 'refused', reason: event.reason });
    case 'SeatReleased':
      leave(ledger, ledger.seats.get(event.enrollmentId));
      return setSeat(ledger, event, 'seat-released', { state: 'released', reason: event.reason });
    case 'SeatConfirmed':
      leave(ledger, ledger.seats.get(event.enrollmentId));
      changeAccount(ledger, event.accountId, (account) => ({ confirmed: account.confirmed + 1 }));
      return setSeat(ledger, event, 'seat-confirmed', { state: 'confirmed' });
  }
};

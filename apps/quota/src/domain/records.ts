/** A year's places for one program, as a governing document gave them to the root unit. There is one pot for a year and a program. */
export interface Pot {
  readonly id: string;
  readonly year: number;
  readonly programCode: string;
  readonly size: number;
  readonly documentNo: string;
  readonly rootUnitId: string;
  /** The first day on which nobody may ask any more; null where the document names none. Who asked before keeps seat and place in the queue. */
  readonly closesOn: string | null;
  /** The number of its events; so in every record here, for `sequence` on the bus counts the same. */
  readonly version: number;
}

/** What one unit holds of one pot. */
export interface Account {
  readonly id: string;
  readonly potId: string;
  readonly unitId: string;
  /** Null for the root's account alone. */
  readonly parentAccountId: string | null;
  readonly allotted: number;
  /** The sum of what the accounts below were allotted. */
  readonly passedOn: number;
  readonly held: number;
  readonly confirmed: number;
  readonly queueLength: number;
  /** Queue numbers are never given twice, so they keep the order of asking; the place shown is the rank among those still queued. */
  readonly nextQueueNo: number;
  /** Counts allotments only: a seat's event has the seat as its subject. */
  readonly version: number;
}

export type SeatState = 'held' | 'queued' | 'refused' | 'confirmed' | 'released';
export type RefusalReason = 'no-pot' | 'no-account' | 'pot-closed';

/** One step of the answer to "why does this seat stand so". */
export interface Because {
  readonly event: 'seat-held' | 'seat-promoted' | 'seat-queued' | 'seat-refused' | 'seat-released' | 'seat-confirmed';
  readonly at: string;
}

/** The seat of one enrollment, whose id is the enrollment's. */
export interface Seat {
  readonly enrollmentId: string;
  readonly state: SeatState;
  /** These three are null only for a seat that was released before anybody asked for it. */
  readonly unitId: string | null;
  readonly year: number | null;
  readonly programCode: string | null;
  /** Where it is held or queued, or was when it was released; null if it never was. */
  readonly potId: string | null;
  readonly accountId: string | null;
  /** The code of a refusal or release. */
  readonly reason: string | null;
  /** Null unless queued. */
  readonly queueNo: number | null;
  readonly version: number;
  readonly because: readonly Because[];
}

/** A seat that is held, queued or confirmed, or was. */
export interface PlacedSeat extends Seat {
  readonly unitId: string;
  readonly year: number;
  readonly programCode: string;
  readonly potId: string;
  readonly accountId: string;
}

export const isPlaced = (seat: Seat | undefined): seat is PlacedSeat => seat !== undefined && seat.accountId !== null;

/** The workspace of one batch: what was loaded, and what the commands so far made of it. Records in it are replaced, never changed. */
export interface Ledger {
  readonly pots: Map<string, Pot>;
  readonly accounts: Map<string, Account>;
  readonly seats: Map<string, Seat>;
  /** By account id the enrollments at the head of its queue, in order; the tail may be left in the database: see `initial`. */
  readonly queues: Map<string, string[]>;
  readonly potIds: Map<string, string>;
  readonly accountIds: Map<string, string>;
}

/** Seats of the account that nobody uses; never below zero. */
export const free = (account: Account): number => account.allotted - used(account);

/** What an account can't give back: seats passed on, held or confirmed. */
export const used = (account: Account): number => account.passedOn + account.held + account.confirmed;

/** The rank of a seat that this batch queued: the last, for the others stood there before. */
export const queuedAt = ({ accounts }: Ledger, seat: Seat): number | null =>
  seat.state === 'queued' ? (accounts.get(seat.accountId ?? '')?.queueLength ?? null) : null;

export const potKey = (year: number, programCode: string): string => `${year}/${programCode}`;
export const accountKey = (potId: string, unitId: string): string => `${potId}/${unitId}`;

export const potFor = (ledger: Ledger, year: number, programCode: string): Pot | undefined =>
  ledger.pots.get(ledger.potIds.get(potKey(year, programCode)) ?? '');

export const accountOfUnit = (ledger: Ledger, potId: string, unitId: string): Account | undefined =>
  ledger.accounts.get(ledger.accountIds.get(accountKey(potId, unitId)) ?? '');

/** The account that a unit's claims go to: its own, else that of the nearest unit above. `path` begins with the unit itself. */
export const accountFor = (ledger: Ledger, potId: string, path: readonly string[]): Account | undefined => {
  for (const unitId of path) {
    const account = accountOfUnit(ledger, potId, unitId);
    if (account) return account;
  }
  return undefined;
};

/**
 * The first so many seats of an account's queue, all if there are fewer.
 * Throws when the batch loaded too short a head: to go on would let somebody overtake, or leave a seat empty beside a queue.
 */
export const waiting = (ledger: Ledger, account: Account, atMost: number): readonly PlacedSeat[] => {
  const due = Math.min(atMost, account.queueLength);
  const head = ledger.queues.get(account.id) ?? [];
  const seats = head
    .slice(0, due)
    .map((id) => ledger.seats.get(id))
    .filter(isPlaced);
  if (seats.length < due) throw new Error(`account ${account.id}: ${seats.length} seats of its queue are loaded, ${due} are needed`);
  return seats;
};

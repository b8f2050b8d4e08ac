import type { RefusalReason, SeatState } from './records.ts';

interface Fact {
  /** The version of its subject after it. */
  readonly version: number;
  readonly at: string;
}

export interface PotOpened extends Fact {
  readonly type: 'PotOpened';
  readonly potId: string;
  readonly year: number;
  readonly programCode: string;
  readonly size: number;
  readonly documentNo: string;
  readonly rootUnitId: string;
  readonly closesOn: string | null;
}

/** Subject: the account. The first one makes it. */
export interface AccountAllotted extends Fact {
  readonly type: 'AccountAllotted';
  readonly accountId: string;
  readonly potId: string;
  readonly unitId: string;
  readonly parentAccountId: string | null;
  /** Below zero: seats went back to the account above. */
  readonly change: number;
  readonly allotted: number;
  readonly documentNo: string;
}

/** The subject of every seat event is the enrollment. */
interface Asked extends Fact {
  readonly enrollmentId: string;
  readonly unitId: string;
  readonly year: number;
  readonly programCode: string;
}

export interface Placed extends Asked {
  readonly potId: string;
  readonly accountId: string;
}

export interface SeatHeld extends Placed {
  readonly type: 'SeatHeld';
  readonly cause: 'requested' | 'promoted';
}

/** Comes a second time when the unit gets an account of its own and its queue moves there. */
export interface SeatQueued extends Placed {
  readonly type: 'SeatQueued';
  readonly queueNo: number;
  /** Rank in the queue at that moment, from 1. */
  readonly position: number;
}

export interface SeatRefused extends Asked {
  readonly type: 'SeatRefused';
  readonly reason: RefusalReason;
}

export interface SeatReleased extends Fact {
  readonly type: 'SeatReleased';
  readonly enrollmentId: string;
  readonly potId: string | null;
  readonly accountId: string | null;
  /** `unknown`: the release came before the request; the request will find it and leave no hold. */
  readonly was: Exclude<SeatState, 'released'> | 'unknown';
  readonly reason: string;
}

export interface SeatConfirmed extends Placed {
  readonly type: 'SeatConfirmed';
}

export type LedgerEvent = PotOpened | AccountAllotted | SeatHeld | SeatQueued | SeatRefused | SeatReleased | SeatConfirmed;

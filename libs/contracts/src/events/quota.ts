import { z } from 'zod';
import { defineEvent } from '../envelope.ts';
import { choice, code, count, id } from '../fields.ts';

export const quotaFacts = 'khue.quota.facts';

/** A year's places for a program come from above under a governing document. Subject: the pot. */
export const potOpened = defineEvent({
  type: 'quota.pot-opened',
  version: 1,
  topic: quotaFacts,
  data: z.object({ potId: id(), year: count(), programCode: code(), size: count(), documentNo: code(), rootUnitId: id() }),
});

/** A unit's share of a pot, as it stands after a division. Subject: the account. */
export const accountAllotted = defineEvent({
  type: 'quota.account-allotted',
  version: 1,
  topic: quotaFacts,
  data: z.object({ accountId: id(), potId: id(), parentAccountId: id().nullable(), unitId: id(), allotted: count(), documentNo: code() }),
});

const seat = { enrollmentId: id(), unitId: id(), year: count(), programCode: code() };
const placed = { ...seat, potId: id(), accountId: id() };

/** A seat is kept for an enrollment. Subject: the enrollment, as of all seat events. */
export const seatHeld = defineEvent({
  type: 'quota.seat-held',
  version: 1,
  topic: quotaFacts,
  data: z.object({ ...placed, cause: choice(['requested', 'promoted']) }),
});

/** No seat is free; the enrollment waits in the order of asking. */
export const seatQueued = defineEvent({
  type: 'quota.seat-queued',
  version: 1,
  topic: quotaFacts,
  data: z.object({ ...placed, queueNo: count() }),
});

/** There is no seat to wait for. */
export const seatRefused = defineEvent({
  type: 'quota.seat-refused',
  version: 1,
  topic: quotaFacts,
  data: z.object({ ...seat, reason: code() }),
});

/** The enrollment no longer holds or awaits a seat. */
export const seatReleased = defineEvent({
  type: 'quota.seat-released',
  version: 1,
  topic: quotaFacts,
  data: z.object({
    enrollmentId: id(),
    potId: id().nullable(),
    accountId: id().nullable(),
    was: choice(['held', 'queued', 'confirmed', 'refused', 'unknown']),
  }),
});

/** The learner was admitted: the seat is used. */
export const seatConfirmed = defineEvent({
  type: 'quota.seat-confirmed',
  version: 1,
  topic: quotaFacts,
  data: z.object(placed),
});

export const quotaEvents = [potOpened, accountAllotted, seatHeld, seatQueued, seatRefused, seatReleased, seatConfirmed] as const;

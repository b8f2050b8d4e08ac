import type { DataOf, EventDefinition, Received } from '@khue/contracts/envelope';
import { seatConfirmed, seatHeld, seatQueued, seatRefused, seatReleased } from '@khue/contracts/events/quota';
import { personCard, personErased } from '@khue/contracts/events/registry';
import { on, type Hearing } from '@khue/host/hear';
import type { Projection } from '@khue/host/host';
import type { NoteSeat } from './domain/approval.ts';
import type { SeatWord } from './domain/records.ts';
import { applyCards, cardsSchema, type CardNews } from './store/people.ts';

const seat = <D extends EventDefinition>(definition: D, word: SeatWord, reasonOf: (data: DataOf<D>) => string | null = () => null) =>
  on(definition, (data, { subject, sequence }): NoteSeat => ({
    type: 'NoteSeat',
    enrollmentId: subject,
    seat: word,
    seatSequence: sequence,
    reason: reasonOf(data),
  }));

/** Seats and queue are quota's: its answers move the enrollment. */
export const seats: readonly Hearing<NoteSeat>[] = [
  seat(seatHeld, 'held'),
  seat(seatQueued, 'queued'),
  seat(seatRefused, 'refused', ({ reason }) => reason),
  seat(seatReleased, 'released'),
  seat(seatConfirmed, 'confirmed'),
];

const cardNews = ({ type, subject, sequence, data }: Received): CardNews =>
  type === personErased.type ? { personId: subject, sequence, card: null } : { personId: subject, sequence, card: data as DataOf<typeof personCard> };

/** Cards are kept as they come: whom one may nominate, and by what they are judged. */
export const people: Projection = {
  as: 'people',
  known: [personCard, personErased],
  apply: (tx, events) => applyCards(tx, events.map(cardNews)),
  searchPath: [cardsSchema],
};

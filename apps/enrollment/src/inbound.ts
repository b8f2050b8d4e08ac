import type { DataOf, Received } from '@khue/contracts/envelope';
import { quotaFacts, seatConfirmed, seatHeld, seatQueued, seatRefused, seatReleased } from '@khue/contracts/events/quota';
import { personCard, personErased, registryPeople } from '@khue/contracts/events/registry';
import type { ConsumeOptions } from '@khue/host/host';
import { commandFromEvent } from '@khue/host/inbound';
import type { Commands } from './commands.ts';
import type { NoteSeat } from './domain/approval.ts';
import type { SeatWord } from './domain/records.ts';
import { applyCards, cardsSchema, type CardNews } from './store/people.ts';

const seats: ReadonlyMap<string, SeatWord> = new Map([
  [seatHeld.type, 'held'],
  [seatQueued.type, 'queued'],
  [seatRefused.type, 'refused'],
  [seatReleased.type, 'released'],
  [seatConfirmed.type, 'confirmed'],
]);

const noteSeat = (event: Received): NoteSeat => {
  const seat = seats.get(event.type);
  if (!seat) throw new Error(`no seat is told of by ${event.type}`);
  const reason = event.type === seatRefused.type ? (event.data as DataOf<typeof seatRefused>).reason : null;
  return { type: 'NoteSeat', enrollmentId: event.subject, seat, seatSequence: event.sequence, reason };
};

const cardNews = ({ type, subject, sequence, data }: Received): CardNews =>
  type === personErased.type ? { personId: subject, sequence, card: null } : { personId: subject, sequence, card: data as DataOf<typeof personCard> };

/** Seats and queue are quota's: its answers move the enrollment. */
export const quotaInbound = (commands: Commands, now: () => Date): ConsumeOptions => ({
  group: 'enrollment-quota',
  topics: [quotaFacts],
  known: [seatHeld, seatQueued, seatRefused, seatReleased, seatConfirmed],
  apply: (tx, events) =>
    commands.noteSeats(
      tx,
      events.map((event) => {
        const { subject: enrollmentId, sequence, id, type, time: at, causationId, correlationId, actor } = event;
        return {
          command: commandFromEvent('enrollment', event, noteSeat(event), now()),
          event: { enrollmentId, sequence, id, type, at, causationId, correlationId, actor },
        };
      }),
    ),
});

/** Cards are kept as they come: whom one may nominate, and by what they are judged. */
export const peopleInbound = (): ConsumeOptions => ({
  group: 'enrollment-people',
  topics: [registryPeople],
  known: [personCard, personErased],
  apply: (tx, events) => applyCards(tx, events.map(cardNews)),
  searchPath: [cardsSchema],
});

import { readEvent, type EventDefinition, type Reading, type Received } from '@khue/contracts/envelope';
import { personErased } from '@khue/contracts/events/registry';
import type { Delivery } from './bus.ts';
import { failureCode } from './handler.ts';
import { partitionKey, type Watermark } from './watermark.ts';

/** A place where the chain of positions doesn't fit what the group has applied. */
export interface Break {
  readonly topic: string;
  readonly partition: number;
  readonly reached: number;
  readonly previous: number;
  readonly position: number;
}

export interface Sifted {
  /** Above the watermark, in order and without a hole before them. */
  readonly fresh: readonly Delivery[];
  readonly dropped: number;
  /** One for each partition where events are missing. */
  readonly holes: readonly Break[];
  /** Where the producer came back from an older backup: its chain goes on behind what the group has applied, its positions jump ahead of it. */
  readonly restored: readonly Break[];
}

/**
 * Drops what the group has applied, and finds holes: dropping "at or below" alone would hide a loss. Goes on behind a hole, for the missing
 * events may have been sent again and follow in the same batch.
 */
export const sift = (deliveries: readonly Delivery[], watermarks: ReadonlyMap<string, Watermark>): Sifted => {
  const reached = new Map([...watermarks].map(([key, { position }]) => [key, position]));
  const fresh: Delivery[] = [];
  const holes = new Map<string, Break>();
  const restored: Break[] = [];
  let dropped = 0;
  for (const delivery of deliveries) {
    const { topic, partition, position, previous } = delivery;
    const key = partitionKey(delivery);
    const at = reached.get(key) ?? null;
    if (at !== null && position <= at) {
      dropped += 1;
      continue;
    }
    // Without a watermark the group is new and takes its first message as it comes; without `previous` nobody can know.
    if (at !== null && previous !== null && previous !== at) {
      const broken = { topic, partition, reached: at, previous, position };
      if (previous > at) {
        if (!holes.has(key)) holes.set(key, broken);
        continue;
      }
      restored.push(broken);
    }
    reached.set(key, position);
    fresh.push(delivery);
  }
  const open = [...holes]
    .filter(([key, hole]) => hole.position > (reached.get(key) ?? 0))
    .map(([key, hole]) => ({ ...hole, reached: reached.get(key) ?? hole.reached }));
  return { fresh, dropped, holes: open, restored };
};

/** Why an event is parked and how often it was tried. */
export interface Verdict {
  readonly reason: string;
  readonly attempts: number;
}

export interface Sorted {
  readonly events: readonly Received[];
  readonly parking: readonly (Verdict & { readonly delivery: Delivery })[];
  /** Types that the group doesn't know, each as often as it came: an operator may ask whether one should be known. */
  readonly skipped: readonly string[];
  /** Erasures: what is parked of these persons' cards goes. */
  readonly erased: readonly Delivery[];
}

export const behind = 'behind-parked';

/** Names a subject of a topic. */
export const subjectKey = ({ topic, subject }: { readonly topic: string; readonly subject: string }): string => `${topic} ${subject}`;

/**
 * Reads deliveries and decides what becomes of each. `parkedSubjects`: those with a parked event in the group; their later events park behind
 * it. `verdicts`: events that were tried and are to be parked.
 */
export const sortOut = (
  deliveries: readonly Delivery[],
  known: ReadonlyMap<string, EventDefinition>,
  parkedSubjects: ReadonlySet<string>,
  verdicts: ReadonlyMap<Delivery, Verdict>,
): Sorted => {
  const parked = new Set(parkedSubjects);
  const events: Received[] = [];
  let parking: (Verdict & { readonly delivery: Delivery })[] = [];
  const skipped: string[] = [];
  const erased: Delivery[] = [];
  for (const delivery of deliveries) {
    const key = subjectKey(delivery);
    const { type } = delivery;
    const reading: Reading = type !== undefined && !known.has(type) ? { outcome: 'unknown-type', type } : read(known, delivery);
    // The last message of its key, and all before it are void with it: nothing parked may outlive or delay an erasure.
    if (isErasure(delivery)) {
      erased.push(delivery);
      parking = parking.filter((row) => subjectKey(row.delivery) !== key);
      parked.delete(key);
    }
    if (reading.outcome === 'unknown-type') {
      skipped.push(reading.type);
      continue;
    }
    const verdict =
      verdicts.get(delivery) ??
      (parked.has(key) ? { reason: behind, attempts: 0 } : reading.outcome === 'unreadable' ? { reason: reading.reason, attempts: 0 } : undefined);
    if (verdict) {
      parking.push({ delivery, ...verdict });
      parked.add(key);
    } else if (reading.outcome === 'read') events.push(reading.event);
  }
  return { events, parking, skipped, erased };
};

/** Reads a message; also what makes the reader throw (an upcast of ours) is unreadable, and so is a key that isn't the event's subject. */
export const read = (
  known: ReadonlyMap<string, EventDefinition>,
  { topic, subject, type, message }: Pick<Delivery, 'topic' | 'subject' | 'type' | 'message'>,
): Reading => {
  try {
    const reading = readEvent(known, topic, message);
    // Who goes by the header and who reads the message must see the same event.
    if (type !== undefined && reading.outcome !== 'unreadable' && typeOf(reading) !== type)
      return { outcome: 'unreadable', reason: 'header and type differ' };
    return reading.outcome === 'read' && reading.event.subject !== subject ? { outcome: 'unreadable', reason: 'key and subject differ' } : reading;
  } catch (error) {
    return { outcome: 'unreadable', reason: `reader: ${failureCode(error)}` };
  }
};

const typeOf = (reading: Exclude<Reading, { outcome: 'unreadable' }>): string => (reading.outcome === 'read' ? reading.event.type : reading.type);

// By its type and not by what the group knows: also a group that only ever parked a card holds personal data.
const isErasure = ({ topic, type, message }: Delivery): boolean =>
  topic === personErased.topic &&
  (type ?? (typeof message === 'object' && message !== null ? (message as { type?: unknown }).type : undefined)) === personErased.type;

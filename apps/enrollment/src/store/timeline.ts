import type { Received } from '@khue/contracts/envelope';
import type { Tx } from '@khue/messaging/command';
import { columns } from '@khue/messaging/rows';
import type { Pool } from 'pg';

const seatEventColumns = columns<Omit<Received, 'topic' | 'position' | 'traceparent' | 'data'>>({
  subject: ['enrollment_id', 'uuid'],
  sequence: 'bigint',
  id: ['event_id', 'uuid'],
  type: 'text',
  time: ['at', 'timestamptz'],
  causationId: 'text',
  correlationId: 'text',
  actor: 'text',
});

/** Keeps what quota told of enrollments of ours; it seats lists that are kept elsewhere too. */
export const keepSeatEvents = async (tx: Tx, events: readonly Received[]): Promise<void> => {
  if (events.length === 0) return;
  await tx.query({
    name: 'seat-events',
    text: `insert into enrollment.seat_event (${seatEventColumns.names}) select ${seatEventColumns.names} from ${seatEventColumns.given}
      where exists (select from enrollment.enrollment e where e.id = given.enrollment_id) on conflict (enrollment_id, sequence) do nothing`,
    values: seatEventColumns.values(events),
  });
};

export interface TimelineItem {
  readonly at: string;
  readonly type: string;
  readonly id: string;
  readonly causationId: string;
  readonly correlationId: string;
  readonly service: string;
  readonly actor: string;
}
interface Told extends TimelineItem {
  readonly sequence: number;
}

/** The facts told of one enrollment, by this service and by quota, in the order in which they followed from each other. */
export const readTimeline = async (pool: Pool, enrollmentId: string): Promise<TimelineItem[]> => {
  const [own, seats] = await Promise.all([
    // The condition on the type is that of the index.
    pool.query<Told>({
      name: 'timeline-own',
      text: `select time as at, type, event_id as id, context->>'causationid' as "causationId", context->>'correlationid' as "correlationId", context->>'actor' as actor,
          'enrollment' as service, sequence
        from messaging.log where subject = $1 and type <> 'enrollment.turn-recorded' order by sequence`,
      values: [enrollmentId],
    }),
    pool.query<Told>({
      name: 'timeline-seats',
      text: `select at, type, event_id as id, causation_id as "causationId", correlation_id as "correlationId", actor, split_part(type, '.', 1) as service, sequence
        from enrollment.seat_event where enrollment_id = $1 order by sequence`,
      values: [enrollmentId],
    }),
  ]);
  return inOrder([own.rows, seats.rows]).map(({ sequence: _, ...item }) => item);
};

/**
 * How a turn of the past came in: its import tells. Its own fact is one of a million that no index finds, so the entry has the turn's id and the time at which the
 * import was committed.
 */
export const readRecording = async (pool: Pool, turnId: string, importId: string): Promise<TimelineItem[]> => {
  const { rows } = await pool.query<TimelineItem>({
    name: 'timeline-recording',
    text: `select coalesce(finished_at, planned_at, created_at) as at, 'enrollment.turn-recorded' as type, $1::text as id, id::text as "causationId",
        id::text as "correlationId", 'enrollment' as service, coalesce(committed_by, actor) as actor
      from imports.import where id = $2`,
    values: [turnId, importId],
  });
  return rows;
};

/**
 * Merges the stories of services, each in its own order, by time; but an effect never stands before its cause, for the clocks of two machines differ.
 */
export const inOrder = <T extends TimelineItem>(stories: readonly (readonly T[])[]): T[] => {
  const heads = stories.map((story) => ({ story, at: 0 }));
  const waiting = new Set(stories.flat().map(({ id }) => id));
  const told: T[] = [];
  for (;;) {
    const ready = heads.filter(({ story, at }) => at < story.length);
    if (ready.length === 0) return told;
    const first = (head: (typeof ready)[number]): T => head.story[head.at] as T;
    // All heads waiting for each other would be a circle of causes: then time alone decides.
    const free = ready.filter((head) => !waiting.has(first(head).causationId));
    const next = (free.length > 0 ? free : ready).reduce((a, b) => (first(b).at < first(a).at ? b : a));
    const item = first(next);
    waiting.delete(item.id);
    told.push(item);
    next.at += 1;
  }
};

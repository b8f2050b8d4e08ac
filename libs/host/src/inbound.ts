import type { Received } from '@khue/contracts/envelope';
import { todayIn } from '@khue/contracts/dates';
import type { Command } from '@khue/messaging/command';
import { newId } from '@khue/messaging/new-id';

/** The command that follows from an event: the service itself acts, and the event is its cause. `now` is the host's. */
export const commandFromEvent = <Body>(service: string, event: Received, body: Body, now: Date): Command<Body> => ({
  id: newId(),
  body,
  actor: `service:${service}`,
  now: now.toISOString(),
  today: todayIn(now),
  correlationId: event.correlationId,
  causationId: event.id,
  ...(event.traceparent ? { traceparent: event.traceparent } : {}),
});

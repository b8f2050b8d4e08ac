import type { DataOf, EventDefinition, Received } from '@khue/contracts/envelope';
import { todayIn } from '@khue/contracts/dates';
import { isOnItsWay } from '@khue/contracts/problems';
import { applyBatch } from '@khue/messaging/apply';
import type { Aggregate, Command, Tx } from '@khue/messaging/command';
import { EventsRefused, NotYet, type Apply } from '@khue/messaging/handler';
import { newId } from '@khue/messaging/new-id';
import type { Logger } from './logger.ts';

/** One line of an inbound table: what follows from an event. */
export interface Hearing<Body> {
  readonly definition: EventDefinition;
  readonly toCommand: (data: never, event: Received) => Body;
}

/** When others say `definition`, this service does what `toCommand` says. */
export const on = <D extends EventDefinition, Body>(definition: D, toCommand: (data: DataOf<D>, event: Received<D>) => Body): Hearing<Body> => ({
  definition,
  toCommand: toCommand as unknown as Hearing<Body>['toCommand'],
});

export interface EarOptions<Body, State, Event> {
  readonly service: string;
  readonly aggregate: Aggregate<Body, State, Event>;
  readonly table: readonly Hearing<Body>[];
  readonly log: Logger;
  readonly now: () => Date;
  /** What else is kept of the events, in the same transaction. */
  readonly also?: (tx: Tx, events: readonly Received[]) => Promise<void>;
}

/**
 * Applies events as commands of the service, all in the transaction of the watermark. What is still on its way is waited for; an event that the domain refuses is
 * parked under the refusal's code, for nobody awaits its answer.
 */
export const createEar = <Body, State, Event>({ service, aggregate, table, log, now, also }: EarOptions<Body, State, Event>): Apply => {
  const byType = new Map(table.map((line) => [line.definition.type, line]));
  return async (tx, events) => {
    const heard = events.flatMap((event) => {
      const line = byType.get(event.type);
      return line ? [{ event, command: commandFrom(service, event, line.toCommand(event.data as never, event), now()) }] : [];
    });
    const answers = await applyBatch(
      tx,
      aggregate,
      heard.map(({ command }) => command),
      {
        onBug: (error, { causationId }) => {
          const event = heard.find((one) => one.event.id === causationId)?.event;
          log.error(
            { err: error, noun: aggregate.noun, type: event?.type, position: event?.position },
            'a command that follows from an event failed',
          );
          throw error;
        },
      },
    );
    const refused = answers.flatMap((answer, place) => (answer.ok ? [] : [{ code: answer.code, eventId: heard[place]?.event.id ?? '' }]));
    // First: a refusal may only follow from what is not there yet.
    const waiting = refused.find(({ code }) => isOnItsWay(code));
    if (waiting) throw new NotYet(waiting.code);
    if (refused.length > 0) throw new EventsRefused(new Map(refused.map(({ eventId, code }) => [eventId, code])));
    await also?.(tx, events);
  };
};

/** The command that follows from an event: the service itself acts, and the event is its cause. */
const commandFrom = <Body>(service: string, event: Received, body: Body, now: Date): Command<Body> => ({
  id: newId(),
  body,
  actor: `service:${service}`,
  now: now.toISOString(),
  today: todayIn(now),
  correlationId: event.correlationId,
  causationId: event.id,
  ...(event.traceparent ? { traceparent: event.traceparent } : {}),
});

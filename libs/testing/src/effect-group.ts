import { defineEvent, knownEvents, type Received } from '@khue/contracts/envelope';
import type { Log } from '@khue/messaging/bus';
import { createConsumer, type Consumer, type ConsumerGroup } from '@khue/messaging/consumer';
import type { Pool } from 'pg';
import { z } from 'zod';

/** A subject's counter was raised: the smallest fact. `value` is its sequence. */
export const raised = (service: string) =>
  defineEvent({ type: `${service}.raised`, version: 1, topic: `khue.${service}.facts`, data: z.object({ value: z.number() }) });

/** Without keys on purpose: what is applied twice shows as two rows. */
export const effectTable = `create table effect (id bigint generated always as identity, group_name text, subject text, sequence int, position bigint);
  grant select, insert, delete on effect to \${app};`;

/** One effect an event, and no guard of its own against doubling; `before` may refuse an event. */
export const effectsOf = (group: string, service: string, before: (event: Received) => void = () => undefined): ConsumerGroup => ({
  group,
  topics: [`khue.${service}.facts`],
  known: knownEvents(raised(service)),
  apply: async (tx, events) => {
    events.forEach(before);
    await tx.query('insert into effect (group_name, subject, sequence, position) select $1, * from unnest($2::text[], $3::int[], $4::bigint[])', [
      group,
      events.map((event) => event.subject),
      events.map((event) => event.sequence),
      events.map((event) => event.position),
    ]);
  },
});

export const effectGroup = (pool: Pool, group: string, service: string, log: Log): Consumer =>
  createConsumer({ ...effectsOf(group, service), pool, log });

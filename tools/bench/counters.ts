import { defineEvent, knownEvents } from '@khue/contracts/envelope';
import { accept } from '@khue/decider/decision';
import type { Log } from '@khue/messaging/bus';
import type { Aggregate, Command, Tx } from '@khue/messaging/command';
import { createConsumer, type Consumer } from '@khue/messaging/consumer';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';

// The smallest service: counters that are raised by one, and a group that keeps a row of each raise. What is left is the path itself.

export const service = 'bench';
export const topic = `khue.${service}.facts` as const;
export const group = 'bench-effects';
export const raised = defineEvent({ type: `${service}.raised`, version: 1, topic, data: z.object({ counterId: z.uuid(), value: z.int() }) });

export const producerTables = 'create table counter (id uuid primary key, value int not null); grant select, insert, update on counter to ${app};';
/** Without a key on purpose: what is applied twice shows as two rows. */
export const consumerTables = `create table effect (id bigint generated always as identity, subject uuid not null, sequence int not null, position bigint not null);
  grant select, insert on effect to \${app};`;

export interface Raise {
  readonly type: 'RaiseCounter';
  readonly counterId: string;
}
type Counters = Map<string, number>;

export const counters: Aggregate<Raise, Counters, string> = {
  noun: 'counter',
  load: async (tx, commands) => {
    const ids = [...new Set(commands.map(({ body }) => body.counterId))].sort();
    const { rows } = await tx.query<{ id: string; value: number }>({
      name: 'counters-load',
      text: 'select id, value from counter where id = any($1::uuid[]) order by id for update',
      values: [ids],
    });
    return new Map(rows.map(({ id, value }) => [id, value]));
  },
  decide: ({ body }) => accept(body.counterId),
  evolve: (state, id) => void state.set(id, (state.get(id) ?? 0) + 1),
  save: async (tx, state) => {
    const { rowCount } = await tx.query({
      name: 'counters-save',
      text: 'update counter c set value = n.value from unnest($1::uuid[], $2::int[]) as n (id, value) where c.id = n.id',
      values: [[...state.keys()], [...state.values()]],
    });
    if (rowCount !== state.size) throw new Error(`saved ${rowCount} of ${state.size} counters`);
  },
  outbound: (counterId, state) => {
    const value = state.get(counterId) ?? 0;
    return [{ definition: raised, subject: counterId, sequence: value, data: { counterId, value } }];
  },
  answer: ({ body }, state) => ({ ok: true, status: 200, body: state.get(body.counterId) }),
  subject: ({ body }, state) => ({ id: body.counterId, record: { value: state.get(body.counterId) } }),
};

export const raise = (counterId: string): Command<Raise> => {
  const id = uuidv7();
  const now = new Date().toISOString();
  return { id, body: { type: 'RaiseCounter', counterId }, actor: 'bench', now, today: now.slice(0, 10), correlationId: id, causationId: id };
};

/** Calls `applied` after each commit with the number of events it brought. */
export const effects = (pool: Pool, log: Log, applied: (events: number) => void): Consumer =>
  createConsumer({
    pool,
    group,
    topics: [topic],
    known: knownEvents(raised),
    log,
    count: (what, events) => {
      if (what === 'applied') applied(events);
    },
    apply: async (tx: Tx, events) => {
      await tx.query({
        name: 'effects-write',
        text: 'insert into effect (subject, sequence, position) select * from unnest($1::uuid[], $2::int[], $3::bigint[])',
        values: [events.map(({ subject }) => subject), events.map(({ sequence }) => sequence), events.map(({ position }) => position)],
      });
    },
  });

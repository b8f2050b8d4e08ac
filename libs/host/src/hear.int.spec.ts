import { fileURLToPath } from 'node:url';
import { defineEvent, type Received } from '@khue/contracts/envelope';
import { unitTable } from '@khue/contracts/units';
import { accept, refuseBy } from '@khue/decider/decision';
import { inTransaction, openPool } from '@khue/messaging/database';
import { EventsRefused, NotYet } from '@khue/messaging/handler';
import { migrate } from '@khue/messaging/migrate';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { aggregateOf, bound } from './aggregate.ts';
import { createEar, on, type Hearing } from './hear.ts';
import { createLogger } from './logger.ts';

const asked = defineEvent({ type: 'sample.asked', version: 1, topic: 'khue.sample.facts', data: z.object({ what: z.string() }) });
const refuse = refuseBy<'seat-unknown' | 'unit-not-known-yet' | 'class-not-known-yet'>();

interface Note {
  readonly type: 'Note';
  readonly id: string;
  readonly what: string;
}
interface Noted {
  readonly id: string;
  readonly actor: string;
}
/** Notes whatever is asked, unless what is asked says otherwise. */
const notes = aggregateOf({
  noun: 'note',
  load: async () => ({ notes: new Map<string, Noted>() }),
  decide: ({ id, what }: Note, by) => {
    if (what === 'a bug') throw new TypeError('undefined is no function');
    if (what === 'seat-unknown' || what === 'unit-not-known-yet' || what === 'class-not-known-yet') return refuse(what);
    return accept<Noted>({ id, actor: by.actor });
  },
  evolve: (state: { readonly notes: Map<string, Noted> }, event: Noted) => void state.notes.set(event.id, event),
  save: async () => undefined,
  record: ({ id }: Note, state) => ({ id, record: state.notes.get(id) }),
  view: {},
});
const table: readonly Hearing<Note>[] = [on(asked, ({ what }, { subject }) => ({ type: 'Note', id: subject, what }))];

let database: TestDatabase;
let pool: Pool;
let logged: string[] = [];
const event = (what: string, position = 1): Received => ({
  type: asked.type,
  topic: asked.topic,
  subject: `subject-${position}`,
  sequence: 1,
  position,
  time: '2026-11-25T00:00:00.000Z',
  id: uuidv7(),
  actor: 'officer.a',
  correlationId: 'a-correlation',
  causationId: uuidv7(),
  traceparent: undefined,
  data: { what } as never,
});
const hear = async (...events: readonly Received[]): Promise<readonly Received[]> => {
  let kept: readonly Received[] = [];
  const ear = createEar({
    service: 'sample',
    aggregate: bound(notes, { units: () => unitTable([]), grantsOf: () => [] }, []),
    table,
    log: createLogger('sample', { write: (line: string) => void logged.push(line) }),
    now: () => new Date('2026-11-25T18:00:00.000Z'),
    also: async (_, heard) => {
      kept = heard;
    },
  });
  await inTransaction(pool, (tx) => ear(tx, events));
  return kept;
};

beforeAll(async () => {
  database = await postgres();
  const folder = fileURLToPath(new URL('../../messaging/migrations', import.meta.url));
  await migrate({ ownerUrl: database.ownerUrl, appRole: `${database.name}_app`, folders: [folder] });
  pool = openPool({ url: database.appUrl, name: 'hear.int.spec' });
});
beforeEach(() => {
  logged = [];
});
afterAll(async () => {
  await pool.end();
  await database.close();
});

describe('an event that a table names', () => {
  test('is a command of the service itself, caused by the event, on the city’s day', async () => {
    const told = event('anything');
    expect(await hear(told)).toEqual([told]);
    const { rows } = await pool.query('select actor, command, correlation_id as "correlationId", subject, after from messaging.audit');
    const after = { id: told.subject, actor: 'service:sample' };
    expect(rows).toEqual([{ actor: 'service:sample', command: 'Note', correlationId: 'a-correlation', subject: told.subject, after }]);
  });

  test('that the domain refuses is told by its code and its event, and nothing of the batch is kept', async () => {
    const [good, bad] = [event('anything', 2), event('seat-unknown', 3)];
    const error = await hear(good, bad).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EventsRefused);
    expect([...(error as EventsRefused).codes]).toEqual([[bad.id, 'seat-unknown']]);
    expect((await pool.query('select from messaging.audit where subject = $1', [good.subject])).rowCount).toBe(0);
  });

  test.each(['unit-not-known-yet', 'class-not-known-yet'])(
    'waits for what is on its way, whatever else was refused for want of it: %s',
    async (code) => {
      await expect(hear(event('seat-unknown'), event(code, 2))).rejects.toBeInstanceOf(NotYet);
    },
  );

  test('that meets a bug leaves the kind and the place in the log, and goes on to the ladder', async () => {
    await expect(hear(event('a bug', 7))).rejects.toBeInstanceOf(TypeError);
    const [line] = logged.map((one) => JSON.parse(one) as { err: { kind: string; at: string[] }; type: string; position: number });
    expect(line).toMatchObject({ err: { kind: 'TypeError' }, type: 'sample.asked', position: 7, noun: 'note' });
    expect(line?.err.at.join()).toContain('hear.int.spec.ts');
  });
});

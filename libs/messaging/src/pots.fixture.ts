import { fileURLToPath } from 'node:url';
import { defineEvent } from '@khue/contracts/envelope';
import { accept, refuseBy, type Decision } from '@khue/decider/decision';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { z } from 'zod';
import type { Aggregate, Answer, Command, Tx } from './command.ts';
import { openPool } from './database.ts';
import { createGather, type Gather } from './gather.ts';
import { migrate } from './migrate.ts';

const refuse = refuseBy<'pot-unknown' | 'ticket-used' | 'no-seat-left'>();

interface Pot {
  readonly id: string;
  left: number;
  version: number;
  note: string | null;
  touched: boolean;
}
interface Pots {
  readonly pots: ReadonlyMap<string, Pot>;
  /** Tickets that nobody has: claimed by this batch and not yet used by one of its commands. */
  readonly tickets: Set<string>;
}
export interface Take {
  readonly type: 'Take';
  readonly pot: string;
  readonly seats: number;
  /** Kept with the pot; 'throw' meets a bug. */
  readonly note?: string;
  /** A natural key: each is used once. */
  readonly ticket?: string;
}
interface Taken {
  readonly pot: string;
  readonly seats: number;
  readonly note: string | undefined;
}
const taken = defineEvent({ type: 'sample.taken', version: 1, topic: 'khue.sample.facts', data: z.object({ pot: z.string(), left: z.number() }) });

/** Seats out of pots: the smallest aggregate with something to oversell, a text that may be bad and a key that may clash. */
const potsWith = (trial: { readonly rowLock: boolean }): Aggregate<Take, Pots, Taken> => ({
  noun: 'pot',
  load: async (tx: Tx, commands) => {
    const ids = [...new Set(commands.map(({ body }) => body.pot))].sort();
    const { rows } = await tx.query<Pot>(
      `select id, remaining as "left", version, note from pot where id = any($1) order by id ${trial.rowLock ? 'for update' : ''}`,
      [ids],
    );
    const wanted = [...new Set(commands.flatMap(({ body }) => body.ticket ?? []))].sort();
    const claimed =
      wanted.length === 0
        ? []
        : (await tx.query<{ code: string }>('insert into ticket select unnest($1::text[]) on conflict do nothing returning code', [wanted])).rows;
    return { pots: new Map(rows.map((row) => [row.id, { ...row, touched: false }])), tickets: new Set(claimed.map(({ code }) => code)) };
  },
  decide: ({ body: { pot: id, seats, note, ticket } }, { pots, tickets }): Decision<Taken> => {
    const pot = pots.get(id);
    if (!pot) return refuse('pot-unknown');
    if (note === 'throw') throw new TypeError('a bug');
    if (ticket !== undefined && !tickets.delete(ticket)) return refuse('ticket-used');
    return pot.left < seats ? refuse('no-seat-left') : accept({ pot: id, seats, note });
  },
  evolve: ({ pots }, event) => {
    const pot = pots.get(event.pot);
    if (pot) Object.assign(pot, { left: pot.left - event.seats, version: pot.version + 1, note: event.note ?? pot.note, touched: true });
  },
  save: async (tx, { pots }) => {
    const changed = [...pots.values()].filter((pot) => pot.touched);
    if (changed.length === 0) return;
    await tx.query(
      `update pot set remaining = n.left, version = n.version, note = n.note
       from unnest($1::text[], $2::int[], $3::int[], $4::text[]) n(id, "left", version, note) where pot.id = n.id`,
      [changed.map((pot) => pot.id), changed.map((pot) => pot.left), changed.map((pot) => pot.version), changed.map((pot) => pot.note)],
    );
  },
  outbound: (event, { pots }) => {
    const pot = pots.get(event.pot);
    return [{ definition: taken, subject: event.pot, sequence: pot?.version ?? 0, data: { pot: event.pot, left: pot?.left ?? 0 } }];
  },
  answer: (command, { pots }) => ({ ok: true, body: { left: pots.get(command.body.pot)?.left } }),
  subject: (command, { pots }) => {
    const pot = pots.get(command.body.pot);
    return { id: command.body.pot, ...(pot ? { version: pot.version } : {}), record: pot && { left: pot.left, note: pot.note } };
  },
});

export const take = (pot: string, seats = 1, more: Partial<Command<Take>> = {}, body: Partial<Take> = {}): Command<Take> => {
  const id = uuidv7();
  return {
    id,
    body: { type: 'Take', pot, seats, ...body },
    actor: 'officer.a',
    now: new Date().toISOString(),
    today: '2026-11-23',
    correlationId: id,
    causationId: id,
    ...more,
  };
};
export const keyed = (key: string, bodyHash = 'hash'): Partial<Command<Take>> => ({
  idempotency: { sub: 'officer.a', route: 'POST /take', key, bodyHash },
});
export const codes = (answers: readonly Answer[]): string[] => answers.map((answer) => (answer.ok ? 'ok' : answer.code));

/** A database with 300 pots of ten seats before each test, for one spec file. */
export interface PotTrial {
  database: TestDatabase;
  pool: pg.Pool;
  /** Whether `load` locks its rows. */
  rowLock: boolean;
  gather: Gather<Take>;
  /** What the gathers reported as errors. */
  errors: unknown[];
  /** Commits of flushes so far. */
  commits: number;
  newGather(on?: pg.Pool): Gather<Take>;
  /** A connection of somebody who is not this service. */
  stranger(url?: string): Promise<pg.Client>;
  left(pot: string): Promise<number>;
  /** Events of a pot, or of all, and audit rows: as many as were accepted. */
  written(pot?: string): Promise<{ events: number; audited: number }>;
}

export const potTrial = (): PotTrial => {
  const strangers: pg.Client[] = [];
  const trial = {} as PotTrial;
  Object.assign(trial, {
    newGather: (on = trial.pool) =>
      createGather({
        pool: on,
        aggregate: potsWith(trial),
        replayable: (answer) => answer.ok || answer.code === 'no-seat-left',
        committed: () => {
          trial.commits += 1;
        },
        onError: (error) => trial.errors.push(error),
      }),
    stranger: async (url = trial.database.appUrl) => {
      const client = new pg.Client({ connectionString: url });
      strangers.push(client);
      await client.connect();
      return client;
    },
    left: async (pot) => (await trial.pool.query<{ left: number }>('select remaining as "left" from pot where id = $1', [pot])).rows[0]?.left ?? -1,
    written: async (pot) => {
      const { rows } = await trial.pool.query<{ events: number; audited: number }>(
        `select (select count(*)::int from messaging.log where $1::text is null or subject = $1) as events,
           (select count(*)::int from messaging.audit where $1::text is null or subject = $1) as audited`,
        [pot],
      );
      return rows[0] as { events: number; audited: number };
    },
  } satisfies Partial<PotTrial>);

  let owner: pg.Client;
  beforeAll(async () => {
    trial.database = await postgres();
    const app = `${trial.database.name}_app`;
    await migrate({ ownerUrl: trial.database.ownerUrl, appRole: app, folders: [fileURLToPath(new URL('../migrations', import.meta.url))] });
    owner = new pg.Client({ connectionString: trial.database.ownerUrl });
    await owner.connect();
    await owner.query(`
      create table pot (id text primary key, remaining int not null, version int not null, note text);
      create table ticket (code text primary key);
      grant select, insert, update, delete on pot, ticket to ${app}`);
    trial.pool = openPool({ url: trial.database.appUrl, name: 'pots' });
  });
  afterAll(async () => {
    await Promise.all(strangers.map((client) => client.end()));
    await owner.end();
    await trial.pool.end();
    await trial.database.close();
  });
  beforeEach(async () => {
    await owner.query(`truncate pot, ticket, messaging.log, messaging.audit, messaging.idempotency;
      insert into pot select 'pot-' || n, 10, 0 from generate_series(1, 300) n`);
    Object.assign(trial, { rowLock: true, errors: [], commits: 0, gather: trial.newGather() });
  });
  return trial;
};

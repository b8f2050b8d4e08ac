import { fileURLToPath } from 'node:url';
import { defineEvent } from '@khue/contracts/envelope';
import { accept, refuseBy, type Decision } from '@khue/decider/decision';
import { postgres, type TestDatabase } from '@khue/testing/postgres';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { z } from 'zod';
import type { Aggregate, Command, DueChange, Tx } from './command.ts';
import { openPool } from './database.ts';
import { firing, type Firing } from './due-batch.ts';
import { startDuePump, type DuePump, type DuePumpOptions } from './due-pump.ts';
import { createGather, type Gather } from './gather.ts';
import { migrate } from './migrate.ts';
import { capturedLog } from './tally.fixture.ts';

const refuse = refuseBy<'bell-not-known-yet' | 'bell-silent' | 'bell-unknown'>();

/** What a due row carries: what its ringing is known by, how it ends, and what it sets in its turn. */
export interface Chime {
  readonly tag: string;
  readonly then?: 'refused' | 'on-its-way' | 'thrown' | 'unsaved' | 'again-at-once';
  /** Sets what follows, as many days after its own instant. */
  readonly next?: readonly { readonly kind: string; readonly bell?: string; readonly days: number; readonly chime: Chime }[];
  /** Comes again every so many days, so many times more. */
  readonly every?: { readonly days: number; readonly times: number };
}
export interface Wind {
  readonly type: 'Wind';
  readonly bell: string;
  readonly kind: string;
  /** Null cancels. */
  readonly at: string | null;
  readonly chime: Chime | null;
}
export interface Ring {
  readonly type: 'Ring';
  readonly bell: string;
  readonly kind: string;
  readonly chime: Chime;
}
type Body = Wind | Ring;
interface Happened {
  readonly bell: string;
  readonly kind: string;
  readonly what: 'wound' | 'cancelled' | 'rung';
  readonly tag: string | null;
  readonly now: string;
  readonly today: string;
  readonly actor: string;
  readonly unsaved: boolean;
  readonly dues: readonly DueChange[];
}
interface Bells {
  readonly versions: Map<string, number>;
  readonly happened: Happened[];
}
const rang = defineEvent({ type: 'sample.rang', version: 1, topic: 'khue.sample.facts', data: z.object({ kind: z.string() }) });

const later = (now: string, days: number): string => new Date(Date.parse(now) + days * 86_400_000).toISOString();

const duesOf = ({ bell, kind, chime: { next = [], every, ...chime } }: Ring, now: string): DueChange[] => [
  ...next.map((one) => ({ kind: one.kind, subject: one.bell ?? bell, at: later(now, one.days), body: one.chime })),
  ...(every && every.times > 0
    ? [{ kind, subject: bell, at: later(now, every.days), body: { ...chime, every: { ...every, times: every.times - 1 } } }]
    : []),
  ...(chime.then === 'again-at-once' ? [{ kind, subject: bell, at: now, body: chime }] : []),
];

/** Bells that are wound to ring by themselves: the smallest aggregate with something that must happen once, by the clock. */
const bellsWith = ({ rowLock }: { readonly rowLock: boolean }): Aggregate<Body, Bells, Happened> => ({
  noun: 'bell',
  load: async (tx: Tx, commands) => {
    const ids = [...new Set(commands.map(({ body }) => body.bell))].sort();
    const { rows } = await tx.query<{ id: string; version: number }>(
      `select id, version from bell where id = any($1) order by id ${rowLock ? 'for update' : ''}`,
      [ids],
    );
    return { versions: new Map(rows.map(({ id, version }) => [id, version])), happened: [] };
  },
  decide: ({ body, now, today, actor }, { versions }): Decision<Happened> => {
    const { bell, kind } = body;
    if (!versions.has(bell)) return refuse('bell-unknown');
    const common = { bell, kind, now, today, actor, unsaved: false };
    if (body.type === 'Wind') {
      const { at, chime } = body;
      return accept<Happened>(
        at === null
          ? { ...common, what: 'cancelled', tag: null, dues: [{ kind, subject: bell, at }] }
          : { ...common, what: 'wound', tag: chime?.tag ?? null, dues: [{ kind, subject: bell, at, body: chime }] },
      );
    }
    const { then, tag } = body.chime;
    if (then === 'refused') return refuse('bell-silent');
    if (then === 'on-its-way') return refuse('bell-not-known-yet');
    if (then === 'thrown') throw new TypeError('a bug');
    return accept<Happened>({ ...common, what: 'rung', tag, unsaved: then === 'unsaved', dues: duesOf(body, now) });
  },
  evolve: ({ versions, happened }, event) => {
    versions.set(event.bell, (versions.get(event.bell) ?? 0) + 1);
    happened.push(event);
  },
  save: async (tx, { happened }) => {
    if (happened.length === 0) return;
    // A number that the column can't hold: what the database refuses of one row.
    await tx.query(
      `insert into happened (bell, kind, what, tag, now, today, actor, size)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::date[], $7::text[], $8::bigint[])`,
      [
        happened.map(({ bell }) => bell),
        happened.map(({ kind }) => kind),
        happened.map(({ what }) => what),
        happened.map(({ tag }) => tag),
        happened.map(({ now }) => now),
        happened.map(({ today }) => today),
        happened.map(({ actor }) => actor),
        happened.map(({ unsaved }) => (unsaved ? 99_999 : 1)),
      ],
    );
    const counts = Map.groupBy(happened, ({ bell }) => bell);
    await tx.query('update bell set version = version + n from unnest($1::text[], $2::int[]) changed (bell, n) where id = bell', [
      [...counts.keys()],
      [...counts.values()].map(({ length }) => length),
    ]);
  },
  outbound: ({ bell, kind, what }, { versions }) =>
    what === 'rung' ? [{ definition: rang, subject: bell, sequence: versions.get(bell) ?? 0, data: { kind } }] : [],
  dues: ({ dues }) => dues,
  answer: () => ({ ok: true, body: {} }),
  subject: ({ body: { bell } }, { versions }) => ({ id: bell, record: versions.has(bell) ? { version: versions.get(bell) } : null }),
});

/** Every kind that bells are wound for. */
export const bellKinds = ['ring', 'chime', 'toll'] as const;

export const bellFiring = (trial: { readonly rowLock: boolean }): Firing =>
  firing(
    bellsWith(trial),
    Object.fromEntries(
      bellKinds.map((kind) => [kind, ({ subject, body }): Body => ({ type: 'Ring', bell: subject, kind, chime: body as Chime })] as const),
    ),
  );

/** A clerk's command: winds a bell, winds it anew, or cancels (`at` null). */
export const wind = (bell: string, kind: string, at: string | null, chime: Chime | null = null): Command<Body> => {
  const id = uuidv7();
  return {
    id,
    body: { type: 'Wind', bell, kind, at, chime },
    actor: 'officer.a',
    now: new Date().toISOString(),
    today: '2026-11-23',
    correlationId: id,
    causationId: id,
  };
};

export interface Rung {
  readonly n: number;
  readonly bell: string;
  readonly kind: string;
  readonly what: 'wound' | 'cancelled' | 'rung';
  readonly tag: string | null;
  readonly now: string;
  readonly today: string;
  readonly actor: string;
}

/** Bells `a` to `z`, never rung, before each test, for one spec file. */
export interface BellTrial {
  database: TestDatabase;
  pool: pg.Pool;
  /** Whether `load` locks its rows: without, nothing stands between two pumps but the due row's own lock. */
  rowLock: boolean;
  /** The clock that rows are due by. */
  now: string;
  gather: Gather<Body>;
  pump(more?: Partial<DuePumpOptions>): DuePump;
  /** All that happened, in the order it was written. */
  happened(): Promise<readonly Rung[]>;
  rung(): Promise<readonly (string | null)[]>;
  dues(): Promise<readonly { kind: string; subject: string; at: string; attempts: number; parked: boolean; reason: string | null }[]>;
}

/** First try counted at once tried again, or a test would wait. */
export const quickTries = { most: 3, firstRetryMs: 1 } as const;

export const bellTrial = (): BellTrial => {
  const trial = {} as BellTrial;
  const pumps: DuePump[] = [];
  let owner: pg.Client;
  Object.assign(trial, {
    pump: (more = {}) => {
      const pump = startDuePump({
        pool: trial.pool,
        service: 'sample',
        firings: [bellFiring(trial)],
        now: () => new Date(trial.now),
        lease: { held: () => true },
        giveWay: async () => undefined,
        log: capturedLog(),
        pollMs: 5,
        tries: quickTries,
        ...more,
      });
      pumps.push(pump);
      return pump;
    },
    happened: async () => (await trial.pool.query<Rung>('select n, bell, kind, what, tag, now, today, actor from happened order by n')).rows,
    rung: async () => (await trial.happened()).filter(({ what }) => what === 'rung').map(({ tag }) => tag),
    dues: async () =>
      (
        await trial.pool.query(
          'select kind, subject, at, attempts, parked_at is not null as parked, reason from messaging.due order by at, kind, subject',
        )
      ).rows,
  } satisfies Partial<BellTrial>);

  beforeAll(async () => {
    trial.database = await postgres();
    const app = `${trial.database.name}_app`;
    await migrate({ ownerUrl: trial.database.ownerUrl, appRole: app, folders: [fileURLToPath(new URL('../migrations', import.meta.url))] });
    owner = new pg.Client({ connectionString: trial.database.ownerUrl });
    await owner.connect();
    await owner.query(`
      create table bell (id text primary key, version int not null);
      create table happened (n bigint generated always as identity, bell text not null, kind text not null, what text not null, tag text, now timestamptz not null,
        today date not null, actor text not null, size bigint not null check (size < 1000));
      grant select, insert, update, delete on bell, happened to ${app}`);
    trial.pool = openPool({ url: trial.database.appUrl, name: 'bells' });
  });
  afterAll(async () => {
    await Promise.all(pumps.splice(0).map((pump) => pump.stop()));
    await owner.end();
    await trial.pool.end();
    await trial.database.close();
  });
  beforeEach(async () => {
    await Promise.all(pumps.splice(0).map((pump) => pump.stop()));
    await owner.query(`truncate bell, happened, messaging.due, messaging.log, messaging.audit, messaging.idempotency;
      insert into bell select chr(96 + n), 0 from generate_series(1, 26) n`);
    const gather = createGather({
      pool: trial.pool,
      aggregate: bellsWith({ rowLock: true }),
      replayable: (answer) => answer.ok,
      committed: () => undefined,
      onError: () => undefined,
    });
    Object.assign(trial, { rowLock: true, now: '2026-01-01T00:00:00.000Z', gather });
  });
  return trial;
};

import { fileURLToPath } from 'node:url';
import type { Log } from '@khue/messaging/bus';
import type { Command } from '@khue/messaging/command';
import { inTransaction, openPool } from '@khue/messaging/database';
import { migrate } from '@khue/messaging/migrate';
import { enqueue } from '@khue/messaging/outbox';
import pg from 'pg';
import type { Pool } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { raised } from './effect-group.ts';
import { postgres } from './postgres.ts';

/** A service's database with nothing in it but the messaging schema and what `tables` makes. */
export interface MessagingDatabase {
  readonly url: string;
  readonly ownerUrl: string;
  readonly pool: Pool;
  /** Runs SQL as the owner: what no service may do. */
  asOwner(sql: string): Promise<pg.QueryResult>;
  close(): Promise<void>;
}

const migrations = fileURLToPath(new URL('../../messaging/migrations', import.meta.url));

export const messagingDatabase = async ({ tables = '', max = 8 } = {}): Promise<MessagingDatabase> => {
  const database = await postgres();
  const app = `${database.name}_app`;
  await migrate({ ownerUrl: database.ownerUrl, appRole: app, folders: [migrations] });
  const asOwner = async (sql: string): Promise<pg.QueryResult> => {
    const owner = new pg.Client({ connectionString: database.ownerUrl });
    await owner.connect();
    try {
      return await owner.query(sql);
    } finally {
      await owner.end();
    }
  };
  if (tables) await asOwner(tables.replaceAll('${app}', app));
  const pool = openPool({ url: database.appUrl, name: 'test', max });
  return {
    url: database.appUrl,
    ownerUrl: database.ownerUrl,
    pool,
    asOwner,
    close: async () => {
      await pool.end();
      await database.close();
    },
  };
};

export const testCommand = (): Command => {
  const id = uuidv7();
  return { id, body: {}, actor: 'officer.a', now: new Date().toISOString(), today: '2026-11-23', correlationId: id, causationId: id };
};

/**
 * Raises the counters of subjects by one each, in one transaction as a flush does: rows locked in order, then the events in a later statement. Needs the
 * table of `counterTable`.
 */
export const raise = (pool: Pool, service: string, subjects: readonly string[]): Promise<void> =>
  inTransaction(
    pool,
    async (tx) => {
      const ids = [...new Set(subjects)].sort();
      await tx.query('insert into counter select unnest($1::text[]), 0 on conflict do nothing', [ids]);
      const { rows } = await tx.query<{ id: string; value: number }>('select id, value from counter where id = any($1) order by id for update', [
        ids,
      ]);
      const values = new Map(rows.map((row) => [row.id, row.value]));
      const definition = raised(service);
      const events = subjects.map((subject) => {
        const value = (values.get(subject) ?? 0) + 1;
        values.set(subject, value);
        return { event: { definition, subject, sequence: value, data: { value } }, command: testCommand() };
      });
      await tx.query('update counter set value = n.value from unnest($1::text[], $2::int[]) n(id, value) where counter.id = n.id', [
        [...values.keys()],
        [...values.values()],
      ]);
      await enqueue(tx, events);
    },
    'set local lock_timeout = 10000',
  );

export const counterTable =
  'create table counter (id text primary key, value int not null); grant select, insert, update, delete on counter to ${app};';

/** Fills the log with many events at once. */
export const fillLog = async (database: MessagingDatabase, service: string, rows: number): Promise<void> => {
  await database.asOwner(`insert into messaging.log (topic, subject, sequence, type, version, event_id, time, context, data)
    select 'khue.${service}.facts', 's-' || n % 1000, 1 + n / 1000, '${service}.raised', 1, uuidv7(), now(),
      '{"correlationid":"c","causationid":"c","actor":"officer.a"}', json_build_object('value', 1 + n / 1000)
    from generate_series(0, ${rows} - 1) n`);
};

/** A log that keeps its lines for a test to look at. */
export interface KeptLog extends Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: Record<string, unknown> }[];
}

export const keptLog = (): KeptLog => {
  const lines: KeptLog['lines'] = [];
  const at =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, message, fields: fields as Record<string, unknown> });
  return { lines, info: at('info'), warn: at('warn'), error: at('error') };
};

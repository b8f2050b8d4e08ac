import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Bus, Log } from './bus.ts';
import type { ConsumerGroup } from './consumer.ts';
import { copySchema, describeSchema, sameSchema, type SchemaText } from './schema-copy.ts';
import { createShadow, type Shadow } from './shadow.ts';
import { partitionKey, readWatermarks, type Watermark } from './watermark.ts';

/** Waits of a rebuild, in milliseconds, and how near the new projections must be (in positions) before the live group is held up for them. */
export const rebuildWaits = {
  poll: 50,
  progress: 5_000,
  connect: 5_000,
  lock: 5_000,
  idle: 10_000,
  hold: 2_000,
  between: 500,
  drops: 3,
  near: 500,
} as const;

export interface RebuildOptions {
  /** The service's runtime role: the new projections are made with the rights they will be kept up with. */
  readonly pool: pg.Pool;
  /** The role that owns the schema: the runtime role has no DDL. */
  readonly ownerUrl: string;
  /**
   * The group that keeps the projections, running meanwhile. Its `apply` writes to this schema only, and by unqualified names; anything else
   * it writes to ends the rebuild, rolled back: a group that tells others (messaging.log) is never read again, for it would tell twice.
   */
  readonly group: ConsumerGroup;
  readonly schema: string;
  readonly bus: Pick<Bus, 'subscribe'>;
  readonly log: Log;
  /** Writes the rows that no event makes, by unqualified names. */
  readonly firstRows?: (owner: pg.Client) => Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * Makes a group's projections anew from its first event while the old ones serve: into a copy of their schema, by a shadow of the group that
 * never overtakes it. When both have applied the same, the group is held for a moment, and schema and parking of the shadow take the place of
 * the old ones in one transaction. Killed anywhere, either the old or the new is in place, and the next rebuild clears away what is left.
 */
export const rebuild = async (options: RebuildOptions): Promise<void> => {
  const { group, schema, log } = options;
  const names = { next: `${schema}_next`, old: `${schema}_old`, shadow: `${group.group}~next` };
  const owner = new pg.Client({
    connectionString: options.ownerUrl,
    application_name: `rebuild ${schema}`,
    connectionTimeoutMillis: rebuildWaits.connect,
    lock_timeout: rebuildWaits.lock,
    // A rebuild that is frozen while it holds the group must not hold it for long.
    idle_in_transaction_session_timeout: rebuildWaits.idle,
    keepAlive: true,
  });
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    await owner.query('select pg_advisory_lock(hashtextextended($1, 0))', [`rebuild ${schema}`]).catch((error: unknown) => {
      throw new Error(`another rebuild of ${schema} is under way`, { cause: error });
    });
    const structure = await prepare(owner, options, names);
    const shadow = createShadow({
      pool: options.pool,
      group,
      log,
      searchPath: await shadowPath(options, names.next),
      name: names.shadow,
      schema: names.next,
    });
    const running = await options.bus.subscribe({ ...shadow.subscription, group: `${names.shadow}-${randomUUID()}` });
    try {
      await follow(owner, options, names, shadow, structure);
      log.info({ group: group.group, schema }, 'rebuilt');
    } finally {
      shadow.end();
      await running.stop();
      await clear(owner, names, log);
    }
  } finally {
    await owner.end();
  }
};

interface Names {
  readonly next: string;
  readonly old: string;
  readonly shadow: string;
}

const inOwnerTransaction = async <T>(owner: pg.Client, work: () => Promise<T>): Promise<T> => {
  await owner.query('begin');
  try {
    const result = await work();
    await owner.query('commit');
    return result;
  } catch (error) {
    await owner.query('rollback').catch(() => undefined);
    throw error;
  }
};

/** So that only what a rebuild made is ever dropped. */
const mark = 'made by a rebuild, to be dropped by the next one';

const forget = async (owner: pg.Client, { next, old, shadow }: Names): Promise<void> => {
  await owner.query('delete from messaging.watermark where group_name = $1', [shadow]);
  await owner.query('delete from messaging.parked where group_name = $1', [shadow]);
  const { rows } = await owner.query<{ name: string; mark: string | null }>(
    `select nspname::text as name, obj_description(oid, 'pg_namespace') as mark from pg_namespace where nspname in ($1, $2)`,
    [next, old],
  );
  for (const found of rows) {
    if (found.mark !== mark) throw new Error(`schema ${found.name} is in the way and was not made by a rebuild`);
    await owner.query(`drop schema ${pg.escapeIdentifier(found.name)} cascade`);
  }
};

/** Leftovers go and the copy comes in one transaction: no kill leaves half of it. */
const prepare = (owner: pg.Client, { schema, firstRows }: RebuildOptions, names: Names): Promise<SchemaText> =>
  inOwnerTransaction(owner, async () => {
    await forget(owner, names);
    const structure = await copySchema(owner, schema, names.next);
    await owner.query(`comment on schema ${pg.escapeIdentifier(names.next)} is ${pg.escapeLiteral(mark)}`);
    await firstRows?.(owner);
    return structure;
  });

/** The live group's search path with the new schema in the place of the old. */
const shadowPath = async ({ pool, group, schema }: RebuildOptions, next: string): Promise<readonly string[]> => {
  const path = group.searchPath ?? (await pool.query<{ path: string[] }>('select current_schemas(false)::text[] as path')).rows[0]?.path ?? [];
  if (!path.includes(schema)) throw new Error(`${schema} is not in the search path of ${group.group}: its projections can't be written elsewhere`);
  return path.map((name) => (name === schema ? next : name));
};

/** Waits for the shadow to come near, then swaps. */
const follow = async (owner: pg.Client, options: RebuildOptions, names: Names, shadow: Shadow, structure: SchemaText): Promise<void> => {
  const { pool, group, log, signal } = options;
  let told = performance.now();
  let analyzed = false;
  for (;;) {
    signal?.throwIfAborted();
    shadow.throwIfFailed();
    const left = behind(await readWatermarks(pool, group.group), await readWatermarks(pool, names.shadow));
    if (left <= rebuildWaits.near) {
      // New tables have no statistics, and the first reports would be planned as if they were empty.
      for (const table of analyzed ? [] : structure.tables)
        await owner.query(`analyze ${pg.escapeIdentifier(names.next)}.${pg.escapeIdentifier(table)}`);
      analyzed = true;
      if (await swap(owner, options, names, shadow, structure)) return;
      await pause(rebuildWaits.between);
    }
    if (performance.now() - told > rebuildWaits.progress) {
      told = performance.now();
      log.info({ group: group.group, schema: options.schema, left }, 'rebuilding');
    }
    await pause(rebuildWaits.poll);
  }
};

/** Positions that the group has applied and its shadow has not. */
const behind = (live: readonly Watermark[], shadow: readonly Watermark[]): number => {
  const reached = new Map(shadow.map((watermark) => [partitionKey(watermark), watermark.position ?? 0]));
  return live.reduce((sum, watermark) => sum + Math.abs((watermark.position ?? 0) - (reached.get(partitionKey(watermark)) ?? 0)), 0);
};

/** Holds the live group where it is, lets the shadow reach the same, and puts the new in the place of the old. False: not in time. */
const swap = async (owner: pg.Client, { group, schema }: RebuildOptions, names: Names, shadow: Shadow, structure: SchemaText): Promise<boolean> => {
  const differs = Symbol('differs');
  try {
    await inOwnerTransaction(owner, async () => {
      await owner.query('select 1 from messaging.watermark where group_name = $1 order by topic, partition for update', [group.group]);
      const deadline = performance.now() + rebuildWaits.hold;
      // Asked through the owner too, or a frozen rebuild would not be noticed as idle; its snapshot is each statement's own.
      while (behind(await readMarks(owner, group.group), await readMarks(owner, names.shadow)) > 0) {
        shadow.throwIfFailed();
        if (performance.now() > deadline) throw differs;
        await pause(rebuildWaits.poll / 5);
      }
      // Also against a partition that is new this moment: its transaction holds no row that we could have locked, but it holds the table.
      await owner.query('lock table messaging.watermark in exclusive mode');
      if (behind(await readMarks(owner, group.group), await readMarks(owner, names.shadow)) > 0) throw differs;
      if (!sameSchema(await describeSchema(owner, schema), structure))
        throw new Error(`schema ${schema} was migrated meanwhile; start the rebuild again`);
      shadow.hold();
      await owner.query(`alter schema ${pg.escapeIdentifier(schema)} rename to ${pg.escapeIdentifier(names.old)}`);
      await owner.query(`alter schema ${pg.escapeIdentifier(names.next)} rename to ${pg.escapeIdentifier(schema)}`);
      await owner.query(
        `comment on schema ${pg.escapeIdentifier(names.old)} is ${pg.escapeLiteral(mark)}; comment on schema ${pg.escapeIdentifier(schema)} is null`,
      );
      await owner.query('delete from messaging.parked where group_name = $1', [group.group]);
      await owner.query('update messaging.parked set group_name = $1 where group_name = $2', [group.group, names.shadow]);
      // The live watermarks are equal to the shadow's and stay.
      await owner.query('delete from messaging.watermark where group_name = $1', [names.shadow]);
    });
    return true;
  } catch (error) {
    if (error !== differs && !again.includes((error as { code?: string }).code ?? '')) throw error;
    shadow.goOn();
    return false;
  }
};

/** Lock timeout, deadlock: others were in the way, later they may not be. */
const again: readonly string[] = ['55P03', '40P01'];

const readMarks = async (owner: pg.Client, group: string): Promise<readonly Watermark[]> =>
  (await owner.query<Watermark>('select topic, partition, position::float8 as position from messaging.watermark where group_name = $1', [group]))
    .rows;

/** Drops the old projections once their last readers are gone; what can't be dropped now is left to the next rebuild. */
const clear = async (owner: pg.Client, names: Names, log: Log): Promise<void> => {
  for (let tries = 1; tries <= rebuildWaits.drops; tries += 1) {
    try {
      await inOwnerTransaction(owner, () => forget(owner, names));
      return;
    } catch (error) {
      // What the rebuild came to is decided: this must not hide it.
      if (!again.includes((error as { code?: string }).code ?? '')) break;
    }
  }
  log.warn({ schema: names.old }, 'what the rebuild leaves behind could not be dropped; the next one does that');
};

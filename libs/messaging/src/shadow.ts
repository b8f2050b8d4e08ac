import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import { HoleFound, type Delivery, type Log, type Subscription } from './bus.ts';
import type { Tx } from './command.ts';
import { createConsumer, type ConsumerGroup } from './consumer.ts';
import { Halted } from './handler.ts';
import { NothingCommitted } from './ladder.ts';
import { partitionKey, readWatermarks } from './watermark.ts';

/** How often a shadow that is ahead looks after its group, and how long before the bus gets its batch back, in milliseconds. */
const shadowWaits = { poll: 20, ahead: 2_000 } as const;

export interface ShadowOptions {
  readonly pool: Pool;
  /** The group whose events are applied once more. */
  readonly group: ConsumerGroup;
  /** The shadow's own name: of its watermarks and its parking. */
  readonly name: string;
  readonly searchPath: readonly string[];
  /** The only schema it may write to. */
  readonly schema: string;
  readonly log: Log;
}

/** A second consumer of a group's events, from the first on, that never applies what the group itself has not applied yet. */
export interface Shadow {
  readonly subscription: Omit<Subscription, 'group'>;
  /** Applies nothing until it goes on. */
  hold(): void;
  goOn(): void;
  /** Applies nothing any more. */
  end(): void;
  /** Throws what made it stop: a hole, a topic that has lost its beginning, a handler that writes elsewhere. */
  throwIfFailed(): void;
}

export const createShadow = ({ pool, group, name, searchPath, schema, log }: ShadowOptions): Shadow => {
  let state: 'going' | 'held' | 'ended' = 'going';
  let failure: Error | undefined;
  const begun = new Set<string>();

  const consumer = createConsumer({
    ...group,
    group: name,
    searchPath,
    pool,
    log,
    apply: async (tx, events) => {
      if (failure) throw new Halted(failure);
      await group.apply(tx, events);
      const elsewhere = await writtenElsewhere(tx, schema);
      if (elsewhere.length === 0) return;
      failure = new Error(
        elsewhere.includes('messaging.log')
          ? `${group.group} tells others what follows from what it hears: rebuilding would tell all of it a second time`
          : `${group.group} writes to ${elsewhere.join(', ')} beside its schema: rebuilding would do that a second time`,
      );
      throw new Halted(failure);
    },
  });

  /** A topic that no longer begins at its first event can't give the same projections. */
  const begin = (batch: readonly Delivery[]): void => {
    for (const delivery of batch) {
      const key = partitionKey(delivery);
      if (begun.has(key)) continue;
      begun.add(key);
      if ((delivery.previous ?? 0) > 0)
        failure ??= new Error(`${key} begins behind position ${delivery.previous}: its first events are no longer kept`);
    }
  };

  const consume = async (batch: readonly Delivery[]): Promise<void> => {
    begin(batch);
    const patience = performance.now() + shadowWaits.ahead;
    let rest = batch;
    for (;;) {
      if (failure || state === 'ended') throw new NothingCommitted(failure ?? new Error('the rebuild is over'), 'ours');
      if (state === 'going') {
        const limits = new Map((await readWatermarks(pool, group.group)).map((watermark) => [partitionKey(watermark), watermark.position ?? 0]));
        const allowed = (delivery: Delivery): boolean => delivery.position <= (limits.get(partitionKey(delivery)) ?? 0);
        const within = rest.filter(allowed);
        if (within.length > 0) await consumer.subscription.consume(within);
        rest = rest.filter((delivery) => !allowed(delivery));
        if (rest.length === 0) return;
      }
      if (performance.now() > patience) throw new NothingCommitted(new Error('ahead of its group'), 'again');
      await pause(shadowWaits.poll);
    }
  };

  return {
    subscription: {
      topics: group.topics,
      heard: consumer.subscription.heard,
      reached: consumer.subscription.reached,
      consume: async (batch) => {
        try {
          await consume(batch);
        } catch (error) {
          if (error instanceof HoleFound) failure ??= error;
          throw error;
        }
      },
    },
    hold: () => {
      if (state === 'going') state = 'held';
    },
    goOn: () => {
      if (state === 'held') state = 'going';
    },
    end: () => {
      state = 'ended';
    },
    throwIfFailed: () => {
      if (failure) throw failure;
    },
  };
};

/** Tables outside the schema that this transaction has written to, by the locks it holds: no trust in what the handler says of itself. */
const writtenElsewhere = async (tx: Tx, schema: string): Promise<readonly string[]> => {
  const { rows } = await tx.query<{ table: string }>(
    `select distinct l.relation::regclass::text as "table" from pg_locks l join pg_class c on c.oid = l.relation
     where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.mode = 'RowExclusiveLock' and c.relkind in ('r', 'p')
       and c.relnamespace <> $1::regnamespace and l.relation <> all (array['messaging.watermark'::regclass, 'messaging.parked'::regclass])
     order by 1`,
    [schema],
  );
  return rows.map(({ table }) => table);
};

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventDefinition } from '@khue/contracts/envelope';
import pg from 'pg';
import { HoleFound, type Delivery, type Log, type Subscription } from './bus.ts';
import type { Tx } from './command.ts';
import { byKeys, inTransaction, together } from './database.ts';
import { failureCode, refusalsIn, runHandler, type Apply } from './handler.ts';
import { ladder, NothingCommitted, patiently, type Try } from './ladder.ts';
import { park, parkedSubjects, purgeErased } from './parking.ts';
import { behind, sift, sortOut, subjectKey, type Break, type Sifted, type Sorted, type Verdict } from './sift.ts';
import { countAlone, countStarts, deaths, lockWatermarks, moveWatermarks, partitionKey, readReached, readWatermarks, uncount } from './watermark.ts';

/** A group's half of a contract: what it reads and how it applies it. Consumer, redrive and rebuild share it. */
export interface ConsumerGroup {
  readonly group: string;
  readonly topics: readonly string[];
  readonly known: ReadonlyMap<string, EventDefinition>;
  readonly apply: Apply;
  /** Schemas in which the unqualified names of `apply` are looked up, in order; without it the pool's. */
  readonly searchPath?: readonly string[];
}

/** `dropped`: applied before. `skipped`: of a type the group doesn't know. */
export type Counted = 'applied' | 'dropped' | 'skipped' | 'parked';

export interface ConsumerOptions extends ConsumerGroup {
  readonly pool: pg.Pool;
  readonly log: Log;
  /** For metrics. */
  readonly count?: (what: Counted, events: number) => void;
  /** Called after each commit that applied events. */
  readonly onApplied?: () => void;
}

export interface Consumer {
  readonly subscription: Subscription;
  /** Partitions that stand still because events are missing. */
  holes(): readonly Break[];
}

/** `SET LOCAL` for a search path; empty for the pool's own. */
export const localSearchPath = (schemas: readonly string[] | undefined): string =>
  schemas ? `set local search_path to ${schemas.map((schema) => pg.escapeIdentifier(schema)).join(', ')}` : '';

interface Done {
  readonly sifted: Sifted;
  readonly sorted?: Sorted;
}
type Verdicts = ReadonlyMap<Delivery, Verdict>;

/** What the domain refused, to be parked without another try: of each subject the first, for its later events park behind it. */
const firstRefused = (deliveries: readonly Delivery[], codes: ReadonlyMap<string, string>, verdicts: Verdicts): [Delivery, Verdict][] => {
  const subjects = new Set<string>();
  return deliveries.flatMap((delivery): [Delivery, Verdict][] => {
    const code = codes.get(String((delivery.message as { id?: unknown } | null)?.id));
    if (code === undefined || verdicts.has(delivery) || subjects.has(subjectKey(delivery))) return [];
    subjects.add(subjectKey(delivery));
    return [[delivery, { reason: `handler: ${code}`, attempts: 1 }]];
  });
};

/**
 * One effect per event: each batch is one transaction that locks the watermarks, drops what was applied, applies the rest and moves the
 * watermarks. What can't be applied climbs down the ladder: halved to the offender, retried, parked.
 */
export const createConsumer = (options: ConsumerOptions): Consumer => {
  const { pool, group, topics, known, apply, log } = options;
  const consumer = randomUUID();
  const begin = [byKeys, localSearchPath(options.searchPath)].filter(Boolean).join('; ');
  const holes = new Map<string, Break>();
  const untried: Verdicts = new Map();
  const onLate = (): void => log.error({ group }, 'a handler went on after its transaction was over: it leaves a promise behind');

  const step = async (tx: Tx, deliveries: readonly Delivery[], verdicts: Verdicts, run: Try): Promise<Done> => {
    // Which subjects are parked is asked behind the locks, in the same write.
    const [watermarks, parked] = await together(tx, () => [lockWatermarks(tx, group, deliveries), parkedSubjects(tx, group, deliveries)]);
    const sifted = sift(deliveries, watermarks);
    if (sifted.fresh.length === 0) {
      await moveWatermarks(tx, group, deliveries, []);
      return { sifted };
    }
    const sorted = sortOut(sifted.fresh, known, parked, verdicts);
    await purgeErased(tx, group, sorted.erased);
    if (sorted.events.length > 0) {
      run.applied = true;
      await runHandler(apply, tx, sorted.events, onLate);
    }
    await together(tx, () => [park(tx, group, sorted.parking), moveWatermarks(tx, group, deliveries, sifted.fresh)]);
    return { sifted, sorted };
  };

  const attempt = async (deliveries: readonly Delivery[], verdicts: Verdicts = untried): Promise<Done | { readonly blamed: unknown }> => {
    const outcome = await patiently((run) => inTransaction(pool, (tx) => step(tx, deliveries, verdicts, run), begin, { readsFirst: true }));
    if ('blamed' in outcome) return outcome;
    committed(outcome.done, outcome.unknown);
    return outcome.done;
  };

  const committed = ({ sifted, sorted }: Done, unknown: boolean): void => {
    for (const hole of sifted.holes) {
      if (holes.get(partitionKey(hole))?.previous !== hole.previous)
        log.error({ group, ...hole }, 'events are missing: the partition stands still until they are sent again');
      holes.set(partitionKey(hole), hole);
    }
    for (const broken of sifted.restored) log.warn({ group, ...broken }, 'the producer came back from an older state; going on with its new events');
    for (const { topic, partition, position } of sifted.fresh) {
      const hole = holes.get(partitionKey({ topic, partition }));
      if (hole && position >= hole.position) holes.delete(partitionKey(hole));
    }
    for (const { delivery, reason, attempts } of sorted?.parking ?? []) {
      const { topic, partition, position, subject } = delivery;
      if (reason === behind) continue;
      log.error({ group, topic, partition, position, subject, reason, attempts }, 'event parked');
    }
    options.count?.('dropped', sifted.dropped);
    options.count?.('applied', sorted?.events.length ?? 0);
    options.count?.('skipped', sorted?.skipped.length ?? 0);
    options.count?.('parked', sorted?.parking.length ?? 0);
    // After an unknown COMMIT that had taken place there is nothing fresh, yet it was applied.
    if (unknown || (sorted && sorted.events.length > 0)) options.onApplied?.();
  };

  const countedStarts = async (deliveries: readonly Delivery[]): Promise<ReadonlyMap<string, number>> => {
    const outcome = await patiently(() => countStarts(pool, group, consumer, deliveries));
    if ('blamed' in outcome) throw new NothingCommitted(outcome.blamed, 'ours');
    return outcome.done;
  };

  /** Down to the offender. The halves run in order, each its own transaction: order within a subject is kept. */
  const climb = async (
    deliveries: readonly Delivery[],
    leaving: AbortSignal | undefined,
    verdicts: Verdicts = untried,
  ): Promise<Done | undefined> => {
    const outcome = await attempt(deliveries, verdicts);
    if (!('blamed' in outcome)) return outcome;
    const refused = firstRefused(deliveries, refusalsIn(outcome.blamed), verdicts);
    if (refused.length > 0) return climb(deliveries, leaving, new Map([...verdicts, ...refused]));
    const [only] = deliveries;
    if (deliveries.length === 1 && only) return nurse(only, outcome.blamed);
    const middle = Math.ceil(deliveries.length / 2);
    for (const half of [deliveries.slice(0, middle), deliveries.slice(middle)]) {
      // A batch of offenders climbs for minutes; what is done is committed, and the rest is offered to whoever comes next.
      if (leaving?.aborted) throw new NothingCommitted(new Error('leaving'), 'ours');
      await countedStarts(half);
      await climb(half, leaving);
    }
    return undefined;
  };

  const nurse = async (delivery: Delivery, first: unknown): Promise<Done | undefined> => {
    let blamed = first;
    for (const wait of ladder.event) {
      await pause(wait);
      const outcome = await attempt([delivery]);
      if (!('blamed' in outcome)) return outcome;
      blamed = outcome.blamed;
    }
    log.error({ group, topic: delivery.topic, position: delivery.position, err: blamed }, 'event cannot be applied');
    return bury(delivery, { reason: `handler: ${failureCode(blamed)}`, attempts: 1 + ladder.event.length });
  };

  const bury = async (delivery: Delivery, verdict: Verdict): Promise<Done> => {
    const outcome = await attempt([delivery], new Map([[delivery, verdict]]));
    if ('blamed' in outcome) throw new NothingCommitted(outcome.blamed, 'ours');
    return outcome;
  };

  /** Partitions whose head may have killed its process: one event at a time, and what did it alone is parked untried. */
  const suspect = async (deliveries: readonly Delivery[], suspects: ReadonlyMap<string, number>, leaving: AbortSignal | undefined): Promise<void> => {
    const buried = new Set<string>();
    await pause(Math.random() * deaths.spread);
    const reached = new Map((await readWatermarks(pool, group)).map((watermark) => [partitionKey(watermark), watermark.position]));
    for (const delivery of deliveries) {
      const key = partitionKey(delivery);
      // What was applied before is no head; dropping it would forget the count of the head behind it.
      if (delivery.position <= (reached.get(key) ?? -1)) continue;
      const died = suspects.get(key) ?? 0;
      if (died >= deaths.whole + deaths.alone && !buried.has(key)) {
        const { sifted } = await bury(delivery, { reason: 'handler: ended its process', attempts: died });
        if (sifted.fresh.length > 0) buried.add(key);
      } else {
        await patiently(() => countAlone(pool, group, consumer, delivery));
        await climb([delivery], leaving);
      }
    }
  };

  const consume = async (batch: readonly Delivery[], leaving: AbortSignal | undefined): Promise<void> => {
    const suspects = await countedStarts(batch);
    const alone = suspects.size === 0 ? [] : batch.filter((delivery) => suspects.has(partitionKey(delivery)));
    const whole = suspects.size === 0 ? batch : batch.filter((delivery) => !suspects.has(partitionKey(delivery)));
    if (whole.length > 0) await climb(whole, leaving);
    if (alone.length > 0) await suspect(alone, suspects, leaving);
    for (const delivery of batch) {
      const hole = holes.get(partitionKey(delivery));
      if (hole && delivery.position >= hole.position) throw new HoleFound(hole);
    }
  };

  return {
    subscription: {
      group,
      topics,
      heard: new Set(known.keys()),
      reached: async (topic, partition) => {
        const reached = await readReached(pool, group, topic, partition);
        const key = partitionKey({ topic, partition });
        // Another consumer of the group got past it.
        if ((reached?.position ?? -1) >= (holes.get(key)?.position ?? Infinity)) holes.delete(key);
        return reached;
      },
      consume: async (batch, leaving) => {
        if (batch.length === 0) return;
        try {
          await consume(batch, leaving);
        } catch (error) {
          if (error instanceof HoleFound) throw error;
          // A TypeError that reached kafkajs would end its consumer for good.
          const failure = error instanceof NothingCommitted ? error : new NothingCommitted(error, 'ours');
          log.warn({ group, fault: failure.fault, err: failure }, 'nothing committed, the bus will offer the same again');
          // Who takes over must not hold this for a handler that killed its process. Asking a database that is away would only cost its timeout.
          if (failure.fault !== 'away') await uncount(pool, group, consumer).catch(() => undefined);
          throw failure;
        }
      },
    },
    holes: () => [...holes.values()],
  };
};

import type { Log } from '@khue/messaging/bus';
import type { Pool } from 'pg';
import { allTurns, readNews, type News, type Seen } from './changes.ts';
import { dropTurn, emptyColumns, putTurns, turnBytes, type ClassRow, type Columns } from './columns.ts';
import { createPace } from './pace.ts';

/** The columns, kept equal to the tables. */
export interface Mirror {
  /** Reads everything in the background and keeps up with it from then on. */
  start(): void;
  stop(): Promise<void>;
  /** `work` over columns that hold all that was committed before the call; undefined where they are not (or no longer) there. */
  read<T>(work: (columns: Columns) => Promise<T>): Promise<T | undefined>;
}

/** Between two looks at the tables while nobody asks, in milliseconds: whoever asks then waits for little. */
const lookMs = 1_000;
/** Turns put between two chances for others. */
const part = 10_000;

export const createMirror = ({ pool, log }: { readonly pool: Pool; readonly log: Log }): Mirror => {
  let held: { readonly columns: Columns; seen: Seen } | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let loading: Promise<void> | undefined;
  let told = false;

  /** One at a time, as they come: nobody counts columns that are half changed. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };

  const load = async (): Promise<void> => {
    const columns = emptyColumns();
    const first = await readNews(pool, undefined);
    if (!first) return;
    await takeIn(columns, first);
    for await (const turns of allTurns(pool, first.seen)) {
      if (stopped || !turns) return;
      await takeTurns(columns, turns);
    }
    // Parts were read one after the other; the first news bring what was written meanwhile, and nobody reads before them.
    held = { columns, seen: first.seen };
  };

  const loadOnce = (): Promise<void> => {
    loading ??= load()
      .then(
        () => void (told = false),
        (error: unknown) => {
          if (!told) log.warn({ err: error }, 'the turns could not be read into memory; reports are counted by SQL until they can');
          told = true;
        },
      )
      .finally(() => (loading = undefined));
    return loading;
  };

  const refresh = async (): Promise<void> => {
    const current = held;
    if (!current) return;
    const news = await readNews(pool, current.seen);
    if (!news) {
      held = undefined;
      void loadOnce();
      return;
    }
    await inTurn(() => takeIn(current.columns, news));
    current.seen = news.seen;
  };

  // Shared, but never one that began before the call.
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const refreshed = (): Promise<void> => {
    const begin = (): Promise<void> => {
      next = undefined;
      running = refresh().finally(() => (running = undefined));
      return running;
    };
    if (!running && !next) return begin();
    next ??= (running as Promise<void>).catch(() => undefined).then(begin);
    return next;
  };

  const look = async (): Promise<void> => {
    await (held ? refreshed().catch(() => undefined) : loadOnce());
    if (!stopped) timer = setTimeout(() => void look(), lookMs);
  };
  let looking: Promise<void> | undefined;

  return {
    start: () => {
      looking = look();
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await Promise.allSettled([looking, loading, next ?? running]);
    },
    read: async (work) => {
      if (!held) return undefined;
      await refreshed();
      const current = held;
      return current && inTurn(() => work(current.columns));
    },
  };
};

const takeTurns = async (columns: Columns, turns: Buffer): Promise<void> => {
  const pace = createPace();
  for (let from = 0, count = turns.length / turnBytes; from < count; from += part) {
    putTurns(columns, turns, from, Math.min(from + part, count));
    await pace();
  }
};

const takeIn = async (columns: Columns, { turns, gone, classes, merged, assigned }: News): Promise<void> => {
  const { people, classIds, units } = columns;
  if (turns.length > 0 || gone.length > 0 || classes || merged || assigned) columns.revision += 1;
  await takeTurns(columns, turns);
  for (const no of gone) dropTurn(columns, no);
  if (classes) {
    const byNumber: (ClassRow | undefined)[] = [];
    for (const { id, ...row } of classes) byNumber[classIds.of(id)] = row;
    columns.classes = byNumber;
  }
  if (merged) columns.merged = records(merged, 32).map((at) => [people.at(merged, at), people.at(merged, at + 16)]);
  if (assigned) {
    const byUnit: Map<number, number>[] = [];
    for (const at of records(assigned, 48))
      (byUnit[units.at(assigned, at)] ??= new Map<number, number>()).set(people.at(assigned, at + 16), units.at(assigned, at + 32));
    columns.assigned = byUnit;
  }
};

/** Where the records of so many bytes begin. */
const records = (bytes: Buffer, size: number): number[] => Array.from({ length: bytes.length / size }, (_, record) => record * size);

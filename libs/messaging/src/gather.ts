import type { Pool } from 'pg';
import { applyBatch } from './apply.ts';
import type { Aggregate, Answer, Command } from './command.ts';
import { byKeys, classify, inTransaction, OutcomeUnknown, waits } from './database.ts';
import { claimKeys, keepAnswers } from './idempotency.ts';

/**
 * Sizes of the gather. Lanes: flushes under way at once; a lane is a connection, and the pool has eight. Another lane opens only for a crowd,
 * or when the last flush has been under way for `stalledMs`: three lanes of a third each took 2.5 times the statements for the same commands. Whoever has
 * waited `patienceMs` for a turn to wait alone for a row is not let wait again: nobody is held longer than 30 s.
 */
export const gatherSizes = { lanes: 3, patientLanes: 1, batch: 64, crowd: 24, stalledMs: 50, waiting: 2_000, patienceMs: 15_000 } as const;

export interface GatherOptions<Body, State, Event> {
  readonly pool: Pool;
  readonly aggregate: Aggregate<Body, State, Event>;
  /** Whether a refusal is a business answer that a repeated key gets again; 401, 403, 429 and 5xx are not. */
  readonly replayable: (answer: Answer) => boolean;
  /** Called after each commit that may have written events. */
  readonly committed: () => void;
  readonly onError: (error: unknown) => void;
}

export interface Gather<Body> {
  /** Answers when the command's transaction has committed, or with the refusal that left it out. Never rejects. */
  handle(command: Command<Body>): Promise<Answer>;
  /** Waits for what is under way, then refuses. */
  close(): Promise<void>;
  waiting(): number;
}

interface Waiting<Body> {
  readonly command: Command<Body>;
  readonly answered: (answer: Answer) => void;
  /** Monotonic time at which it came. */
  readonly since: number;
}

const overloaded: Answer = { ok: false, code: 'overloaded', retryAfterSeconds: 2 };
const unavailable: Answer = { ok: false, code: 'database-away', retryAfterSeconds: 5 };
const busy: Answer = { ok: false, code: 'busy', retryAfterSeconds: 2 };

/**
 * One flush for the commands in flight. Nothing waits for a batch to fill: the commit under way is the window in which the next one gathers, and an idle
 * service begins at once. The one timer opens another lane beside a flush that has stalled.
 */
export const createGather = <Body, State, Event>(options: GatherOptions<Body, State, Event>): Gather<Body> => {
  const queue: Waiting<Body>[] = [];
  // Commands whose rows a stranger holds: they wait here, on connections of their own, and hold up nobody.
  const blocked: Waiting<Body>[] = [];
  const idle: (() => void)[] = [];
  /** Those who wait for a flush of ours to end: it may hold the row that they want. */
  const ends: (() => void)[] = [];
  let lanes = 0;
  let patientLanes = 0;
  let opened = 0;
  let lookAgain: NodeJS.Timeout | undefined;
  let closed = false;

  const flush = async (batch: readonly Waiting<Body>[]): Promise<void> => {
    const answers = await run(
      options,
      batch.map(({ command }) => command),
      // Of those who wait themselves no end comes: two that waited for each other would hold their callers, and in the end the whole door, for ever.
      { neighborEnds: () => (lanes - ends.length > 1 ? new Promise((ended) => ends.push(ended)) : undefined) },
    );
    batch.forEach((waiting, place) => {
      const answer = answers[place] ?? unavailable;
      if (answer === rowHeld) blocked.push(waiting);
      else waiting.answered(answer);
    });
    // The database is away or says nothing: those who waited behind us would wait as long again for the same answer.
    if (answers.includes(unavailable)) queue.splice(0).forEach(({ answered }) => answered(unavailable));
  };

  const waitAlone = async ({ command, answered }: Waiting<Body>): Promise<void> => {
    const [answer = unavailable] = await run(options, [command], { lockMs: waits.lockAlone });
    answered(answer);
  };

  const settle = (): void => {
    pump();
    if (lanes === 0 && patientLanes === 0) idle.splice(0).forEach((wake) => wake());
  };

  const mayOpen = (): boolean =>
    lanes === 0 || (lanes < gatherSizes.lanes && (queue.length >= gatherSizes.crowd || performance.now() - opened >= gatherSizes.stalledMs));

  const tired = ({ since }: Waiting<Body>): boolean => performance.now() - since > gatherSizes.patienceMs;

  const pump = (): void => {
    while (queue[0] && tired(queue[0])) queue.shift()?.answered(busy);
    while (queue.length > 0 && mayOpen()) {
      lanes += 1;
      opened = performance.now();
      void flush(queue.splice(0, gatherSizes.batch)).finally(() => {
        lanes -= 1;
        ends.splice(0).forEach((ended) => ended());
        settle();
      });
    }
    if (queue.length > 0 && lanes < gatherSizes.lanes) {
      lookAgain ??= setTimeout(() => {
        lookAgain = undefined;
        pump();
      }, gatherSizes.stalledMs);
    }
    while (blocked[0] && patientLanes < gatherSizes.patientLanes) {
      if (tired(blocked[0])) {
        blocked.shift()?.answered(busy);
        continue;
      }
      patientLanes += 1;
      void waitAlone(blocked.shift() as Waiting<Body>).finally(() => {
        patientLanes -= 1;
        settle();
      });
    }
  };

  return {
    handle: (command) => {
      if (closed || queue.length + blocked.length >= gatherSizes.waiting) return Promise.resolve(overloaded);
      return new Promise((answered) => {
        queue.push({ command, answered, since: performance.now() });
        // In the same turn other requests may still arrive: let them board.
        if (lanes < gatherSizes.lanes) queueMicrotask(pump);
      });
    },
    close: async () => {
      closed = true;
      if (lanes + patientLanes + queue.length + blocked.length > 0) await new Promise<void>((wake) => idle.push(wake));
    },
    waiting: () => queue.length + blocked.length,
  };
};

/** A stranger holds the row of this lone command; never leaves this file. */
const rowHeld: Answer = { ok: false, code: 'busy', retryAfterSeconds: 2 };
const lockTimeout = '55P03';
/** How often a batch is tried whole before it is halved, and how often more when the row it waited for may have been held by a flush of ours. */
const wholeTries = 2;
const neighborTries = 3;

interface Way {
  /** How long to wait for a row, in milliseconds. */
  readonly lockMs?: number;
  /** When another flush of this gather ends; undefined while there is none that doesn't wait itself. */
  readonly neighborEnds?: () => Promise<void> | undefined;
}

const run = async <Body, State, Event>(
  options: GatherOptions<Body, State, Event>,
  commands: readonly Command<Body>[],
  way: Way = {},
): Promise<Answer[]> => {
  const began = performance.now();
  let neighbors = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transact(options, commands, way.lockMs ?? waits.lock);
    } catch (error) {
      if (error instanceof OutcomeUnknown) {
        options.onError(error);
        return commands.map(() => ({ ok: false, code: 'outcome-unknown', retryAfterSeconds: 5 }));
      }
      const failure = classify(error);
      if (failure === 'disk-full') return commands.map(() => ({ ok: false, code: 'disk-full', retryAfterSeconds: 30 }));
      const held = (error as { code?: unknown }).code === lockTimeout;
      // Two flushes of ours that want the same rows are no reason to take either apart.
      const neighbor = held && neighbors < neighborTries ? way.neighborEnds?.() : undefined;
      if (neighbor) {
        neighbors += 1;
        await neighbor;
        continue;
      }
      // COMMIT was not sent, so nothing happened: a deadlock's victim or a connection that broke under us is worth one more try; a server that says
      // nothing is not.
      const silent = failure === 'away' && performance.now() - began >= waits.connect;
      if (attempt < wholeTries && failure !== 'bug' && !held && !silent) continue;
      if (failure === 'away') {
        options.onError(error);
        return commands.map(() => unavailable);
      }
      if (commands.length === 1) {
        if (failure === 'again') return [way.lockMs === waits.lockAlone ? busy : rowHeld];
        options.onError(error);
        return [{ ok: false, code: failure === 'data' ? 'value-unacceptable' : 'internal-error' }];
      }
      // Halved until the offender is alone. In order, for two halves may hold commands on one record. A row that was waited for is not waited for as long again by
      // each half: sixty-four who want it would take half a minute to be told apart.
      const middle = Math.ceil(commands.length / 2);
      const answers: Answer[] = [];
      for (const half of [commands.slice(0, middle), commands.slice(middle)])
        answers.push(...(await run(options, half, { ...way, ...(held ? { lockMs: waits.lockOfHalf } : {}) })));
      return answers;
    }
  }
};

const transact = async <Body, State, Event>(
  { pool, aggregate, replayable, committed, onError }: GatherOptions<Body, State, Event>,
  commands: readonly Command<Body>[],
  lockMs: number,
): Promise<Answer[]> => {
  const answers = await inTransaction(
    pool,
    async (tx) => {
      const claims = await claimKeys(tx, commands);
      const fresh = commands.filter((_, place) => claims[place]?.state === 'fresh');
      const decided = await applyBatch(tx, aggregate, fresh, {
        onBug: onError,
        decided: (answers) =>
          keepAnswers(
            tx,
            fresh.map((command, place) => ({ command, answer: answers[place] ?? unavailable })),
            replayable,
          ),
      });
      let next = 0;
      return claims.map((claim): Answer => (claim.state === 'answered' ? claim.answer : (decided[next++] ?? unavailable)));
    },
    lockMs === waits.lock ? byKeys : `${byKeys}; set local lock_timeout = ${lockMs}`,
    { readsFirst: true },
  );
  committed();
  return answers;
};

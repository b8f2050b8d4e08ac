import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answers, Asking, AtLeast } from './asking.ts';

export interface Load {
  readonly url: string;
  readonly asking: Asking;
  readonly connections: number;
  readonly seconds: number;
  /** Before the counting begins. */
  readonly warmUpSeconds: number;
  /** Goes on beyond the seconds until there is so much. */
  readonly atLeast?: AtLeast | undefined;
  /** Arrivals a second, whatever is under way; without it each connection asks again when it was answered. */
  readonly rate?: number;
}

export interface LoadResult extends Answers {
  /** Where the next load of nominations begins. */
  readonly from: readonly number[];
  /** Arrivals that found no connection free. */
  readonly late: number;
  /** Warm-up included. */
  readonly answersInAll: number;
  /** What the generator itself took of the cores, warm-up included. */
  readonly processorSeconds: number;
  /** How late the generator itself was in ninety-nine of a hundred turns, milliseconds: by so much an answer may have waited to be seen. */
  readonly loopP99: number;
}

/** Drives a load from a process of its own. Throws when that process fails. */
export const runLoad = (load: Load): Promise<LoadResult> =>
  new Promise((done, failed) => {
    const child = fork(fileURLToPath(new URL('./load-worker.ts', import.meta.url)), { execArgv: [], serialization: 'advanced' });
    let result: LoadResult | undefined;
    child.once('message', (message) => {
      result = message as LoadResult;
    });
    child.once('exit', (code) => (result ? done(result) : failed(new Error(`the load generator ended with ${code} and no result`))));
    child.send(load);
  });

import { setTimeout as pause } from 'node:timers/promises';
import { createClerk, type ClerkOptions } from './clerk.ts';
import type { Random } from './random.ts';
import { stepsOf } from './steps.ts';

export interface LoadOptions extends Omit<ClerkOptions, 'clerk'> {
  readonly clerks: number;
  readonly random: Random;
  /** Between two steps of a clerk, on average. */
  readonly thinkMs: number;
}

/** Clerks at work, until they are stopped. */
export interface Load {
  /** Resolves when all clerks have their answers and type nothing. */
  hold(): Promise<void>;
  goOn(): void;
  /** Ends the work, each clerk with the answer it waits for. Rejects when a clerk failed. */
  stop(): Promise<void>;
}

export const startLoad = ({ clerks, random, thinkMs, ...options }: LoadOptions): Load => {
  let stopping = false;
  let gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;
  let working = clerks;
  let idle: (() => void) | undefined;
  const rest = async (): Promise<void> => {
    working -= 1;
    if (working === 0) idle?.();
    await gate?.opened;
    working += 1;
  };
  const work = async (clerk: number): Promise<void> => {
    const act = createClerk({ clerk, ...options });
    for (const planned of stepsOf(random.fork(`clerk ${clerk}`), thinkMs)) {
      await pause(planned.thinkMs);
      if (gate) await rest();
      if (stopping) return;
      await act(planned);
    }
  };
  const finished = Promise.all(Array.from({ length: clerks }, (_, clerk) => work(clerk)));
  // Whoever waits for the load hears of a failure; until then it is nobody's.
  finished.catch(() => undefined);
  const goOn = (): void => {
    gate?.open();
    gate = undefined;
  };
  return {
    hold: async () => {
      const { promise: opened, resolve: open } = Promise.withResolvers<void>();
      gate = { opened, open };
      await Promise.race([new Promise<void>((all) => (idle = all)), finished]);
    },
    goOn,
    stop: async () => {
      stopping = true;
      goOn();
      await finished;
    },
  };
};

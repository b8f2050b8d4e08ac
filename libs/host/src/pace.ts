import { setTimeout as pause } from 'node:timers/promises';
import type { Host } from './host.ts';

/** An import waits while more events than this are unsent, so that a clerk's notification never waits behind a million rows. */
const mostUnsent = 20_000;
const lookAgainMs = 100;
/** The backlog is counted in the database, so it is looked at every so many chunks. */
const lookEvery = 4;

/** Resolves when the next chunk may go. */
export const backlogBelow = (host: Pick<Host, 'backlog'>): (() => Promise<void>) => {
  let chunks = 0;
  return async () => {
    chunks += 1;
    if (chunks % lookEvery !== 1) return;
    while ((await host.backlog()) > mostUnsent) await pause(lookAgainMs);
  };
};

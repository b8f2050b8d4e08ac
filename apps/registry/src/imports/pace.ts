import { setTimeout as wait } from 'node:timers/promises';
import type { Host } from '@khue/host/host';

/** Unsent events above which an import waits: a clerk's notification never stands behind a million rows. */
const backlogOfAnImport = 20_000;
const lookAgainMs = 200;

/** Resolves once the next chunk may go. */
export const backlogBelow = (host: Pick<Host, 'backlog'>) => async (): Promise<void> => {
  while ((await host.backlog()) > backlogOfAnImport) await wait(lookAgainMs);
};

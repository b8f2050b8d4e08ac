import { setTimeout as pause } from 'node:timers/promises';
import { finding, type Finding } from './finding.ts';

/** What a service tells of itself, and what it must be at rest. */
const atRest = ['khue_outbox_unsent', 'khue_consumer_lag'] as const;
const parked = 'khue_parked_messages';
const everyMs = 500;

/**
 * Each service's own figures. One that doesn't answer is said and not held against the data; `parked`: what the databases showed, which the figures of all must add up to.
 */
export const checkMetrics = async (
  addresses: Readonly<Record<string, string>>,
  parkedEvents: number,
  patienceMs: number,
  say: (line: string) => void,
): Promise<Finding> => {
  const end = performance.now() + patienceMs;
  for (;;) {
    const wrong: string[] = [];
    let [seen, reported, all] = [0, 0, true];
    for (const [service, address] of Object.entries(addresses)) {
      const figures = await read(address);
      if (!figures) {
        all = false;
        if (performance.now() >= end) say(`${service} does not answer at ${address}: its figures were not read`);
        continue;
      }
      seen += 1;
      reported += figures.get(parked) ?? 0;
      // A service that only projects has no outbox, one that hears nobody no lag: absent is no figure, and zero is.
      for (const name of atRest) if ((figures.get(name) ?? 0) !== 0) wrong.push(`${service}: ${name} ${figures.get(name)}`);
    }
    if (all && reported !== parkedEvents) wrong.push(`${parked} ${reported} in all, and ${parkedEvents} are parked`);
    if ((wrong.length === 0 && all) || performance.now() >= end)
      return finding('metrics: unsent 0, lag 0, and parked as the databases have it', seen, wrong);
    await pause(everyMs);
  }
};

const read = async (address: string): Promise<ReadonlyMap<string, number> | undefined> => {
  try {
    const response = await fetch(`${address}/metrics`, { signal: AbortSignal.timeout(5_000) });
    const lines = (await response.text()).split('\n').filter((line) => /^khue_\w+ /.test(line));
    return new Map(lines.map((line): [string, number] => [line.split(' ')[0] as string, Number(line.split(' ')[1])]));
  } catch {
    // Not there, or not yet: what isn't reachable is said by the caller.
    return undefined;
  }
};

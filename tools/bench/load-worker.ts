import { monitorEventLoopDelay } from 'node:perf_hooks';
import autocannon from 'autocannon';
import { createAsker, createTally, type Answers } from './asking.ts';
import { runArrivals } from './arrivals.ts';
import type { Load, LoadResult } from './load.ts';

/** Where nothing is answered at all a load ends too. */
const longestSeconds = 300;

// The child of load.ts: gets a load, drives it, sends what came of it and ends.

/** A closed loop: each connection sends its next request when its last one is answered. */
const closedLoop = async ({
  url,
  asking,
  connections,
  seconds,
  warmUpSeconds,
  atLeast = {},
}: Load): Promise<Answers & Pick<LoadResult, 'from' | 'answersInAll'>> => {
  const { ask, from } = createAsker(asking);
  let tally = createTally();
  let connection = 0;
  let answersInAll = 0;
  let counting = false;
  let measuredFrom = 0;
  const begun = performance.now();
  const setupClient = (client: autocannon.Client): void => {
    const mine = connection++;
    let asked = ask(mine);
    let retryAfter = false;
    const give = (): void => client.setHeadersAndBody({ ...asked.headers }, asked.body);
    give();
    client.on('headers', ({ headers }) => {
      retryAfter = (headers as unknown as readonly string[]).some((name) => name.toLowerCase() === 'retry-after');
    });
    client.on('response', (status, _bytes, ms) => {
      const now = performance.now() - begun;
      answersInAll += 1;
      if (!counting && now >= warmUpSeconds * 1_000) {
        counting = true;
        measuredFrom = now;
        tally = createTally();
      }
      if (counting) tally.count(asked.kind, status, ms, retryAfter);
      if (counting && now - measuredFrom >= seconds * 1_000 && tally.has(atLeast)) running.stop();
      asked = ask(mine);
      give();
    });
  };
  const options = { url: `${url}${asking.path}`, method: 'POST', connections, duration: longestSeconds, timeout: 30, setupClient } as const;
  let running: autocannon.Instance;
  await new Promise<void>((done, failed) => {
    running = autocannon(options, (error: Error | null) => (error ? failed(error) : done()));
  });
  return { ...tally.end((performance.now() - begun - measuredFrom) / 1_000), from: from(), answersInAll };
};

process.once('message', async (load: Load) => {
  const used = process.cpuUsage();
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const answers = load.rate === undefined ? await closedLoop(load) : await runArrivals({ ...load, rate: load.rate });
  const { user, system } = process.cpuUsage(used);
  process.send?.(
    { late: 0, ...answers, processorSeconds: (user + system) / 1_000_000, loopP99: loop.percentile(99) / 1_000_000 } satisfies LoadResult,
    () => process.disconnect(),
  );
});

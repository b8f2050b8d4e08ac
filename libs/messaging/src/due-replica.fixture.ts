import { readFileSync } from 'node:fs';
import { bellFiring, quickTries } from './bells.fixture.ts';
import { openPool } from './database.ts';
import { startDuePump } from './due-pump.ts';
import { holdLease } from './lease.ts';
import { capturedLog } from './tally.fixture.ts';

// A replica of the service in its own process, for tests that kill it; it goes by the clock in a file.
const [url = '', holder = '', clock = ''] = process.argv.slice(2);
const pool = openPool({ url, name: holder, max: 3 });
const lease = holdLease(pool, { name: 'due', holder, ttlMs: 600, trustMs: 300, heartbeatMs: 100 });
startDuePump({
  pool,
  service: 'sample',
  firings: [bellFiring({ rowLock: true })],
  now: () => new Date(readFileSync(clock, 'utf8')),
  lease,
  giveWay: async () => undefined,
  log: capturedLog(),
  pollMs: 5,
  // Small, so that a kill finds something under way more often.
  batch: 2,
  tries: quickTries,
});

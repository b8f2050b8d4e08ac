import { openPool } from '@khue/messaging/database';
import { nobody, peopleDoor } from './door.fixture.ts';
import { createImportRunner } from './import-runner.ts';

// A service's process that goes on with whatever import is under way, until somebody kills it. A chunk takes long enough to be killed inside.
const [url = ''] = process.argv.slice(2);
const pool = openPool({ url, name: 'committer.fixture', max: 3 });
const slow = (when: 'applying' | 'applied') => ({
  [when]: async (_: unknown, tx: { query(text: string): Promise<unknown> }) => void (await tx.query('select pg_sleep(0.05)')),
});
const runner = createImportRunner({
  pool,
  kinds: [peopleDoor({ ...slow('applying'), ...slow('applied') })],
  pace: async () => undefined,
  people: nobody,
  committed: () => process.stdout.write('.'),
  onError: (error) => process.stderr.write(`${String(error)}\n`),
});
runner.start();

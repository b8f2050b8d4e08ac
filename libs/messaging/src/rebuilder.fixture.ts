import { openPool } from './database.ts';
import { createPump } from './pump.fixture.ts';
import { rebuild } from './rebuild.ts';
import { capturedLog, deliveriesOf, tallyGroup } from './tally.fixture.ts';

// The command in its own process, for tests that kill it.
const [url = '', ownerUrl = '', subjects = '', batch = '20'] = process.argv.slice(2);
const pool = openPool({ url, name: 'rebuilder.fixture', max: 3 });
const bus = createPump(Number(batch));
bus.write(deliveriesOf(subjects.split(',')));
await rebuild({ pool, ownerUrl, group: tallyGroup(), schema: 'tally', bus, log: capturedLog() });
await pool.end();

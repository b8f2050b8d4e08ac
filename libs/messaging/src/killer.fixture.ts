import { createConsumer } from './consumer.ts';
import { openPool } from './database.ts';
import { capturedLog, deliveriesOf, tallyGroup } from './tally.fixture.ts';

// A service's process as its operator starts it: it is offered the same batch each time, and one event makes its handler end the process.
const [url = '', group = '', killer = '0', subjects = ''] = process.argv.slice(2);
const pool = openPool({ url, name: 'killer.fixture', max: 2 });
const consumer = createConsumer({ ...tallyGroup((event) => event.position === Number(killer) && process.exit(7), group), pool, log: capturedLog() });
await consumer.subscription.consume(deliveriesOf(subjects.split(',')));
await pool.end();

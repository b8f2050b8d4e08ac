import { openPool } from '@khue/messaging/database';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { startRelay } from '@khue/messaging/relay';
import { effectGroup } from './effect-group.ts';

// A process of its own that relays a service's log and applies it, to be killed: node bus-process.ts <settings as JSON>. Prints a line when it runs.

export interface BusProcess {
  readonly brokers?: readonly string[];
  readonly service: string;
  readonly group: string;
  readonly producerUrl: string;
  readonly consumerUrl: string;
}

const { brokers, service, group, producerUrl, consumerUrl } = JSON.parse(process.argv[2] ?? '') as BusProcess;
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const topic = `khue.${service}.facts`;
const bus = brokers ? kafkaBus({ brokers, clientId: 'killed', log, declared: [{ name: topic, partitions: 12, config: {} }] }) : embeddedBus({ log });
await startRelay({ url: producerUrl, service, city: 'ha-noi', topics: [topic], bus, holder: 'the-same-each-time', log, pollMs: 50 });
await bus.subscribe(effectGroup(openPool({ url: consumerUrl, name: 'killed' }), group, service, log).subscription);
process.stdout.write('runs\n');

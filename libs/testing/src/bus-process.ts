import { openPool } from '@khue/messaging/database';
import { embeddedBus } from '@khue/messaging/embedded-bus';
import { kafkaBus } from '@khue/messaging/kafka-bus';
import { startRelay, type RelayOptions } from '@khue/messaging/relay';
import { effectGroup } from './effect-group.ts';

// A process of its own that relays a service's log and applies it, to be killed or frozen: node bus-process.ts <settings as JSON>. Prints `runs` when it runs,
// and what it logs, a line each.

export interface BusProcess {
  readonly brokers?: readonly string[];
  readonly service: string;
  readonly group: string;
  readonly producerUrl: string;
  readonly consumerUrl: string;
  readonly lease?: RelayOptions['lease'];
}

const { brokers, service, group, producerUrl, consumerUrl, lease } = JSON.parse(process.argv[2] ?? '') as BusProcess;
const say = (_: object, message: string): void => void process.stdout.write(`${message}\n`);
const log = { info: say, warn: say, error: say };
const topic = `khue.${service}.facts`;
const bus = brokers ? kafkaBus({ brokers, clientId: 'killed', log, declared: [{ name: topic, partitions: 12, config: {} }] }) : embeddedBus({ log });
await startRelay({
  url: producerUrl,
  service,
  city: 'ha-noi',
  topics: [topic],
  bus,
  holder: 'the-same-each-time',
  log,
  pollMs: 50,
  ...(lease ? { lease } : {}),
});
await bus.subscribe(effectGroup(openPool({ url: consumerUrl, name: 'killed' }), group, service, log).subscription);
process.stdout.write('runs\n');

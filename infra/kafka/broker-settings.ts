export type BrokerPlace = { listenHost: string; port: number; controllerPort: number; dataFolder: string };

/** What a local broker of one node runs with; server.properties for Java, environment for the container image. */
export function brokerSettings(place: BrokerPlace): Record<string, string> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${place.controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: `PLAINTEXT://${place.listenHost}:${place.port},CONTROLLER://127.0.0.1:${place.controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${place.port}`,
    'log.dirs': place.dataFolder,
    // Topics are declared (libs/messaging): a misspelt name must fail and not become a topic of one partition.
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    // After kill -9 the controller fences the old broker only when its session ends: back after 4.5 s instead of 12 to 19.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    // The compactor's buffer is 128 MB by default, a quarter of the heap this broker gets.
    'log.cleaner.dedupe.buffer.size': '16777216',
  };
}

/** The settings as the official image reads them: KAFKA_ and the name with underscores. */
export function asEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [`KAFKA_${name.toUpperCase().replaceAll('.', '_')}`, value]));
}

/** The settings as a properties file. A backslash, and anything beyond ASCII, must be escaped there: data folders have Vietnamese names. */
export function asProperties(settings: Readonly<Record<string, string>>): string {
  const escaped = (value: string): string =>
    value.replaceAll('\\', '\\\\').replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${escaped(value)}\n`)
    .join('');
}

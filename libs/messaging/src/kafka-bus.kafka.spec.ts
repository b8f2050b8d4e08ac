import { busContract, type BusKind } from '@khue/testing/bus-contract';
import { describeOnKafka } from '@khue/testing/kafka';
import { keptLog } from '@khue/testing/messaging';
import { kafkaBus } from './kafka-bus.ts';
import { kafkaClient } from './kafka-client.ts';
import { partitionOf, partitionsPerTopic } from './kafka-partition.ts';
import { moveBack } from './sent.ts';

const forever = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };

describeOnKafka('on Apache Kafka', (brokers) => {
  const kind: BusKind = {
    brokers,
    open: (services, log) =>
      kafkaBus({ brokers, clientId: 'contract', log, declared: services.map((service) => ({ name: `khue.${service}.facts`, partitions: partitionsPerTopic, config: forever })) }),
    // All of it is about one subject, so offsets in its partition are positions less one.
    lose: async (_, topic, position) => {
      const admin = kafkaClient({ brokers, clientId: 'contract', log: keptLog() }).admin();
      await admin.connect();
      // The library deletes only in topics it has looked at.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: partitionOf('a'), offset: String(position) }] });
      await admin.disconnect();
    },
    mend: (producer, topic, position) => moveBack(producer.pool, topic, position - 1),
  };
  busContract(kind);
});

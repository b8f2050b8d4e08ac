import type { Mutant } from './mutant.ts';

const src = 'libs/messaging/src';
const lease = `${src}/lease.int.spec.ts`;
const relay = `${src}/relay.int.spec.ts`;
const sent = `${src}/sent.int.spec.ts`;
const kafka = `${src}/kafka-bus.kafka.spec.ts`;

/** From the commit to the bus. */
export const ofTheLog: readonly Mutant[] = [
  {
    name: 'lease: term in the stamping',
    guard: 'a holder that was frozen writes nothing under the next one’s term',
    file: `${src}/lease.ts`,
    find: `and term = \${term} and expires_at > clock_timestamp() for update`,
    replace: `and expires_at > clock_timestamp() for update`,
    tests: [[lease, 'and the holder that wakes writes nothing']],
  },
  {
    name: 'lease: its end in the stamping',
    guard: 'an expired lease lets its holder write nothing',
    file: `${src}/lease.ts`,
    find: `and term = \${term} and expires_at > clock_timestamp() for update`,
    replace: `and term = \${term} for update`,
    tests: [[lease, 'that has expired lets its holder write nothing']],
    hangs: true,
  },
  {
    name: 'lease: heartbeat',
    guard: 'a living holder keeps its lease',
    file: `${src}/lease.ts`,
    find: `if (!stopped) next = setTimeout(loop, heartbeatMs).unref();`,
    replace: `if (!stopped) next = setTimeout(loop, 3_600_000).unref();`,
    tests: [[lease, 'has one holder at a time']],
    hangs: true,
  },
  {
    name: 'lease: one holder',
    guard: 'a lease in force is not taken',
    file: `${src}/lease.ts`,
    find: `where lease.expires_at < clock_timestamp() or lease.holder = excluded.holder`,
    replace: `where true`,
    tests: [[lease, 'has one holder at a time']],
  },
  {
    name: 'lease: distrust',
    guard: 'a holder stops trusting itself before others may take over',
    file: `${src}/lease.ts`,
    find: `trustedUntil = asked + trustMs;`,
    replace: `trustedUntil = Infinity;`,
    tests: [[lease, 'is distrusted by its holder before others may take it']],
    hangs: true,
  },
  {
    name: 'positions: order of a batch',
    guard: 'events are picked in the order of their ids',
    file: `${src}/stamp.ts`,
    find: `where position is null and id > $1 order by id limit $2`,
    replace: `where position is null and id > $1 order by id desc limit $2`,
    tests: [[relay, 'keeps the order of each subject under many writers']],
  },
  {
    name: 'positions: order in a batch',
    guard: 'positions follow the ids',
    file: `${src}/stamp.ts`,
    find: `row_number() over (order by id) as position`,
    replace: `row_number() over (order by id desc) as position`,
    tests: [[relay, 'keeps the order of each subject under many writers']],
  },
  {
    name: 'positions: floor',
    guard: 'no event that is still being written falls below the floor',
    file: `${src}/stamp.ts`,
    find: `if (writers.some((writer) => now.includes(writer))) return;`,
    replace: `if (writers.length < 0 || now.length < 0) return;`,
    tests: [[relay, 'never above an event that is still being written']],
  },
  {
    name: 'positions: power cut',
    guard: 'a position that anyone saw survives a power cut',
    file: `${src}/relay.ts`,
    find: ` -c synchronous_commit=on`,
    replace: ``,
    tests: [[`${src}/guards-flush.int.spec.ts`, 'the relay commits to the disk']],
  },
  {
    name: 'cursor: where it stands',
    guard: 'a cursor that another moved is not overwritten',
    file: `${src}/sent.ts`,
    find: `where coalesce(locked.position, 0) <> wanted.was)`,
    replace: `where coalesce(locked.position, 0) < 0)`,
    tests: [[sent, 'when it stands elsewhere by now']],
  },
  {
    name: 'cursor: term',
    guard: 'a relay whose lease has passed on moves no cursor',
    file: `${src}/sent.ts`,
    find: `and term = $1)`,
    replace: `and $1::bigint is not null)`,
    tests: [[sent, 'does not move for a relay whose lease has passed on']],
  },
  {
    name: 'sending: a hole in the log',
    guard: 'a log with an event missing is not sent on',
    file: `${src}/kafka-publisher.ts`,
    find: `if (event.previous > to) {`,
    replace: `if (event.previous < 0) {`,
    tests: [[kafka, 'a log with an event missing is not sent on behind it']],
    hangs: true,
  },
  {
    name: 'sending: cursor before the acknowledgement',
    guard: 'the cursor moves when the broker has acknowledged, not before',
    file: `${src}/kafka-publisher.ts`,
    find: `await within(kafkaWaits.send, producer.sendBatch(`,
    replace: `void producer.sendBatch({ topicMessages: [] }).catch(() => undefined);
    void within(kafkaWaits.send, producer.sendBatch(`,
    tests: [[`${src}/kafka-outage.kafka.spec.ts`, 'killed: what is typed is kept']],
    hangs: true,
  },
  {
    name: 'sending: partition of a subject',
    guard: 'a subject’s partition is the one that every client computes',
    file: `${src}/kafka-partition.ts`,
    find: `(murmur2(Buffer.from(subject, 'utf8')) & 0x7fffffff) % partitionsPerTopic`,
    replace: `(murmur2(Buffer.from(subject, 'utf8')) & 0x7ffffffe) % partitionsPerTopic`,
    tests: [[`${src}/kafka-partition.spec.ts`, 'is where other Kafka clients look for it']],
  },
];

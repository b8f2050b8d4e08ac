import { hash } from 'node:crypto';
import { serviceNames, topicsOf } from '@khue/contracts/services';
import { readTopics, type TopicMessage } from '@khue/messaging/kafka-log';
import { partitionOf } from '@khue/messaging/kafka-partition';
import { isCompacted } from '@khue/messaging/kafka-topics';
import { createLogReader } from '@khue/messaging/log-reader';
import { restoreStride } from '@khue/messaging/stamp';
import { topics as declared } from '@khue/messaging/topics';
import type { Snapshots } from './calm.ts';
import { finding, type Finding } from './finding.ts';

/** What a partition held, as a group would have taken it: two numbers a message, so that a million fit. */
interface Held {
  /** Positions that a watermark lets pass, in their order, and a digest of each message. */
  readonly positions: number[];
  readonly digests: number[];
}

/** What the reading of one topic came to. */
interface Reading {
  readonly partitions: Map<number, Held>;
  /** The envelope's source, as the first message gives it. */
  source: string | undefined;
  messages: number;
  doubles: number;
  /** Messages behind a hole, by partition and position: sent again later, or lost. */
  readonly beyond: Map<string, number>;
  readonly wrong: string[];
}

const read = 2_000;

/**
 * Every topic from its beginning against the log it was sent from. A relay that died between sending and noting it sends again: such doubles are counted and must be
 * equal to the byte, for the groups' watermarks drop them unread.
 */
export const checkTopics = async (snapshots: Snapshots, brokers: readonly string[], say: (line: string) => void): Promise<Finding[]> => {
  const log = { info: () => undefined, warn: (_: object, message: string) => say(message), error: (_: object, message: string) => say(message) };
  const written = serviceNames.flatMap((service) => topicsOf(service).map((topic) => ({ service, topic })));
  const readings = new Map<string, Reading>(written.map(({ topic }) => [topic, emptyReading()]));
  await readTopics({ brokers, clientId: 'khue-check-invariants', log }, [...readings.keys()], (message) => {
    const reading = readings.get(message.topic);
    if (reading) take(reading, message);
  });
  const findings: Finding[] = [];
  for (const { service, topic } of written) {
    const reading = readings.get(topic) as Reading;
    const { messages, doubles, wrong } = reading;
    if (doubles > 0) say(`${topic}: ${doubles} of ${messages} messages were sent twice`);
    findings.push(finding(`${topic}: each partition's chain is whole, and what was sent twice is the same to the byte`, messages, wrong));
    findings.push(await againstLog(topic, reading, createLogReader(snapshots[service].pool, reading.source ?? '')));
  }
  return findings;
};

const emptyReading = (): Reading => ({ partitions: new Map(), source: undefined, messages: 0, doubles: 0, beyond: new Map(), wrong: [] });

const digestOf = (key: string, value: string): number => hash('sha1', `${key} ${value}`, 'buffer').readUIntBE(0, 6);

/** As a group takes it: at or below the watermark it is a double, above a hole it waits for the missing ones to come again. */
const take = (reading: Reading, { topic, partition, key, value, position, previous }: TopicMessage): void => {
  reading.messages += 1;
  const place = `${topic}/${partition} position ${position}`;
  if (position === undefined || previous === undefined || partitionOf(key) !== partition) {
    reading.wrong.push(`${place}: not from a relay of ours`);
    return;
  }
  reading.source ??= (JSON.parse(value) as { source?: string }).source;
  const held = reading.partitions.get(partition) ?? { positions: [], digests: [] };
  reading.partitions.set(partition, held);
  const digest = digestOf(key, value);
  const reached = held.positions.at(-1) ?? 0;
  if (position <= reached) {
    reading.doubles += 1;
    if (held.digests[indexOf(held.positions, position)] !== digest) reading.wrong.push(`${place}: sent twice and not the same`);
    return;
  }
  // Of compacted cards the chain is missing by design.
  if (!isCompacted(declared, topic)) {
    if (previous > reached) {
      reading.beyond.set(place, digest);
      return;
    }
    // A producer restored from a backup goes on far ahead, and its chain behind what it had told before.
    if (previous < reached && position - reached < restoreStride) reading.wrong.push(`${place}: names ${previous} before it, and ${reached} was`);
  }
  const before = reading.beyond.get(place);
  if (before !== undefined) {
    reading.doubles += 1;
    if (before !== digest) reading.wrong.push(`${place}: sent twice and not the same`);
    reading.beyond.delete(place);
  }
  held.positions.push(position);
  held.digests.push(digest);
};

/** Where an ascending list holds a number, or -1. */
const indexOf = (list: readonly number[], wanted: number): number => {
  let [low, high] = [0, list.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = list[middle] as number;
    if (found === wanted) return middle;
    if (found < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
};

/** The log read once in the order of its positions, beside what each partition held. */
const againstLog = async (topic: string, { partitions, beyond }: Reading, log: ReturnType<typeof createLogReader>): Promise<Finding> => {
  const name = `${topic}: holds every event of the log once in effect, and nothing else`;
  const wrong: string[] = [...beyond.keys()].map((place) => `${place}: behind a hole that was never filled`);
  const at = new Map<number, number>();
  // Compaction leaves the last card of each person; what it took is known when all of the log has been read.
  const compacted = isCompacted(declared, topic);
  const taken = new Map<string, number>();
  let seen = 0;
  for (let after = 0; ;) {
    const events = await log.read(topic, after, read);
    for (const { position, subject, json } of events) {
      seen += 1;
      const partition = partitionOf(subject);
      const held = partitions.get(partition) ?? { positions: [], digests: [] };
      let place = at.get(partition) ?? 0;
      for (; (held.positions[place] ?? Infinity) < position; place += 1)
        wrong.push(`${topic}/${partition} position ${held.positions[place]}: not in the log`);
      if (held.positions[place] === position) {
        if (held.digests[place] !== digestOf(subject, json)) wrong.push(`${subject} position ${position}: not as in the log`);
        place += 1;
        taken.delete(subject);
      } else if (compacted) taken.set(subject, position);
      else wrong.push(`${subject} position ${position}: not in the topic`);
      at.set(partition, place);
    }
    if (events.length < read) break;
    after = events.at(-1)?.position ?? after;
  }
  for (const [subject, position] of taken) wrong.push(`${subject} position ${position}: not in the topic`);
  for (const [partition, { positions }] of partitions) {
    for (const position of positions.slice(at.get(partition) ?? 0)) wrong.push(`${topic}/${partition} position ${position}: not in the log`);
  }
  return finding(name, seen, wrong);
};

import { HoleFound, type Backlog, type Producer, type Publisher, type Stamped } from './bus.ts';
import { atMost, kafkaWaits, within, type KafkaClient, type Producer as KafkaProducer, type WithAdmin } from './kafka-client.ts';
import { partitionOf } from './kafka-partition.ts';
import { ensureTopics } from './kafka-topics.ts';
import { moveSent, readSent, type Move, type Sent } from './sent.ts';
import { unlessEnded } from './signal.ts';
import type { TopicDeclaration } from './topics.ts';

const batch = 1_000;
/** Not the leader alone: what only it has is lost with it, and the cursor has moved. */
const everyReplica = -1;
/** What one send may hold for one partition, in bytes: a broker takes 1 MB at most by default. One event alone is sent whatever its size. */
const partitionBytes = 800_000;

export interface KafkaPublisherOptions {
  readonly client: KafkaClient;
  readonly admin: WithAdmin;
  readonly declared: readonly TopicDeclaration[];
}

/**
 * Sends a service's log in position order: one idempotent producer, one send in flight, all replicas acknowledge, then the cursor moves. No transaction is open
 * meanwhile. What was sent but whose acknowledgement or cursor was lost is sent again, by this process or the next: same positions, same partitions, dropped by
 * the groups' watermarks.
 */
export const kafkaPublisher = (source: Producer, { client, admin, declared }: KafkaPublisherOptions): Publisher => {
  const { topics, log, pool, term } = source;
  let open: KafkaProducer | undefined;
  let known: ReadonlyMap<string, Sent> = new Map();
  const closing = new AbortController();

  const connected = async (): Promise<KafkaProducer> => {
    if (open) return open;
    await admin((each) => ensureTopics(each, topics, declared), kafkaWaits.send);
    const made = client.producer();
    await within(kafkaWaits.send, made.connect());
    if (closing.signal.aborted) await made.disconnect();
    return (open = made);
  };

  // After any failure a new one: the old one's sequence numbers may no longer fit what the broker has.
  const drop = async (): Promise<void> => {
    const old = open;
    open = undefined;
    known = new Map();
    if (old) await atMost(kafkaWaits.leave, old.disconnect());
  };

  /** One batch of each topic. Answers whether there may be more. */
  const sendNext = async (): Promise<boolean> => {
    const at = term();
    if (at === null) return false;
    const [events, stands] = await Promise.all([
      Promise.all(topics.map((topic) => log.read(topic, known.get(topic)?.position ?? 0, batch))),
      readSent(pool, topics),
    ]);
    // An operator moved a cursor back, or another process held the lease in between.
    if (topics.some((topic) => stands.get(topic)?.position !== (known.get(topic)?.position ?? 0))) {
      known = stands;
      return true;
    }
    known = stands;
    const sends = topics.map((topic, place) => prepare(topic, events[place] ?? [], stands.get(topic)));
    const filled = sends.filter(({ messages }) => messages.length > 0);
    if (filled.length === 0) return false;
    const producer = await connected();
    const topicMessages = filled.map(({ topic, messages }) => ({ topic, messages }));
    await within(kafkaWaits.send, producer.sendBatch({ acks: everyReplica, topicMessages }));
    if (
      !(await moveSent(
        pool,
        at,
        filled.map(({ move }) => move),
      ))
    ) {
      known = new Map();
      return false;
    }
    known = new Map(topics.map((topic, place) => [topic, sends[place]?.after ?? { position: 0, partitions: new Map() }]));
    return sends.some(({ more }) => more);
  };

  return {
    publish: async () => {
      try {
        // Closing doesn't wait for a broker that says nothing; what is under way may still arrive, and is sent again by the next.
        while (!closing.signal.aborted && (await unlessEnded(closing.signal, sendNext(), false)));
      } catch (error) {
        await drop();
        throw error;
      }
    },
    backlog: async () => {
      const stands = await readSent(pool, topics);
      const each = await Promise.all(topics.map((topic) => log.backlog(topic, stands.get(topic)?.position ?? 0)));
      return each.reduce<Backlog>((all, one) => ({ rows: all.rows + one.rows, oldestSeconds: Math.max(all.oldestSeconds, one.oldestSeconds) }), {
        rows: 0,
        oldestSeconds: 0,
      });
    },
    close: async () => {
      closing.abort();
      await drop();
    },
  };
};

interface Message {
  readonly key: string;
  readonly value: string;
  readonly partition: number;
  readonly headers: { readonly position: string; readonly previous: string; readonly type: string };
}

interface Prepared {
  readonly topic: string;
  readonly messages: Message[];
  readonly move: Move;
  readonly after: Sent;
  readonly more: boolean;
}

const prepare = (topic: string, events: readonly Stamped[], { position, partitions }: Sent = { position: 0, partitions: new Map() }): Prepared => {
  const last = new Map(partitions);
  const moved = new Map<number, number>();
  const bytes = new Map<number, number>();
  const messages: Message[] = [];
  let to = position;
  for (const event of events) {
    // In the log itself an event is missing behind the cursor: sent on, its groups would never learn of the loss, for partitions have chains of their own.
    if (event.previous > to) {
      if (messages.length > 0) break;
      throw new HoleFound({ topic, partition: -1, reached: to, previous: event.previous });
    }
    const partition = partitionOf(event.subject);
    const size = (bytes.get(partition) ?? 0) + Buffer.byteLength(event.json) + 200;
    if (size > partitionBytes && messages.length > 0) break;
    bytes.set(partition, size);
    messages.push({
      key: event.subject,
      value: event.json,
      partition,
      headers: { position: String(event.position), previous: String(last.get(partition) ?? 0), type: event.type },
    });
    last.set(partition, event.position);
    moved.set(partition, event.position);
    to = event.position;
  }
  const more = messages.length < events.length || events.length === batch;
  return { topic, messages, move: { topic, from: position, to, partitions: moved }, after: { position: to, partitions: last }, more };
};

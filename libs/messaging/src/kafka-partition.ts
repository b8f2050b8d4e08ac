/**
 * Partitions of every topic from its first day. Never more for one that is in use: the partition is chosen by a hash of the subject modulo this number, so adding some
 * moves subjects to other partitions, where their later events are read beside their earlier ones and no longer after them.
 */
export const partitionsPerTopic = 12;

/** The partition of a subject, as every Kafka client's default partitioner computes it from the key. */
export const partitionOf = (subject: string): number => (murmur2(Buffer.from(subject, 'utf8')) & 0x7fffffff) % partitionsPerTopic;

/** MurmurHash2 with Kafka's seed. */
const murmur2 = (data: Buffer): number => {
  const m = 0x5bd1e995;
  const { length } = data;
  const whole = length & ~3;
  let h = 0x9747b28c ^ length;
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(data.readInt32LE(at), m);
    k = Math.imul(k ^ (k >>> 24), m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) h ^= (data[whole + 2] as number) << 16;
  if (rest >= 2) h ^= (data[whole + 1] as number) << 8;
  if (rest >= 1) h = Math.imul(h ^ (data[whole] as number), m);
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
};

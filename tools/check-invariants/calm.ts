import { setTimeout as pause } from 'node:timers/promises';
import { groupsOf, serviceNames, type ServiceName } from '@khue/contracts/services';
import { finding, type Finding } from './finding.ts';
import { takeSnapshot, type Snapshot } from './snapshot.ts';

/** By service the address of its database. */
export type Databases = Readonly<Record<ServiceName, string>>;
/** Every database of the city at moments between which nothing happened that one of them hears of from another. */
export type Snapshots = Readonly<Record<ServiceName, Snapshot>>;

const everyMs = 250;
const sayEveryMs = 5_000;

/**
 * Waits until every group has applied every event and nothing is unsent, and answers the databases as they were then. What is typed meanwhile is not
 * waited for: a look that falls between a command and its last effect is taken again, until patience ends; then the last look is answered, with what is behind.
 */
export const whenCalm = async (
  databases: Databases,
  kafka: boolean,
  patienceMs: number,
  say: (line: string) => void,
): Promise<{ snapshots: Snapshots; finding: Finding }> => {
  const end = performance.now() + patienceMs;
  for (let said = Number.NEGATIVE_INFINITY; ;) {
    const snapshots = await takeAll(databases);
    const { seen, behind } = await lagOf(snapshots, kafka).catch(async (error: unknown) => {
      await closeAll(snapshots);
      throw error;
    });
    if (behind.length === 0 || performance.now() >= end) {
      return { snapshots, finding: finding('bus: every group has applied every event, and nothing is unsent', seen, behind) };
    }
    if (performance.now() - said >= sayEveryMs) {
      said = performance.now();
      say(`waiting for what is on its way, up to ${Math.ceil((end - said) / 1_000)} s more: ${behind[0]}`);
    }
    await closeAll(snapshots);
    await pause(everyMs);
  }
};

const takeAll = async (databases: Databases): Promise<Snapshots> => {
  const taken: Partial<Record<ServiceName, Snapshot>> = {};
  try {
    for (const service of serviceNames) taken[service] = await takeSnapshot(databases[service]);
    return taken as Snapshots;
  } catch (error) {
    await closeAll(taken);
    throw error;
  }
};

export const closeAll = async (snapshots: Partial<Snapshots>): Promise<void> => {
  await Promise.all(Object.values(snapshots).map((snapshot) => snapshot.close()));
};

interface Mark {
  readonly topic: string;
  readonly partition: number;
  readonly position: number | null;
}

/**
 * Every watermark against its head: of the topic on the embedded bus, of the partition on Kafka, where the relay keeps what it sent. A group without a watermark has
 * applied nothing.
 */
const lagOf = async (snapshots: Snapshots, kafka: boolean): Promise<{ seen: number; behind: string[] }> => {
  const heads: Mark[] = [];
  const behind: string[] = [];
  for (const service of serviceNames) {
    const { rows } = await snapshots[service].query<{ rows: number }>('select count(*) as rows from messaging.log where position is null');
    if (rows[0]?.rows) behind.push(`${service}: ${rows[0].rows} events without a position`);
    const head = await marks(snapshots[service], `select topic, 0 as partition, position from messaging.head where topic <> '*'`);
    if (!kafka) heads.push(...head);
    else {
      const sent = await marks(snapshots[service], 'select topic, partition, position from messaging.sent');
      const cursors = new Map(sent.filter(({ partition }) => partition === -1).map(({ topic, position }) => [topic, position ?? 0]));
      for (const { topic, position } of head) {
        if ((cursors.get(topic) ?? 0) < (position ?? 0)) behind.push(`${topic}: sent up to position ${cursors.get(topic) ?? 0} of ${position}`);
      }
      heads.push(...sent.filter(({ partition }) => partition !== -1));
    }
  }
  let seen = 0;
  for (const service of serviceNames) {
    const rows = await marks(
      snapshots[service],
      `select group_name || ' ' || topic as topic, partition, position from messaging.watermark where group_name not like '%~%'`,
    );
    const reached = new Map(rows.map(({ topic, partition, position }) => [`${topic} ${partition}`, position ?? 0]));
    for (const [group, heard] of Object.entries(groupsOf(service))) {
      for (const { topic, partition, position } of heads.filter((head) => heard.some((one) => one === head.topic))) {
        seen += 1;
        const at = reached.get(`${group} ${topic} ${partition}`) ?? 0;
        if (at !== position) behind.push(`${group}: ${topic}/${partition} at position ${at} of ${position}`);
      }
    }
  }
  return { seen, behind };
};

const marks = async (snapshot: Snapshot, sql: string): Promise<Mark[]> => (await snapshot.query<Mark & { [column: string]: unknown }>(sql)).rows;

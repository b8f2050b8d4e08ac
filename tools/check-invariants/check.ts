import { serviceNames } from '@khue/contracts/services';
import { closeAll, whenCalm, type Databases, type Snapshots } from './calm.ts';
import type { Finding } from './finding.ts';
import { checkHistory } from './history.ts';
import { readHistory } from './history-file.ts';
import { checkLogs } from './log.ts';
import { checkMetrics } from './metrics.ts';
import { checkParked } from './parked.ts';
import { parts, type Look } from './parts.ts';
import { checkProjections } from './projections.ts';
import type { ReadReport } from './report.ts';
import { checkRest } from './rest.ts';
import { checkTopics } from './topics.ts';

/** Where a city's data lies. */
export interface City {
  /** By service the address of its database, in the role of the running service. */
  readonly databases: Databases;
  /** On Kafka only. */
  readonly brokers?: readonly string[];
  /** Where the services answer, for their own figures; where it isn't known these are not read. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Asks the reporting service's own route for the report of some years; without it only its tables are looked at. */
  readonly report?: ReadReport;
}

export type { Finding };

export interface CheckOptions {
  /** A client's history: what it asked and what it was answered. */
  readonly history?: string;
  /** How long to wait for every group to reach every head; other waits are shorter. */
  readonly patienceMs?: number;
  readonly say: (line: string) => void;
}

const standardPatienceMs = 60_000;
/** What is under way in a living product is over in a moment; what is still so after this long is no rest. */
const longestRestMs = 10_000;

/**
 * Whether the city's data is whole: waits until what is on its way has arrived, reads every database as it was at that moment, on Kafka every topic, and a client's
 * history. Changes nothing; the product may go on meanwhile. Rejects when something can't be read.
 */
export const checkInvariants = async (
  city: City,
  { history: file, patienceMs = standardPatienceMs, say }: CheckOptions,
): Promise<readonly Finding[]> => {
  const restMs = Math.min(patienceMs, longestRestMs);
  const history = file === undefined ? undefined : await readHistory(file);
  const poisoned = history?.poisoned ?? [];
  const { snapshots, finding } = await whenCalm(city.databases, city.brokers !== undefined, patienceMs, say);
  try {
    const parked = await checkParked(snapshots, poisoned);
    return [
      finding,
      ...(await checkLogs(snapshots)),
      ...(city.brokers ? await checkTopics(snapshots, city.brokers, say) : []),
      parked,
      ...(await checkRules(snapshots, { poisoned, report: city.report, restMs })),
      ...(await checkProjections(snapshots)),
      ...(history ? await checkHistory(snapshots, history) : []),
      ...(await checkRest(city.databases, restMs)),
      ...(city.addresses ? [await checkMetrics(city.addresses, parked.seen, restMs, say)] : []),
    ];
  } finally {
    await closeAll(snapshots);
  }
};

/** What each service has of its own to look at. */
const checkRules = async (snapshots: Snapshots, look: Look): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  for (const name of serviceNames) {
    const { rules } = parts[name];
    if (rules !== 'none') findings.push(...(await rules(snapshots, look)));
  }
  return findings;
};

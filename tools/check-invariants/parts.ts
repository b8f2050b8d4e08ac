import { serviceNames, type ServiceName, type services } from '@khue/contracts/services';
import type { Snapshots } from './calm.ts';
import { checkEnrollments } from './enrollments.ts';
import type { Finding } from './finding.ts';
import type { Poisoned } from './history-file.ts';
import { enrollmentOperations, quotaOperations, registryOperations, type Operation, type Operations } from './operations.ts';
import { cards, reported, type Pair } from './pairs.ts';
import { checkReport, type ReadReport } from './report.ts';
import { checkSeats } from './seats.ts';

/** What a check of one service's rows may need beside the databases. */
export interface Look {
  /** Subjects whose news are parked on purpose. */
  readonly poisoned: readonly Poisoned[];
  /** Asks reporting's own route, where it can be asked. */
  readonly report: ReadReport | undefined;
  /** How long something may be under way. */
  readonly restMs: number;
}

/** What only this service has, for whoever judges the city. Logs, topics, watermarks, directories, parked events and connections are looked at without it. */
export interface Part<Name extends ServiceName> {
  /** Selects of its records: `id`, and as `version` the number of events that each tells it has had (docs/adr/0001). Who tells nothing has none. */
  readonly records: (typeof services)[Name]['events'] extends readonly [] ? 'none' : readonly string[];
  /** What it keeps of others' facts, beside the directory. */
  readonly projections: readonly Pair[] | 'none';
  /** Rules between its rows, and between them and its neighbors'. */
  readonly rules: ((snapshots: Snapshots, look: Look) => Promise<readonly Finding[]>) | 'none';
  /** What a client may have asked for. Of others nothing is known but that a key has one answer. */
  readonly operations: Operations | 'none';
  /** Whether those who type wait for it, or go on while it is away. */
  readonly typing: 'waits' | 'goes on';
}

/** A service that stands and is missing here doesn't compile. */
export const parts: { readonly [Name in ServiceName]: Part<Name> } = {
  registry: {
    records: [
      'select id, version from registry.units',
      'select id, version from registry.grants',
      'select id, version from registry.assignments',
      'select id, version from registry.documents',
      // Who came back after an erasure counts on.
      `select id, max(version) from (select id, version from registry.people union all select person_id, version from registry.erased_people) p group by id`,
      `select id, 1 from registry.duplicates where state = 'merged'`,
    ],
    projections: 'none',
    rules: 'none',
    operations: registryOperations,
    typing: 'waits',
  },
  enrollment: {
    records: [
      'select id, 1 as version from enrollment.program',
      'select id, version from enrollment.class',
      'select id, sequence from enrollment.enrollment',
      'select id, sequence from enrollment.past_class',
      'select id, sequence from enrollment.past_turn',
    ],
    projections: [cards],
    rules: (snapshots, { poisoned }) => checkEnrollments(snapshots, poisoned),
    operations: enrollmentOperations,
    typing: 'waits',
  },
  quota: {
    records: ['select id, version from quota.pot', 'select id, version from quota.account', 'select enrollment_id, version from quota.seat'],
    projections: 'none',
    rules: ({ quota }) => checkSeats(quota),
    operations: quotaOperations,
    typing: 'waits',
  },
  reporting: {
    records: 'none',
    projections: reported,
    rules: (snapshots, { report, restMs }) => checkReport(snapshots, report, restMs),
    operations: 'none',
    typing: 'goes on',
  },
};

/** By operationId what a client may have asked for, with the service that owns it. */
export const operations: ReadonlyMap<string, Operation & { readonly service: ServiceName }> = new Map(
  serviceNames.flatMap((service) => {
    const own = parts[service].operations;
    return own === 'none' ? [] : Object.entries(own).map(([name, operation]) => [name, { ...operation, service }] as const);
  }),
);

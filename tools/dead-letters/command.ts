import { parseArgs } from 'node:util';
import { isServiceName, serviceNames, type ServiceName } from '@khue/contracts/services';
import { ConfigProblem } from '@khue/host/config';
import type { ConsumerGroup } from '@khue/messaging/consumer';
import { listParkedDues, retryParkedDues } from '@khue/messaging/due';
import { listParked, type ParkedEvent } from '@khue/messaging/parking';
import { redrive, type RedriveReport } from '@khue/messaging/redrive';
import type { Log } from '@khue/messaging/bus';
import type { Pool } from 'pg';

export interface DeadLettersOptions {
  readonly verb: 'list' | 'redrive';
  readonly service: ServiceName;
  readonly group: string | undefined;
  readonly subject: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly data: string | undefined;
}

const usage = 'Usage: npm run dead-letters -- list|redrive --service S [--group G] [--subject ID] [--dry-run] [--json] [--data ./.data]';

/** Throws ConfigProblem: one sentence and the usage. */
export const readOptions = (argv: readonly string[]): DeadLettersOptions => {
  const refuse = (why: string): never => {
    throw new ConfigProblem(`${why} ${usage}`);
  };
  const parse = () =>
    parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        service: { type: 'string' },
        group: { type: 'string' },
        subject: { type: 'string' },
        data: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    return refuse((error as Error).message);
  }
  const {
    values,
    positionals: [verb, ...rest],
  } = parsed;
  if ((verb !== 'list' && verb !== 'redrive') || rest.length > 0) return refuse('Say list or redrive.');
  const { service, group, subject, data, json } = values;
  if (!isServiceName(service)) return refuse(`--service takes one of ${serviceNames.join(', ')}.`);
  return { verb, service, group, subject, data, json, dryRun: values['dry-run'] };
};

/** What the command prints, and whether everything that was asked for was done. */
export interface Outcome {
  readonly json: unknown;
  readonly lines: readonly string[];
  readonly done: boolean;
}

const page = 1_000;

/** Lists what is parked, events and, unless a group is named, what was due and failed; without payloads, for these may hold personal data. */
export const list = async (pool: Pool, { service, group, subject }: DeadLettersOptions): Promise<Outcome> => {
  const parked: ParkedEvent[] = [];
  for (let rows: readonly ParkedEvent[] | undefined; rows === undefined || rows.length === page;) {
    rows = await listParked(pool, { group, subject }, page, parked.at(-1));
    parked.push(...rows);
  }
  const waiting = Map.groupBy(parked, (event) => JSON.stringify([event.group, event.topic, event.subject]));
  const lines = [...waiting.values()].flatMap((events) => {
    const first = events[0];
    if (!first) return [];
    const more = events.length > 1 ? `, ${events.length - 1} behind it` : '';
    return [
      `${first.group}  ${first.topic}  ${first.subject}  position ${first.position}${more}  since ${first.parkedAt}  tried ${first.attempts}  ${first.reason}`,
    ];
  });
  const due = group === undefined ? await listParkedDues(pool, subject, page) : [];
  const dueLines = due.map((row) => `due  ${row.kind}  ${row.subject}  at ${row.at}  since ${row.parkedAt}  tried ${row.attempts}  ${row.reason}`);
  return {
    json: { service, parked, due },
    lines: [
      ...lines,
      `${parked.length} parked, of ${waiting.size} subjects`,
      ...dueLines,
      ...(due.length > 0 ? [`${due.length}${due.length === page ? ' or more' : ''} due that failed`] : []),
    ],
    done: true,
  };
};

/** Applies parked events again through the service's own handlers, and has what was due and failed tried again; `dryRun` says what would happen. */
export const redriveAll = async (pool: Pool, groups: Iterable<ConsumerGroup>, options: DeadLettersOptions, log: Log): Promise<Outcome> => {
  const { service, group, subject, dryRun } = options;
  const known = [...groups];
  if (group !== undefined && !known.some((candidate) => candidate.group === group)) {
    throw new ConfigProblem(`${service} has no group "${group}"; it has ${known.map((candidate) => candidate.group).join(', ') || 'none'}.`);
  }
  const reports: RedriveReport[] = [];
  for (const each of known) if (group === undefined || each.group === group) reports.push(await redrive(pool, each, { subject, dryRun, log }));
  const subjects = reports.flatMap((report) => report.subjects.map((each) => ({ group: report.group, ...each })));
  const lines = subjects.map(({ group: of, topic, subject: id, applied, skipped, kept, failed }) =>
    [
      `${of}  ${topic}  ${id}  ${dryRun ? 'would apply' : 'applied'} ${applied}`,
      ...(skipped > 0 ? [`skipped ${skipped} of a type the group does not know`] : []),
      ...(kept > 0 ? [`${kept} stay${kept === 1 ? 's' : ''} parked`] : []),
      ...(failed ? [`position ${failed.position} failed again: ${failed.reason}`] : []),
    ].join(', '),
  );
  const total = (what: 'applied' | 'kept'): number => subjects.reduce((sum, each) => sum + each[what], 0);
  // The running service fires them: only it knows its clock and its turn.
  const due = group !== undefined ? 0 : dryRun ? (await listParkedDues(pool, subject)).length : await retryParkedDues(pool, subject);
  return {
    json: { service, dryRun, groups: reports, due },
    lines: [
      ...lines,
      `${dryRun ? 'would apply' : 'applied'} ${total('applied')}, ${total('kept')} ${dryRun ? 'would stay' : 'stay'} parked`,
      ...(due > 0 ? [`${due} due ${dryRun ? 'would be' : 'are'} tried again by the running service`] : []),
    ],
    done: subjects.every((each) => each.failed === undefined),
  };
};

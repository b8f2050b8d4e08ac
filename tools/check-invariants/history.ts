import type { ServiceName } from '@khue/contracts/services';
import { answerKeptHours } from '@khue/messaging/idempotency';
import type { Snapshots } from './calm.ts';
import { digestOf, type History, type Request } from './history-file.ts';
import { finding, type Finding } from './finding.ts';
import { look } from './look.ts';
import type { Operation } from './operations.ts';
import { operations } from './parts.ts';
import { answersOf } from './words.ts';

/** An answer kept with the state it belongs to, in the same transaction: what a key did. */
interface Kept {
  readonly [column: string]: unknown;
  readonly route: string;
  readonly key: string;
  readonly answer: { readonly ok: boolean; readonly status?: number; readonly body?: unknown };
}
interface Outcome {
  readonly ok: boolean;
  readonly digest: string;
}

/** Answers expire; one kept for nearly that long may be swept away any minute. */
const keptMs = (answerKeptHours - 1) * 3_600_000;

/**
 * What a client wrote down against what the city holds. That the state, the log, the topics and the projections agree is for the other checks; so a write that is in
 * the state and in the log is everywhere.
 */
export const checkHistory = async (snapshots: Snapshots, history: History): Promise<Finding[]> => {
  const { lines, requests, unreadable } = history;
  const keyed = requests.filter(({ key }) => key !== null);
  const kept = await readKept(snapshots, keyed);
  const outcomeOf = (request: Request): Outcome | undefined => kept.get(`${request.method} ${request.path} ${request.key}`);
  const isKept = ({ operation, firstAskedAt }: Request): boolean => operations.has(operation) && Date.now() - firstAskedAt < keptMs;
  const acknowledged = keyed.filter((request) => request.acknowledged.length > 0);
  const names = (wrong: readonly Request[]): string[] => wrong.map(({ operation, key }) => `${operation} ${key}`);
  return [
    finding('history: every line can be read', lines, unreadable),
    finding(
      'history: a key that was answered yes several times got one and the same answer',
      acknowledged.length,
      names(
        acknowledged.filter(({ acknowledged: [first, ...rest] }) =>
          rest.some(({ status, digest }) => status !== first?.status || digest !== first.digest),
        ),
      ),
    ),
    finding(
      'history: what was acknowledged is kept under its key, as it was answered',
      acknowledged.length,
      names(
        acknowledged.filter((request) => {
          const outcome = outcomeOf(request);
          return isKept(request) && (!outcome?.ok || outcome.digest !== request.acknowledged[0]?.digest);
        }),
      ),
    ),
    finding(
      'history: what was refused, and never left unanswered, changed nothing',
      keyed.length,
      names(keyed.filter((request) => request.refused > 0 && request.unknown + request.acknowledged.length === 0 && outcomeOf(request)?.ok)),
    ),
    ...(await checkEffects(snapshots, keyed, (request) => (isKept(request) ? outcomeOf(request)?.ok === true : undefined))),
    ...(await checkRecords(snapshots, requests)),
  ];
};

const readKept = async (snapshots: Snapshots, keyed: readonly Request[]): Promise<ReadonlyMap<string, Outcome>> => {
  const asked = new Set(keyed.map(({ method, path, key }) => `${method} ${path} ${key}`));
  const kept = new Map<string, Outcome>();
  const answerOf = await answersOf(snapshots.enrollment);
  for (const snapshot of Object.values(snapshots)) {
    for await (const { route, key, answer } of snapshot.stream<Kept>('select route, key, answer from messaging.idempotency')) {
      if (asked.has(`${route} ${key}`)) kept.set(`${route} ${key}`, { ok: answer.ok, digest: answer.ok ? digestOf(answerOf(answer.body)) : '' });
    }
  }
  return kept;
};

const byOperation = (requests: readonly Request[]): [Operation & { readonly service: ServiceName }, string, Request[]][] =>
  [...Map.groupBy(requests, ({ operation }) => operation)].flatMap(([name, asked]) => {
    const operation = operations.get(name);
    return operation ? [[operation, name, asked]] : [];
  });

/**
 * Each thing was done as often as keys say that it was, counted in the audit, which is written in the state's own transaction. `isDone` undefined: the
 * answer may have expired, so an attempt without one may or may not have been done.
 */
const checkEffects = async (
  snapshots: Snapshots,
  keyed: readonly Request[],
  isDone: (request: Request) => boolean | undefined,
): Promise<Finding[]> => {
  const findings: Finding[] = [];
  for (const [operation, name, asked] of byOperation(keyed)) {
    const things = Map.groupBy(asked, operation.asked);
    const done = new Map<string, number>();
    const since = new Date(Math.min(...asked.map(({ firstAskedAt }) => firstAskedAt))).toISOString();
    const audit = snapshots[operation.service].stream<{ thing: string[]; times: number }>(
      `select ${operation.audited} as thing, count(*) as times from messaging.audit a where command = '${operation.command}' and at >= '${since}' group by 1`,
    );
    for await (const { thing, times } of audit) {
      const key = JSON.stringify(thing.map((word) => word.trim().normalize('NFC')));
      if (things.has(key)) done.set(key, (done.get(key) ?? 0) + times);
    }
    const wrong: string[] = [];
    for (const [thing, requests] of things) {
      const sum = (count: (request: Request) => boolean): number => requests.filter(count).length;
      const must = sum((request) => request.acknowledged.length > 0);
      const may = sum((request) => request.acknowledged.length > 0 || (isDone(request) ?? request.unknown > 0));
      const times = done.get(thing) ?? 0;
      const least = operation.repeated ? Math.min(1, must) : must;
      if (times < least || times > may)
        wrong.push(`${requests.map(({ key }) => key).join(', ')}: done ${times} times, ${least === may ? may : `${least} to ${may}`} by the answers`);
    }
    findings.push(finding(`history: ${name}: done once for each key that was acknowledged, and at most once for the others`, things.size, wrong));
  }
  return findings;
};

/** Records that a client was told of are there, in that version or a later one, and the log tells of them. */
const checkRecords = async (snapshots: Snapshots, requests: readonly Request[]): Promise<Finding[]> => {
  const findings: Finding[] = [];
  for (const [{ service, records }, name, asked] of byOperation(requests)) {
    const told = new Map<string, number>();
    for (const { id, version } of asked.flatMap(({ acknowledged }) => acknowledged)) {
      if (id !== undefined) told.set(id, Math.max(told.get(id) ?? 0, version ?? 0));
    }
    if (told.size === 0) continue;
    findings.push(
      await look(
        snapshots[service],
        `history: ${name}: what was acknowledged is in the state and in the log`,
        `select t.id, r.id is null or r.version < t.version or l.subject is null as wrong from unnest($1::uuid[], $2::int[]) as t (id, version)
           left join (select id, max(version) as version from (${records}) r group by id) r using (id)
           left join (select distinct subject from messaging.log) l on l.subject = t.id::text`,
        [[...told.keys()], [...told.values()]],
      ),
    );
  }
  return findings;
};

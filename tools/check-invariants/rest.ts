import { setTimeout as pause } from 'node:timers/promises';
import { serviceNames } from '@khue/contracts/services';
import { maxConnections } from '@khue/messaging/database';
import type pg from 'pg';
import type { Databases } from './calm.ts';
import { finding, type Finding } from './finding.ts';
import { applicationName, connect } from './snapshot.ts';

interface Seen {
  readonly sessions: number;
  readonly idle: string[];
  readonly waiting: string[];
  readonly prepared: string[];
}

const everyMs = 500;

/** Each service's connections, transactions and locks, as the server tells the service's own role of itself. Memory is for whoever started the processes to look at. */
export const checkRest = async (databases: Databases, patienceMs: number): Promise<Finding[]> => {
  const findings: Finding[] = [];
  for (const service of serviceNames) {
    const client = await connect(databases[service]);
    try {
      const { sessions, idle, waiting, prepared } = await atRest(client, patienceMs);
      const tooMany = sessions > maxConnections ? [`${sessions} connections of ${maxConnections}`] : [];
      findings.push(
        finding(`${service} at rest: no more connections than a service may have`, sessions, tooMany),
        finding(`${service} at rest: no transaction is left idle`, sessions, idle),
        finding(`${service} at rest: nobody waits for a lock`, sessions, waiting),
        finding(`${service} at rest: no transaction is left prepared`, sessions, prepared),
      );
    } finally {
      await client.end();
    }
  }
  return findings;
};

/** Looks again while something is under way: a session stands in one of these states only if it did so at every look. */
const atRest = async (client: pg.Client, patienceMs: number): Promise<Seen> => {
  const end = performance.now() + patienceMs;
  let found = await lookOnce(client);
  while (performance.now() < end && (found.sessions > maxConnections || found.idle.length + found.waiting.length + found.prepared.length > 0)) {
    await pause(everyMs);
    const now = await lookOnce(client);
    const still = (before: readonly string[], after: readonly string[]): string[] => after.filter((one) => before.includes(one));
    found = {
      sessions: Math.min(found.sessions, now.sessions),
      idle: still(found.idle, now.idle),
      waiting: still(found.waiting, now.waiting),
      prepared: still(found.prepared, now.prepared),
    };
  }
  return found;
};

const lookOnce = async (client: pg.Client): Promise<Seen> => {
  const { rows } = await client.query<Seen>(
    // The transaction's start is part of its name: the next one of the same session is another.
    `select (select count(*) from pg_stat_activity where datname = current_database() and usename = current_user and application_name <> $1) as sessions,
       array(select 'pid ' || pid || ' since ' || xact_start from pg_stat_activity
         where datname = current_database() and state like 'idle in transaction%' and application_name <> $1) as idle,
       array(select 'pid ' || l.pid || ' for ' || l.mode || ' on ' || l.locktype from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where not l.granted and a.datname = current_database()) as waiting,
       array(select transaction || ' since ' || prepared from pg_prepared_xacts where database = current_database()) as prepared`,
    [applicationName],
  );
  return rows[0] as Seen;
};

import { serviceNames } from '@khue/contracts/services';
import { restoreStride } from '@khue/messaging/stamp';
import type { Snapshots } from './calm.ts';
import type { Finding } from './finding.ts';
import { look } from './look.ts';
import { parts } from './parts.ts';

/** The log of each service that writes one, by itself and against the records it tells of. */
export const checkLogs = async (snapshots: Snapshots): Promise<Finding[]> => {
  const findings: Finding[] = [];
  for (const service of serviceNames) {
    const { records } = parts[service];
    if (records === 'none') continue;
    const log = snapshots[service];
    findings.push(
      await look(
        log,
        `${service} log: positions go from 1 without gap or twin`,
        // After a restore from a backup positions jump ahead by a fixed stride; any other step is a loss.
        `select 'position ' || position as id, (position - before - 1) % ${restoreStride} <> 0 or position <= before as wrong
         from (select position, lag(position, 1, 0::bigint) over (order by position, id) as before from messaging.log where position is not null) l`,
      ),
      await look(
        log,
        `${service} log: heads stand at the last positions`,
        `select topic as id, coalesce(case when topic = '*' then (h.position - l.last) % ${restoreStride} <> 0 or h.position < l.last else h.position <> l.last end, true) as wrong
         from messaging.head h full join (
           select coalesce(topic, '*') as topic, max(position) as last from messaging.log group by grouping sets ((topic), ()) having max(position) is not null
         ) l using (topic)`,
      ),
      await look(
        log,
        `${service} log: each position names the one before it on its topic`,
        `select 'position ' || position as id, previous is distinct from lag(position, 1, 0::bigint) over (partition by topic order by position) as wrong
         from messaging.log where position is not null`,
      ),
      await look(
        log,
        `${service} log: of each subject, sequence and position follow the order of the commits, from 1 without gap`,
        `select subject as id, sequence <> row_number() over written or id < lag(id, 1, 0::bigint) over written as wrong
         from messaging.log where position is not null window written as (partition by topic, subject order by position)`,
      ),
      await look(log, `${service} log: no event is there twice`, 'select event_id as id, count(*) > 1 as wrong from messaging.log group by event_id'),
      await look(
        log,
        `${service} log: each record's version is the number of its events`,
        `select coalesce(r.id::text, l.subject) as id, coalesce(r.version, 0) <> coalesce(l.events, 0) as wrong
         from (${records.join(' union all ')}) r full join (select subject, count(*) as events from messaging.log group by subject) l on l.subject = r.id::text`,
      ),
    );
  }
  return findings;
};

import { restoreStride } from '@khue/messaging/stamp';
import { services, type Service, type Snapshots } from './calm.ts';
import type { Finding } from './finding.ts';
import { look } from './look.ts';

/** The records of each service with the number of events that each tells it has had (docs/adr/0001). */
const records: Readonly<Record<Exclude<Service, 'reporting'>, string>> = {
  registry: `select id, version from registry.units union all select id, version from registry.grants union all select id, version from registry.assignments
    union all select id, version from registry.documents
    -- Who came back after an erasure counts on.
    union all select id, max(version) from (select id, version from registry.people union all select person_id, version from registry.erased_people) p group by id
    union all select id, 1 from registry.duplicates where state = 'merged'`,
  enrollment: `select id, 1 as version from enrollment.program union all select id, version from enrollment.class union all select id, sequence from enrollment.enrollment
    union all select id, sequence from enrollment.past_class union all select id, sequence from enrollment.past_turn`,
  quota: `select id, version from quota.pot union all select id, version from quota.account union all select enrollment_id, version from quota.seat`,
};

/** The log of each service that writes one, by itself and against the records it tells of. */
export const checkLogs = async (snapshots: Snapshots): Promise<Finding[]> => {
  const findings: Finding[] = [];
  for (const service of services) {
    if (service === 'reporting') continue;
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
         from (${records[service]}) r full join (select subject, count(*) as events from messaging.log group by subject) l on l.subject = r.id::text`,
      ),
    );
  }
  return findings;
};

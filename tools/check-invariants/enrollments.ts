import type { Snapshots } from './calm.ts';
import type { Finding } from './finding.ts';
import type { Poisoned } from './history-file.ts';
import { look, same } from './look.ts';

// A seat may be claimed at quota's own door for a list kept elsewhere (docs/adr/0008); such a seat is no enrollment's. It is told by its first event, whose cause is
// the command of the door, while that of the others is an event of enrollment.
const ofEnrollments = `not exists (
  select from messaging.log l join messaging.audit c on c.subject = l.subject and c.command_id::text = l.context->>'causationid'
  where l.subject = s.enrollment_id::text and l.sequence = 1)`;

/** Enrollment's places and quota's seats say the same of each enrollment. A poisoned subject's news are parked, so nothing can be said of it. */
export const checkEnrollments = async ({ enrollment, quota }: Snapshots, poisoned: readonly Poisoned[]): Promise<Finding[]> => {
  const values = [poisoned.map(({ subject }) => subject)];
  const sound = (id: string): string => `${id}::text <> all ($1::text[])`;
  return [
    await same(
      'enrollment and quota: admitted with a seat, queued in the line, and no seat for anybody else',
      {
        from: 'enrollment',
        snapshot: enrollment,
        values,
        sql: `select id::text, case state when 'queued' then 'in line' else 'seated' end as told from enrollment.enrollment
          where state in ('admitted', 'queued') and ${sound('id')}`,
      },
      {
        from: 'quota',
        snapshot: quota,
        values,
        sql: `select enrollment_id::text as id, case state when 'queued' then 'in line' else 'seated' end as told from quota.seat s
          where state in ('held', 'confirmed', 'queued') and ${sound('enrollment_id')} and ${ofEnrollments}`,
      },
    ),
    await same(
      "enrollment and quota: each enrollment knows the last word on its seat, by quota's own number",
      {
        from: 'enrollment',
        snapshot: enrollment,
        values,
        sql: `select id::text, seat || ' ' || seat_sequence as told from enrollment.enrollment where seat is not null and ${sound('id')}`,
      },
      {
        from: 'quota',
        snapshot: quota,
        values,
        sql: `select enrollment_id::text as id, state || ' ' || version as told from quota.seat s where ${sound('enrollment_id')} and ${ofEnrollments}`,
      },
    ),
    await look(
      enrollment,
      'enrollment: the state of each follows from the last word on its seat, and none waits for a word that came',
      `select id, case state when 'nominated' then seat is not null when 'queued' then seat is distinct from 'queued' when 'admitted' then seat is distinct from 'confirmed'
           when 'turned-down' then seat is null or seat not in ('refused', 'released') when 'withdrawn' then seat is distinct from 'released' else true end as wrong
         from enrollment.enrollment where ${sound('id')}`,
      values,
    ),
    await look(
      enrollment,
      'enrollment: every class counts the places that are taken, and they are no more than it has',
      `select c.id, c.taken <> coalesce(e.taken, 0) or coalesce(e.taken, 0) > c.size as wrong from enrollment.class c
         left join (select class_id, count(*) as taken from enrollment.enrollment where state in ('approved', 'queued', 'admitted') group by 1) e on e.class_id = c.id`,
    ),
    await look(
      enrollment,
      'enrollment: every class of the past counts its turns, and has none twice for a person',
      `select c.id, c.turns <> coalesce(t.turns, 0) or coalesce(t.turns, 0) <> coalesce(t.people, 0) or c.revoked <> (c.turns = 0) as wrong from enrollment.past_class c
         left join (select class_id, count(*) as turns, count(distinct person_id) as people from enrollment.past_turn where not revoked group by 1) t on t.class_id = c.id`,
    ),
  ];
};

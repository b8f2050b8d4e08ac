import type { Snapshot } from './snapshot.ts';
import { finding, type Finding } from './finding.ts';
import { look } from './look.ts';

/** Quota by itself: what is allotted, held, confirmed and waited for. */
export const checkSeats = async (quota: Snapshot): Promise<Finding[]> => [
  await look(
    quota,
    'quota: every account counts the seats that stand in it',
    `select a.id, a.held <> coalesce(s.held, 0) or a.confirmed <> coalesce(s.confirmed, 0) or a.queue_length <> coalesce(s.queued, 0)
         or a.next_queue_no <= coalesce(s.last_no, 0) as wrong
       from quota.account a left join (
         select account_id, count(*) filter (where state = 'held') as held, count(*) filter (where state = 'confirmed') as confirmed,
           count(*) filter (where state = 'queued') as queued, max(queue_no) as last_no from quota.seat group by account_id
       ) s on s.account_id = a.id`,
  ),
  await look(
    quota,
    'quota: every account passed on what the accounts below it were allotted',
    `select a.id, a.passed_on <> coalesce(c.allotted, 0) as wrong
       from quota.account a left join (select parent_account_id, sum(allotted) as allotted from quota.account group by 1) c on c.parent_account_id = a.id`,
  ),
  await look(
    quota,
    'quota: allotted = passed on + held + confirmed + free, and free is never below zero',
    `select a.id, a.allotted < coalesce(c.allotted, 0) + coalesce(s.used, 0) as wrong
       from quota.account a left join (select parent_account_id, sum(allotted) as allotted from quota.account group by 1) c on c.parent_account_id = a.id
         left join (select account_id, count(*) as used from quota.seat where state in ('held', 'confirmed') group by 1) s on s.account_id = a.id`,
  ),
  await look(
    quota,
    'quota: the root account of each pot has its size, and no more than that is held or confirmed',
    `select p.id, p.size <> coalesce(r.allotted, -1) or coalesce(s.used, 0) > p.size as wrong
       from quota.pot p left join quota.account r on r.pot_id = p.id and r.parent_account_id is null
         left join (select pot_id, count(*) as used from quota.seat where state in ('held', 'confirmed') group by 1) s on s.pot_id = p.id`,
  ),
  await look(
    quota,
    'quota: who holds, confirmed or awaits a seat stands in an account of the pot',
    `select s.enrollment_id as id, (s.state in ('held', 'confirmed', 'queued') and (a.id is null or a.pot_id is distinct from s.pot_id))
         or (s.state = 'queued') <> (s.queue_no is not null) as wrong
       from quota.seat s left join quota.account a on a.id = s.account_id`,
  ),
  await look(
    quota,
    'quota: nobody waits while a seat is free for them',
    `select s.enrollment_id as id, a.allotted > a.passed_on + a.held + a.confirmed as wrong
       from quota.seat s join quota.account a on a.id = s.account_id where s.state = 'queued'`,
  ),
  await look(
    quota,
    'quota: the queue of each account is in the order of asking',
    // By the numbers in the queue against the log: first asked, first in the line, also after a division moved the line.
    `select s.enrollment_id as id, row_number() over (partition by s.account_id order by s.queue_no) <> row_number() over (partition by s.account_id order by q.asked) as wrong
       from quota.seat s left join (select subject, min(position) as asked from messaging.log where type = 'quota.seat-queued' group by subject) q
         on q.subject = s.enrollment_id::text where s.state = 'queued'`,
  ),
  await nobodyOvertook(quota),
];

interface Step {
  readonly [column: string]: unknown;
  readonly type: string;
  readonly seat: string;
  readonly account: string | null;
  readonly cause: string | null;
}

/**
 * The log told again from its beginning: a seat that becomes free goes to the head of the line, and nobody is given one past a line. Of a divided account those
 * whose unit got an account of its own are served from that one, past their neighbors, so only moves within an account are judged.
 */
const nobodyOvertook = async (quota: Snapshot): Promise<Finding> => {
  // A Map keeps the order of its insertions, so the first key is the head.
  const lines = new Map<string, Map<string, true>>();
  const standing = new Map<string, string>();
  const wrong = new Set<string>();
  let seen = 0;
  const steps = quota.stream<Step>(
    `select type, subject as seat, data->>'accountId' as account, data->>'cause' as cause from messaging.log
     where type in ('quota.seat-held', 'quota.seat-queued', 'quota.seat-released') and position is not null order by position`,
  );
  for await (const { type, seat, account, cause } of steps) {
    seen += 1;
    const from = standing.get(seat);
    if (type === 'quota.seat-held' && account !== null) {
      const head = lines.get(account)?.keys().next().value;
      if (head !== undefined && ((cause === 'promoted' && from === account && head !== seat) || cause === 'requested')) wrong.add(seat);
    }
    if (from !== undefined) lines.get(from)?.delete(seat);
    standing.delete(seat);
    if (type === 'quota.seat-queued' && account !== null) {
      if (!lines.has(account)) lines.set(account, new Map());
      lines.get(account)?.set(seat, true);
      standing.set(seat, account);
    }
  }
  return finding('quota: told again from its log, nobody overtook', seen, [...wrong]);
};

import { directoryHolders, type ServiceName } from '@khue/contracts/services';

/** A violation, planted by hands that no service has, and the checks that must see it and no others: the one it is made for first. */
export interface Plant {
  readonly title: string;
  readonly on: ServiceName;
  readonly sql: string;
  /** Answers what the first check has to name, asked before the planting. */
  readonly id: string;
  readonly red: readonly string[];
}

const plant = (title: string, on: ServiceName, id: string, sql: string, ...red: string[]): Plant => ({ title, on, id, sql, red });

const positions = (service: string): string => `${service} log: positions go from 1 without gap or twin`;
const chain = (service: string): string => `${service} log: each position names the one before it on its topic`;
const order = (service: string): string =>
  `${service} log: of each subject, sequence and position follow the order of the commits, from 1 without gap`;
const version = (service: string): string => `${service} log: each record's version is the number of its events`;

const aDocument = `select id from registry.documents limit 1`;
const ofLogs: readonly Plant[] = [
  plant(
    'an event in the middle of the log is gone',
    'registry',
    `select 'position ' || (position + 1) from messaging.log where type = 'registry.document-recorded' order by position limit 1`,
    `delete from messaging.log where type = 'registry.document-recorded'`,
    positions('registry'),
    chain('registry'),
    version('registry'),
    'history: recordDocument: what was acknowledged is in the state and in the log',
  ),
  plant(
    'two events have one position',
    'registry',
    `select 'position ' || position from messaging.log where topic = 'khue.registry.people' and position is not null order by position desc limit 1`,
    `insert into messaging.log (position, previous, topic, subject, sequence, type, version, event_id, time, context, data)
       select position, (select max(l.position) from messaging.log l where l.topic = 'khue.registry.facts' and l.position < log.position), 'khue.registry.facts',
         '${'0'.repeat(8)}', 1, type, version, gen_random_uuid(), time, context, '{}' from messaging.log where topic = 'khue.registry.people' order by position desc limit 1;
     update messaging.log l set previous = n.before
       from (select id, lag(position, 1, 0::bigint) over (partition by topic order by position) as before from messaging.log) n where n.id = l.id and l.previous <> n.before;
     update messaging.head h set position = (select max(position) from messaging.log l where l.topic = h.topic) where topic <> '*'`,
    positions('registry'),
    version('registry'),
  ),
  plant(
    'a head ran ahead',
    'quota',
    `select '*'`,
    `update messaging.head set position = position + 1 where topic = '*'`,
    'quota log: heads stand at the last positions',
  ),
  plant(
    'an event names another before it',
    'enrollment',
    `select 'position ' || max(position) from messaging.log`,
    'update messaging.log set previous = previous - 1 where position = (select max(position) from messaging.log)',
    chain('enrollment'),
  ),
  plant(
    'two events of a subject changed places',
    'enrollment',
    `select subject from messaging.log where type = 'enrollment.nomination-approved' order by id limit 1`,
    `update messaging.log set sequence = 5 - sequence where sequence in (2, 3)
       and subject = (select subject from messaging.log where type = 'enrollment.nomination-approved' order by id limit 1)`,
    order('enrollment'),
  ),
  plant(
    'an event is told twice under one id',
    'quota',
    `select event_id from messaging.log where position = 1`,
    'update messaging.log set event_id = (select event_id from messaging.log where position = 1) where position = 2',
    'quota log: no event is there twice',
  ),
  plant(
    'a record has a version without an event',
    'registry',
    aDocument,
    `update registry.documents set version = version + 1 where id = (${aDocument})`,
    version('registry'),
  ),
  plant(
    'a record has lost its version',
    'quota',
    'select id from quota.account limit 1',
    'update quota.account set version = version + 1 where id = (select id from quota.account limit 1)',
    version('quota'),
  ),
];

const ofTheBus: readonly Plant[] = [
  plant(
    'a group is behind',
    'reporting',
    `select 'reporting: khue.quota.facts/0 at position ' || (position - 1) || ' of ' || position from messaging.watermark where group_name = 'reporting' and topic = 'khue.quota.facts'`,
    `update messaging.watermark set position = position - 1 where group_name = 'reporting' and topic = 'khue.quota.facts'`,
    'bus: every group has applied every event, and nothing is unsent',
  ),
  plant(
    'a group has never heard',
    'quota',
    `select 'quota: khue.enrollment.facts/0 at position 0 of ' || position from messaging.watermark where group_name = 'quota'`,
    `delete from messaging.watermark where group_name = 'quota'`,
    'bus: every group has applied every event, and nothing is unsent',
  ),
  plant(
    'an event is parked',
    'reporting',
    `select 'reporting s-1'`,
    `insert into messaging.parked (group_name, topic, partition, position, subject, message, reason) values ('reporting', 'khue.quota.facts', 0, 1, 's-1', '{}', 'planted')`,
    'bus: nothing is parked but what was poisoned',
  ),
];

const counts = 'quota: every account counts the seats that stand in it';
const passedOn = 'quota: every account passed on what the accounts below it were allotted';
const aFull = `select account_id from quota.seat where state = 'queued' limit 1`;
const aRoot = 'select id from quota.account where parent_account_id is null limit 1';
const reportedAccounts = 'reporting: its accounts are those of quota';
const ofQuota: readonly Plant[] = [
  plant('an account counts a seat too many', 'quota', aRoot, `update quota.account set confirmed = confirmed + 1 where id = (${aRoot})`, counts),
  plant(
    'an account counts one less in its line',
    'quota',
    aFull,
    `update quota.account set queue_length = queue_length - 1 where id = (${aFull})`,
    counts,
  ),
  plant(
    'an account passed on less than it did',
    'quota',
    aRoot,
    `update quota.account set passed_on = passed_on - 1 where id = (${aRoot})`,
    passedOn,
  ),
  plant(
    'an account was allotted less than it holds',
    'quota',
    aFull,
    `alter table quota.account drop constraint never_oversold; update quota.account set allotted = allotted - 1 where id = (${aFull})`,
    'quota: allotted = passed on + held + confirmed + free, and free is never below zero',
    passedOn,
    reportedAccounts,
  ),
  plant(
    'a pot is smaller than what was given of it',
    'quota',
    'select id from quota.pot limit 1',
    'update quota.pot set size = 1',
    'quota: the root account of each pot has its size, and no more than that is held or confirmed',
    'reporting: its pots are those of quota',
  ),
  plant(
    'a seat stands in no account of its pot',
    'quota',
    `select enrollment_id from quota.seat where state = 'confirmed' order by 1 limit 1`,
    `update quota.seat set pot_id = null where enrollment_id = (select enrollment_id from quota.seat where state = 'confirmed' order by 1 limit 1)`,
    'quota: who holds, confirmed or awaits a seat stands in an account of the pot',
    'reporting: its seats are those of quota',
  ),
  plant(
    'somebody waits beside a free seat',
    'quota',
    `select enrollment_id from quota.seat where state = 'queued' limit 1`,
    `update quota.account set allotted = allotted + 1 where id = (${aFull})`,
    'quota: nobody waits while a seat is free for them',
    passedOn,
    reportedAccounts,
  ),
  plant(
    'two changed places in the line',
    'quota',
    `select enrollment_id from quota.seat where state = 'queued' order by queue_no limit 1`,
    `do $$ declare one int; other int; begin
       select min(queue_no), max(queue_no) into one, other from quota.seat where state = 'queued';
       update quota.seat set queue_no = 0 where queue_no = one; update quota.seat set queue_no = one where queue_no = other;
       update quota.seat set queue_no = other where queue_no = 0; end $$`,
    'quota: the queue of each account is in the order of asking',
  ),
  plant(
    'somebody was given a seat past the line',
    'quota',
    `select subject from messaging.log where type = 'quota.seat-held' and data->>'cause' = 'promoted' limit 1`,
    `update messaging.log set data = jsonb_set(data::jsonb, '{cause}', '"requested"')::json where type = 'quota.seat-held' and data->>'cause' = 'promoted'`,
    'quota: told again from its log, nobody overtook',
  ),
  plant(
    'somebody behind the head was promoted',
    'quota',
    `select subject from messaging.log where type = 'quota.seat-queued' order by position desc limit 1`,
    // The last in the line takes the place of the promoted one in the log.
    `update messaging.log set subject = (select subject from messaging.log where type = 'quota.seat-queued' order by position desc limit 1), sequence = 2
       where type = 'quota.seat-held' and data->>'cause' = 'promoted'`,
    'quota: told again from its log, nobody overtook',
    order('quota'),
    version('quota'),
  ),
];

const seated = 'enrollment and quota: admitted with a seat, queued in the line, and no seat for anybody else';
const stateFollows = 'enrollment: the state of each follows from the last word on its seat, and none waits for a word that came';
const places = 'enrollment: every class counts the places that are taken, and they are no more than it has';
const lastWord = "enrollment and quota: each enrollment knows the last word on its seat, by quota's own number";
const ofYears = "report of all years: reporting's rows give the classes, turns and people of each line that the owners' rows give";
const ofTurns = 'reporting: its turns are those of enrollment';
const anAdmitted = `select id from enrollment.enrollment where state = 'admitted' order by id limit 1`;
const ofEnrollments: readonly Plant[] = [
  plant(
    'a seat is held for somebody who withdrew',
    'enrollment',
    `select id || ' in quota only' from (${anAdmitted}) e`,
    `update enrollment.enrollment set state = 'withdrawn' where id = (${anAdmitted})`,
    seated,
    stateFollows,
    places,
    ofTurns,
    ofYears,
  ),
  plant(
    'somebody is admitted without a seat',
    'quota',
    `select enrollment_id || ' in enrollment only' from quota.seat where state = 'confirmed' order by 1 limit 1`,
    `update quota.seat set state = 'released' where enrollment_id = (select enrollment_id from quota.seat where state = 'confirmed' order by 1 limit 1)`,
    seated,
    lastWord,
    counts,
    'reporting: its seats are those of quota',
  ),
  plant(
    'an enrollment missed the last word on its seat',
    'enrollment',
    `select id || ' differs' from (${anAdmitted}) e`,
    `update enrollment.enrollment set seat_sequence = seat_sequence - 1 where id = (${anAdmitted})`,
    lastWord,
  ),
  plant(
    'an enrollment does not follow from its seat',
    'enrollment',
    `select id from enrollment.enrollment where state = 'turned-down' limit 1`,
    `update enrollment.enrollment set state = 'withdrawn' where state = 'turned-down'`,
    stateFollows,
  ),
  plant(
    'a class counts a place too many',
    'enrollment',
    'select id from enrollment.class limit 1',
    'update enrollment.class set taken = taken + 1',
    places,
  ),
  plant(
    'a class has fewer places than are taken',
    'enrollment',
    'select class_id from enrollment.enrollment limit 1',
    `alter table enrollment.class drop constraint class_check; update enrollment.class set size = 1`,
    places,
  ),
  plant(
    'a class of the past counts a turn too many',
    'enrollment',
    'select id from enrollment.past_class',
    'update enrollment.past_class set turns = turns + 1',
    'enrollment: every class of the past counts its turns, and has none twice for a person',
  ),
];

const directory = directoryHolders.flatMap((on): Plant[] => {
  const name = (what: string): string => `${on}: its ${what} are those of registry`;
  const first = (table: string, id: string): string => `select ${id} from directory.${table} order by 1 limit 1`;
  return [
    plant(
      'a unit has another name',
      on,
      `${first('unit', `id || ' differs'`)}`,
      `update directory.unit set name = 'x' where id = (${first('unit', 'id')})`,
      name('units'),
    ),
    plant(
      'a unit has no parent',
      on,
      `select unit_id || ' ' || valid_from || ' in registry only' from directory.unit_parent order by 1 limit 1`,
      'delete from directory.unit_parent where unit_id = (select unit_id from directory.unit_parent order by unit_id::text limit 1)',
      name('parents of units'),
    ),
    plant(
      'a unit was succeeded otherwise',
      on,
      `select from_unit_id || ' ' || to_unit_id || ' differs' from directory.succession limit 1`,
      'update directory.succession set share = 1',
      name('successions of units'),
    ),
    plant(
      'a history is assigned to nobody',
      on,
      `select from_unit_id || ' ' || person_id || ' in registry only' from directory.assignment`,
      'delete from directory.assignment',
      name('assigned histories'),
    ),
    plant(
      'a revoked grant goes on',
      on,
      `select id || ' differs' from directory.granted where sub = 'officer.old'`,
      `update directory.granted set valid_to = null where sub = 'officer.old'`,
      name('grants'),
    ),
  ];
});

const aTurn = 'select id from reporting.turn order by id limit 1';
const ofProjections: readonly Plant[] = [
  plant(
    "a person's card is older than the record",
    'enrollment',
    `select person_id || ' differs' from cards.person order by person_id limit 1`,
    `update cards.person set facts = '{"degree": "none"}' where person_id = (select person_id from cards.person order by person_id limit 1)`,
    "enrollment: its people's cards are those of registry",
  ),
  plant(
    'the card of an erased person is still there',
    'enrollment',
    `select '00000000-0000-0000-0000-000000000001 in enrollment only'`,
    `insert into cards.person select '00000000-0000-0000-0000-000000000001', unit_id, name, name_fold, null, facts, null, 1 from cards.person limit 1`,
    "enrollment: its people's cards are those of registry",
  ),
  ...directory,
  plant(
    'a program counts in another line',
    'reporting',
    `select code || ' ' || version || ' differs' from reporting.program order by code limit 1`,
    `update reporting.program set line = 'x'`,
    'reporting: its programs are those of enrollment',
  ),
  plant(
    'a class counts in another line',
    'reporting',
    `select id || ' differs' from reporting.class order by id limit 1`,
    `update reporting.class set line = 'x' where id = (select id from reporting.class order by id limit 1)`,
    'reporting: its classes are those of enrollment',
    ofYears,
  ),
  plant(
    'a turn is not counted',
    'reporting',
    `select id || ' in enrollment only' from (${aTurn}) t`,
    `delete from reporting.turn where id = (${aTurn})`,
    ofTurns,
    ofYears,
  ),
  plant(
    'a turn counts for another unit',
    'reporting',
    `select id || ' differs' from (${aTurn}) t`,
    `update reporting.turn set unit_id = gen_random_uuid() where id = (${aTurn})`,
    ofTurns,
  ),
  plant(
    'two people merged are still two',
    'reporting',
    `select person_id || ' in registry only' from reporting.merged`,
    'delete from reporting.merged',
    'reporting: its merged people are those of registry',
  ),
  plant(
    'a pot is reported with another size',
    'reporting',
    `select id || ' differs' from reporting.pot`,
    'update reporting.pot set size = size + 1',
    'reporting: its pots are those of quota',
  ),
  plant(
    'an account is reported with another share',
    'reporting',
    `select id || ' differs' from reporting.account limit 1`,
    'update reporting.account set allotted = allotted + 1',
    reportedAccounts,
  ),
  plant(
    'a seat is reported that was given back',
    'reporting',
    `select '00000000-0000-0000-0000-000000000001 in reporting only'`,
    `insert into reporting.seat select '00000000-0000-0000-0000-000000000001', pot_id, account_id, state from reporting.seat limit 1`,
    'reporting: its seats are those of quota',
  ),
];

export const plants: readonly Plant[] = [...ofLogs, ...ofTheBus, ...ofQuota, ...ofEnrollments, ...ofProjections];

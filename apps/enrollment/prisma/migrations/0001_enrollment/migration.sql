-- Programs, classes, who is sent to them, and the turns of the past.
create schema enrollment;

-- Counters: versions of a program or rule set, numbers of classes. The row is locked while a number is given, so they have no gaps.
create table enrollment.series (
  kind          text not null,
  key           text not null,
  last          int  not null,
  primary key (kind, key)
);

-- Written once: a correction is the next version.
create table enrollment.program (
  id            uuid primary key,
  code          text not null,
  version       int  not null,
  name          text not null,
  level         text,
  form          text,
  line          text not null,
  hours         int  not null,
  valid_from    date not null,
  document_no   text not null,
  published_at  timestamptz not null
);
create unique index program_version on enrollment.program (code, version);

-- Written once, with the hash that decisions made under it name.
create table enrollment.rule_set (
  id            text not null,
  version       int  not null,
  hash          text not null,
  body          jsonb not null,
  published_at  timestamptz not null,
  primary key (id, version)
);

create table enrollment.class (
  id              uuid primary key,
  code            text not null,
  program_id      uuid not null references enrollment.program (id),
  program_code    text not null,
  program_version int  not null,
  line            text not null,
  level           text,
  form            text,
  host_unit_id    uuid not null,
  organizers      uuid[] not null,
  size            int  not null check (size > 0),
  -- The last defense against a class place given twice; the decision under the row's lock is the first.
  taken           int  not null check (taken >= 0 and taken <= size),
  valid_from      date not null,
  valid_to        date not null,
  version         int  not null
);
create unique index class_code on enrollment.class (host_unit_id, code);
create index class_newest on enrollment.class (valid_from desc, id);

create table enrollment.enrollment (
  id            uuid primary key,
  class_id      uuid not null references enrollment.class (id),
  person_id     uuid not null,
  unit_id       uuid not null,
  state         text not null check (state in ('nominated', 'approved', 'queued', 'turned-down', 'admitted', 'withdrawn')),
  verdict       text not null,
  eligibility   jsonb not null,
  waivers       jsonb not null,
  -- what quota last said, and the number of that event
  seat          text,
  seat_sequence bigint not null,
  reason        text,
  entered_by    text not null,
  entered_at    timestamptz not null,
  approved_by   text,
  approved_at   timestamptz,
  grant_id      uuid,
  version       int not null,
  sequence      int not null
);
create unique index enrollment_active on enrollment.enrollment (class_id, person_id) where state not in ('turned-down', 'withdrawn');
create index enrollment_unit on enrollment.enrollment (unit_id, id);
create index enrollment_person on enrollment.enrollment (person_id);
-- The oldest that waits for quota's answer is a metric.
create index enrollment_waiting on enrollment.enrollment (approved_at) where state = 'approved';

-- What quota told of a seat, for the timeline.
create table enrollment.seat_event (
  enrollment_id  uuid not null,
  sequence       bigint not null,
  event_id       uuid not null,
  type           text not null,
  at             timestamptz not null,
  causation_id   text not null,
  correlation_id text not null,
  actor          text not null,
  primary key (enrollment_id, sequence)
);

-- Cards of people as khue.registry.people has them: a projection that can be made anew while it serves, so in a schema of its own. Personal data: a
-- tombstone deletes the row.
create schema cards;

create table cards.person (
  person_id     uuid primary key,
  unit_id       uuid not null,
  name          text not null,
  name_fold     text not null,
  -- compared a million times by an import and never sorted for people: by bytes
  identity_ref  text collate "C",
  facts         jsonb not null,
  merged_into   uuid,
  sequence      bigint not null
);
create index person_identity on cards.person (identity_ref) where identity_ref is not null;
create index person_merged on cards.person (merged_into) where merged_into is not null;

-- Classes of the past, as imports brought them. A revoked one keeps its row: the facts told of it go on counting.
create table enrollment.past_class (
  id            uuid primary key,
  code          text not null,
  program_code  text not null,
  line          text not null,
  host_unit_id  uuid not null,
  valid_from    date not null,
  valid_to      date not null,
  import_id     uuid not null,
  turns         int  not null check (turns >= 0),
  revoked       boolean not null,
  sequence      int  not null
);
create unique index past_class_code on enrollment.past_class (code);
create index past_class_newest on enrollment.past_class (valid_from desc, id) where not revoked;

-- Turns of the past, a million of them: narrow, and no foreign keys, whose checks would fire for each row.
create table enrollment.past_turn (
  id            uuid not null,
  class_id      uuid not null,
  person_id     uuid not null,
  unit_id       uuid not null,
  import_id     uuid not null,
  revoked       boolean not null,
  sequence      int  not null,
  document_no   text not null
);
alter table enrollment.past_turn add primary key (id);
-- A class's rows come together, so what holds its id grows in one place at a time: as (unit_id, id) and (person_id, class_id) the two cost 3 µs a row more.
create unique index past_turn_once on enrollment.past_turn (class_id, person_id) where not revoked;
create index past_turn_unit on enrollment.past_turn (unit_id, class_id, person_id) where not revoked;
create index past_turn_person on enrollment.past_turn (person_id);

-- A story is read by its subject. A million recorded turns have no story, so they stay out of the index.
create index log_subject on messaging.log (subject) where type <> 'enrollment.turn-recorded';

grant usage on schema enrollment, cards to ${app};
grant select, insert on enrollment.program, enrollment.rule_set, enrollment.seat_event to ${app};
grant select, insert, update on enrollment.series, enrollment.class, enrollment.enrollment, enrollment.past_class, enrollment.past_turn to ${app};
grant select, insert, update, delete on cards.person to ${app};

-- Projections of other services' facts. Their names are looked up by search path, so that a rebuild can fill a second set beside them.
create schema reporting;

create table reporting.program (
  code        text not null,
  version     int  not null,
  name        text not null,
  line        text not null,
  primary key (code, version)
);
create table reporting.class (
  id           uuid primary key,
  code         text not null,
  program_code text not null,
  line         text not null,
  host_unit_id uuid not null,
  from_date    date not null
);
create index class_period on reporting.class (from_date);
-- One row a counted turn; a fact that is taken back takes its row with it.
create table reporting.turn (
  id          uuid primary key,
  class_id    uuid not null,
  person_id   uuid not null,
  unit_id     uuid not null,
  imported    boolean not null
);
create index turn_class on reporting.turn (class_id);
-- A record that was merged counts as the one that was kept.
create table reporting.merged (
  person_id   uuid primary key,
  kept_id     uuid not null
);
create table reporting.pot (
  id           uuid primary key,
  year         int  not null,
  program_code text not null,
  size         int  not null,
  document_no  text not null,
  root_unit_id uuid not null
);
create table reporting.account (
  id           uuid primary key,
  pot_id       uuid not null,
  parent_id    uuid,
  unit_id      uuid not null,
  allotted     int  not null
);
create table reporting.seat (
  enrollment_id uuid primary key,
  pot_id        uuid not null,
  account_id    uuid not null,
  state         text not null
);

-- What the city published: owned here, typed in by the board, held against what is counted.
create schema published;
create table published.report (
  id             uuid primary key,
  source         text not null,
  period_from    date not null,
  period_to      date not null,
  headline_turns bigint not null,
  version        int  not null,
  recorded_at    timestamptz not null default now(),
  unique (period_from, period_to)
);
create table published.line (
  report_id   uuid not null references published.report,
  place       int  not null,
  code        text not null,
  name_vi     text not null,
  name_en     text not null,
  classes     int  not null,
  learners    bigint not null,
  counts      text not null check (counts in ('people', 'turns')),
  primary key (report_id, place),
  unique (report_id, code)
);

grant usage on schema reporting, published to ${app};
grant select, insert, update, delete on all tables in schema reporting to ${app};
grant select, insert on all tables in schema published to ${app};

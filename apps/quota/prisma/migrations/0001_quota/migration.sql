create schema quota;

create table quota.pot (
  id           uuid primary key,
  year         int  not null,
  program_code text not null,
  size         int  not null check (size > 0),
  document_no  text not null,
  root_unit_id uuid not null,
  closes_on    date,
  version      int  not null,
  unique (year, program_code)
);

-- What a unit holds of a pot. The check is the last line of defense: nothing that oversells can commit.
create table quota.account (
  id                uuid primary key,
  pot_id            uuid not null references quota.pot,
  unit_id           uuid not null,
  parent_account_id uuid references quota.account,
  -- Rows are locked by (pot, depth, id): parents first, in claims and divisions alike, so that no two batches wait for each other.
  depth             int  not null,
  allotted          int  not null check (allotted >= 0),
  passed_on         int  not null check (passed_on >= 0),
  held              int  not null check (held >= 0),
  confirmed         int  not null check (confirmed >= 0),
  queue_length      int  not null check (queue_length >= 0),
  next_queue_no     int  not null,
  version           int  not null,
  unique (pot_id, unit_id),
  constraint never_oversold check (passed_on + held + confirmed <= allotted)
);

-- The seat of one enrollment, under the enrollment's id.
create table quota.seat (
  enrollment_id uuid primary key,
  state         text not null check (state in ('held', 'queued', 'refused', 'confirmed', 'released')),
  unit_id       uuid,
  year          int,
  program_code  text,
  pot_id        uuid references quota.pot,
  account_id    uuid references quota.account,
  reason        text,
  queue_no      int,
  version       int not null,
  because       jsonb not null
);
create unique index seat_queue on quota.seat (account_id, queue_no) where state = 'queued';

grant usage on schema quota to ${app};
-- Seats, pots and accounts change their state, and none ever goes.
grant select, insert, update on all tables in schema quota to ${app};

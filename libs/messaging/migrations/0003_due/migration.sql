-- What is to happen by itself: one row for each thing of a kind about a subject, fired as a command once its instant has come.
create table messaging.due (
  -- "C": the order in which rows of one instant fire is the order of their bytes, in every database and in our own code
  kind        text collate "C" not null,
  subject     text collate "C" not null,
  at          timestamptz not null,
  body        jsonb  not null,
  -- counted when its command throws; a refusal is an answer and takes the row away
  attempts    int    not null default 0,
  -- by the database's clock, not by the one that rows are due by: that one may jump
  retry_at    timestamptz,
  -- an operator is waited for
  parked_at   timestamptz,
  reason      text,
  primary key (kind, subject)
);
create index due_next on messaging.due (at, kind, subject) where parked_at is null;

-- What a command was refused of what it asked for: how many times under each code. Null where it was refused nothing.
alter table messaging.audit add column refused jsonb;

grant select, insert, update, delete on messaging.due to ${app};

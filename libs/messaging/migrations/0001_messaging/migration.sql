-- From a command to its last effect: the tables every service has beside its own.
create schema messaging;

-- The outbox with positions. Per subject, id order is commit order: the transaction holds the subject's row lock, and inserts here in a
-- later statement than the state's. Readers use position; only the relay reads by id.
create table messaging.log (
  id          bigint generated always as identity,
  position    bigint,
  -- the position before this one on the same topic: a reader sees a hole instead of guessing
  previous    bigint,
  topic       text   not null,
  subject     text   not null,
  sequence    bigint not null,
  type        text   not null,
  version     int    not null,
  event_id    uuid   not null,
  time        timestamptz not null,
  context     json   not null,
  data        json   not null
);
create index log_unstamped on messaging.log (id) where position is null;
create unique index log_read on messaging.log (topic, position) where position is not null;

-- One row: the relay's term. A holder that was frozen past its lease finds another term here, in its own stamping transaction.
create table messaging.lease (
  name        text primary key,
  term        bigint not null,
  holder      text   not null,
  expires_at  timestamptz not null
);

-- The head of the log: last position of the service and of each topic; moved by the stamping transaction only.
create table messaging.head (
  topic       text primary key, -- '*' is the service's own counter
  position    bigint not null
);

-- Kafka only: what was sent, per topic, and the last position in each partition.
create table messaging.sent (
  topic       text not null,
  partition   int  not null, -- -1 is the topic's cursor
  position    bigint not null,
  primary key (topic, partition)
);

-- What a group has applied of each partition.
create table messaging.watermark (
  group_name  text   not null,
  topic       text   not null,
  partition   int    not null,
  -- null: nothing yet, the row is there to count and to lock
  position    bigint,
  -- where Kafka is to be read on; kept here because the group's own offset may be newer than a restored database
  next_offset bigint,
  -- counted before the handler starts, so that a handler that kills its process is found out
  attempts    int    not null default 0,
  -- the consumer that counted last: what it started itself and came back from was no death
  attempted_by uuid,
  primary key (group_name, topic, partition)
);

-- Events a group could not apply, and behind them the later ones of the same subject, in order.
create table messaging.parked (
  group_name  text   not null,
  topic       text   not null,
  partition   int    not null,
  position    bigint not null,
  subject     text   not null,
  message     json   not null,
  reason      text   not null,
  attempts    int    not null default 0,
  parked_at   timestamptz not null default now(),
  primary key (group_name, topic, position)
);
create index parked_subject on messaging.parked (group_name, topic, subject, position);

-- Answers already given, for 24 hours.
create table messaging.idempotency (
  sub         text not null,
  route       text not null,
  key         text not null,
  body_hash   text not null,
  status      int  not null,
  answer      jsonb not null,
  -- so that a person's data can be found and taken out before it expires
  persons     uuid[] not null default '{}',
  expires_at  timestamptz not null,
  primary key (sub, route, key)
);
create index idempotency_expiry on messaging.idempotency (expires_at);

-- Who, under which grant, when, why, before and after.
create table messaging.audit (
  id             bigint generated always as identity primary key,
  at             timestamptz not null,
  actor          text not null,
  grant_id       text,
  command        text not null,
  command_id     uuid not null,
  correlation_id text not null,
  subject        text not null,
  reason         text,
  before         jsonb,
  after          jsonb
);
create index audit_subject on messaging.audit (subject, id);

grant usage on schema messaging to ${app};
grant select, insert, update, delete on messaging.lease, messaging.head, messaging.sent, messaging.watermark, messaging.parked, messaging.idempotency to ${app};
-- The ledger of events and the audit are written once: the relay may stamp a position, nothing else changes and nothing goes.
grant select, insert on messaging.log, messaging.audit to ${app};
grant update (position, previous) on messaging.log to ${app};

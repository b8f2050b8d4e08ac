-- Units, people, grants and documents of the city. Dates are business dates; validity is [from, to); recorded_at says when we were told.
-- btree_gist: uuid beside a range in one exclusion constraint. Provisioning has it in the schema `extensions`; the owner may create it, it is a trusted one.
create extension if not exists btree_gist;

create schema registry;

-- One row. Every command on units, grants or assignments locks it: the structure is decided over as a whole (a circle needs two moves), and changes a few
-- times a day. The version moves with each change, so that replicas notice.
create table registry.structure (
  single   boolean primary key default true check (single),
  version  bigint  not null
);
insert into registry.structure (version) values (0);

create table registry.units (
  id           uuid primary key,
  code         text not null unique,
  kind         text not null,
  name         text not null,
  valid_from   date not null,
  valid_to     date,
  document_no  text,
  sample       boolean not null,
  version      int  not null,
  recorded_at  timestamptz not null default now(),
  check (valid_to > valid_from)
);

-- A unit is under one parent at a time; null: it is the root then.
create table registry.unit_parents (
  unit_id      uuid not null references registry.units,
  parent_id    uuid references registry.units,
  valid_from   date not null,
  valid_to     date,
  recorded_at  timestamptz not null default now(),
  primary key (unit_id, valid_from),
  check (valid_to > valid_from),
  check (parent_id <> unit_id),
  constraint one_parent_at_a_time exclude using gist (unit_id with =, daterange(valid_from, valid_to) with &&)
);

create table registry.successions (
  from_unit_id   uuid not null references registry.units,
  to_unit_id     uuid not null references registry.units,
  on_date        date not null,
  share_percent  int check (share_percent between 1 and 100),
  document_no    text,
  sample         boolean not null,
  recorded_at    timestamptz not null default now(),
  primary key (from_unit_id, to_unit_id)
);

-- Of a split unit's people: at which successor their rows stand.
create table registry.assignments (
  id            uuid primary key,
  from_unit_id  uuid not null references registry.units,
  person_id     uuid not null,
  to_unit_id    uuid not null references registry.units,
  document_no   text,
  version       int  not null,
  recorded_at   timestamptz not null default now(),
  unique (person_id, from_unit_id)
);

create table registry.grants (
  id           uuid primary key,
  sub          text not null,
  role         text not null,
  unit_id      uuid not null references registry.units,
  valid_from   date not null,
  valid_to     date,
  document_no  text not null,
  revoked_on   date,
  revoked_by   text,
  version      int  not null,
  recorded_at  timestamptz not null default now(),
  check (valid_to > valid_from)
);

create table registry.documents (
  id           uuid primary key,
  number       text not null,
  issuer       text not null,
  issued_on    date not null,
  governs      text not null,
  title        text,
  -- number, issuer and title without diacritics
  fold         text not null,
  version      int  not null,
  recorded_at  timestamptz not null default now(),
  unique (number, issuer)
);
create index documents_newest on registry.documents (issued_on desc, id);

-- unit_id without a foreign key: its check would fire for each of a million imported rows, and units are never deleted.
create table registry.people (
  id               uuid primary key,
  unit_id          uuid not null,
  name             text not null,
  -- parts of the name, for Vietnamese order: given name first
  given            text not null,
  middle           text not null,
  family           text not null,
  fold             text not null,
  identity_number  text check (identity_number ~ '^[0-9]{12}$'),
  -- HMAC of the number: all that others get
  identity_ref     text,
  birth            text,
  birth_year       smallint,
  sex              text,
  facts            jsonb not null,
  merged_into      uuid,
  import_id        uuid,
  version          int  not null,
  recorded_at      timestamptz not null default now(),
  check ((identity_number is null) = (identity_ref is null))
);
-- The referee of two registrations at the same moment.
create unique index people_identity on registry.people (identity_ref) where merged_into is null;
create index people_likeness on registry.people (fold, birth_year) where merged_into is null;
create index people_unit on registry.people (unit_id);
-- Vietnamese order by its first part; the rest is sorted within a given name. All three parts cost an import 10 of its 35 µs a row here.
create index people_order on registry.people (given collate "vi-x-icu");
create index people_merged on registry.people (merged_into) where merged_into is not null;

-- Nothing of an erased person is kept but the number of cards: should the id return (an import sent again), the next card counts on.
create table registry.erased_people (
  person_id   uuid primary key,
  version     int  not null,
  erased_at   timestamptz not null default now()
);

-- Pairs that may be one person, for the board to merge or dismiss.
create table registry.duplicates (
  id         uuid primary key default gen_random_uuid(),
  person_id  uuid not null,
  other_id   uuid not null,
  state      text not null default 'open' check (state in ('open', 'merged', 'dismissed')),
  found_at   timestamptz not null default now(),
  check (person_id <> other_id)
);
-- One entry a pair, whoever came first.
create unique index duplicates_pair on registry.duplicates (least(person_id, other_id), greatest(person_id, other_id));
create index duplicates_open on registry.duplicates (found_at, id) where state = 'open';
create index duplicates_other on registry.duplicates (other_id);

grant usage on schema registry to ${app};
grant select on all tables in schema registry to ${app};
-- What is on record is amended by a later record; only an erased person leaves, with the pairs that name them.
grant update (version) on registry.structure to ${app};
grant insert on registry.units, registry.unit_parents, registry.successions, registry.assignments, registry.grants, registry.documents to ${app};
grant update (valid_to, version) on registry.units to ${app};
grant update (valid_to) on registry.unit_parents to ${app};
grant update (to_unit_id, document_no, version, recorded_at) on registry.assignments to ${app};
grant update (revoked_on, revoked_by, version) on registry.grants to ${app};
grant insert, update, delete on registry.people, registry.duplicates to ${app};
grant insert, update on registry.erased_people to ${app};

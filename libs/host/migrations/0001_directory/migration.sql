-- What a service knows of units and grants: a projection of the registry's facts, kept by the group '<service>-directory'.
create schema directory;

create table directory.unit (
  id          uuid primary key,
  code        text not null,
  kind        text not null,
  name        text not null,
  valid_from  date not null,
  valid_to    date,
  sample      boolean not null
);
create table directory.unit_parent (
  unit_id     uuid not null,
  parent_id   uuid,
  valid_from  date not null,
  primary key (unit_id, valid_from)
);
create table directory.succession (
  from_unit_id uuid not null,
  to_unit_id   uuid not null,
  on_date      date not null,
  share        int,
  primary key (from_unit_id, to_unit_id, on_date)
);
-- A person's history in a split unit, assigned to one of its successors.
create table directory.assignment (
  from_unit_id uuid not null,
  person_id    uuid not null,
  to_unit_id   uuid not null,
  primary key (from_unit_id, person_id)
);
create table directory.granted (
  id          uuid primary key,
  sub         text not null,
  role        text not null,
  unit_id     uuid not null,
  valid_from  date not null,
  valid_to    date,
  document_no text not null
);
-- One row: moves with every change, so that other replicas notice.
create table directory.version (number bigint not null);
insert into directory.version (number) values (0);

grant usage on schema directory to ${app};
grant select, insert, update, delete on all tables in schema directory to ${app};

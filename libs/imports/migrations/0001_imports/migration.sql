-- The import door: a file, what its rows would do, and how far that was done.
create schema imports;

create table imports.import (
  id              uuid primary key,
  kind            text not null,
  -- id@version of the layout the cells were read by
  layout          text not null,
  state           text not null check (state in ('planning', 'planned', 'committing', 'done', 'revoking', 'revoked', 'refused')),
  -- may hold a person's name: for the uploader's eyes, never for a log
  file_name       text not null,
  file_hash       text,
  plan_hash       text,
  separator       text,
  heading         json,
  -- column keys and their places among the cells
  places          json,
  -- cells of the widest row that was rejected: the columns of the file that goes back
  width           int  not null default 0,
  row_count       int  not null default 0,
  accepted_count  int  not null default 0,
  rejected_count  int  not null default 0,
  unchanged_count int  not null default 0,
  -- errors and warnings counted by column and code
  findings        json not null default '[]',
  -- progress of the commit or the revocation under way
  done            int  not null default 0,
  total           int  not null default 0,
  -- rows up to this one are applied; a commit moves it on, a revocation back
  last_row        int  not null default 0,
  actor           text not null,
  unit_id         uuid,
  committed_by    text,
  revoked_by      text,
  -- what commands of the step under way carry: correlation, grant, reason
  context         json,
  problem         json,
  -- the process that works on it; heard of at heartbeat_at
  holder          text,
  heartbeat_at    timestamptz,
  failures        int  not null default 0,
  retry_at        timestamptz,
  created_at      timestamptz not null,
  planned_at      timestamptz,
  finished_at     timestamptz,
  expired_at      timestamptz
);
create index import_under_way on imports.import (heartbeat_at) where state in ('planning', 'committing', 'revoking');
create index import_to_expire on imports.import (created_at) where expired_at is null;

-- No foreign key: its check would fire for each of a million copied rows, and nothing but this lib writes here.
-- json, not jsonb: it is never searched, and goes in some 15 % faster.
create table imports.staged_row (
  import_id       uuid not null,
  row_no          int  not null,
  verdict         text not null,
  -- as in the file; null for an unchanged row, which nobody will ask for, and once expired
  cells           json,
  value           json,
  errors          json,
  primary key (import_id, row_no)
);
create index staged_rejected on imports.staged_row (import_id, row_no) where verdict = 'rejected';

-- Natural keys of the rows of a file while it is planned, so that duplicates are found without holding the file in memory. Unlogged: a crash
-- ends the upload anyway.
create unlogged table imports.row_key (
  import_id       uuid not null,
  key             uuid not null,
  row_no          int  not null,
  primary key (import_id, key)
);

grant usage on schema imports to ${app};
grant select, insert, update, delete on all tables in schema imports to ${app};

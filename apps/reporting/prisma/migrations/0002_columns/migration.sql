-- What a process needs to keep the turns as columns in its memory (ADR 10): a dense number for each, and what was written since it looked last.
-- Expands only; all turns are written anew once, and whoever reads or writes them waits meanwhile.

-- Transactions commit in another order than they begin, so that a reader asks for what its last snapshot did not see, by the transaction that wrote it.
-- A bigint, not an xid8: ids of transactions are compared with those that a snapshot names, and Prisma has no word for xid8.
alter table reporting.turn
  -- Sixteen at a time: taken one by one they cost the server 2 µs of the 12 that a turn takes. A connection that ends leaves at most fifteen unused.
  add no bigint not null generated always as identity (cache 16),
  add written_in bigint not null default pg_current_xact_id()::text::bigint;
-- A B-tree, though block ranges (BRIN) would cost the writer less: after an import their newest part has no summary yet, and every read would go through all of it.
create index turn_written on reporting.turn (written_in);

-- What no row shows: a turn that is gone, by its number; that classes or merged records changed, which are few and read again as a whole.
create table reporting.change (
  no          bigint generated always as identity primary key,
  what        text not null check (what in ('turn-gone', 'class', 'merged')),
  turn_no     bigint,
  written_in  bigint not null default pg_current_xact_id()::text::bigint
);
create index change_written on reporting.change (written_in);
grant select, insert, update, delete on reporting.change to ${app};

-- By triggers, for a version of the service that knows nothing of this may write beside the one that does. The functions stand outside of the
-- schema and write to the one of their table: a rebuild makes these tables a second time under another name.
create schema change;
create function change.stamp() returns trigger language plpgsql as $$
begin
  new.written_in := pg_current_xact_id()::text::bigint;
  return new;
end $$;
create function change.note_turns_gone() returns trigger language plpgsql as $$
begin
  execute format('insert into %I.change (what, turn_no) select ''turn-gone'', no from gone', tg_table_schema);
  return null;
end $$;
create function change.note_table() returns trigger language plpgsql as $$
begin
  execute format('insert into %I.change (what) values (%L)', tg_table_schema, tg_table_name);
  return null;
end $$;
create trigger turn_stamp before update on reporting.turn for each row execute function change.stamp();
create trigger turn_gone after delete on reporting.turn referencing old table as gone for each statement execute function change.note_turns_gone();
create trigger class_change after insert or update or delete on reporting.class for each statement execute function change.note_table();
create trigger merged_change after insert or update or delete on reporting.merged for each statement execute function change.note_table();

-- Groups whose projections were complete once: all that stood in their topics was applied. Before that, what they don't hold is no answer. Those of before are taken
-- for complete, as they were then.
create table messaging.caught_up (
  group_name  text primary key,
  at          timestamptz not null default now()
);
insert into messaging.caught_up (group_name) select distinct group_name from messaging.watermark where position is not null and group_name not like '%~%';
grant select, insert on messaging.caught_up to ${app};

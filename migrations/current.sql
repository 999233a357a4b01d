-- Policy that cannot hurt: holds and guards, minima, drafts and rehearsals, time travel, checks, formats.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe and lethe_private). It reads no
-- table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Holds ----------------------------------------------------------------------------------------

alter table lethe.holds
  add column kind text,
  add column subject text,
  add column table_id int references lethe.managed_tables on delete set null,
  add column table_name text,
  add column released_by name,
  add column release_reason text;
alter table lethe.holds disable trigger record_change;
update lethe.holds set kind = 'keys', released_by = case when released_at is not null then author end;
alter table lethe.holds enable trigger record_change;
alter table lethe.holds
  alter column kind set default 'keys',
  alter column kind set not null,
  add constraint kind_is_known check (kind in ('keys', 'person', 'rows', 'table')),
  add constraint subject_goes_with_a_person check ((kind = 'person') = (subject is not null));
create index holds_by_table on lethe.holds (table_id);
-- A hold that is over is never asked about again.
create index holds_not_released on lethe.holds (id) where released_at is null;

comment on column lethe.holds.kind is
  'person: the rows of one person and what belongs to it. rows: what satisfies a predicate. table: every row. keys: rows named one by one, by the engine''s own means.';
comment on column lethe.holds.subject is 'The subject type whose links lead from the person to what belongs to it.';
comment on column lethe.holds.table_name is 'The table as it was called when the hold was placed: of a person, its root table.';
comment on column lethe.holds.reason is 'Why. Name the matter, never the person: reasons are kept.';
comment on column lethe.holds.ends_on is 'The last day on which it holds, where its controller is; null: until it is released.';

create table lethe_private.held_conditions (
  hold_id    int primary key references lethe.holds on delete cascade,
  table_id   int not null references lethe.managed_tables on delete cascade,
  "when"     text,
  condition  text,

  constraint condition_is_read_from_when check (("when" is null) = (condition is null))
);
create index held_conditions_by_table on lethe_private.held_conditions (table_id);

comment on table lethe_private.held_conditions is
  'The predicate of a hold on rows, as it was given and as PostgreSQL reads it; null: every row of the table. Deleted when the hold is released, as it may name a person.';

create table lethe_private.held_links (
  hold_id      int not null references lethe.holds on delete cascade,
  table_id     int not null references lethe.managed_tables on delete cascade,
  columns      text[] not null,
  to_table_id  int not null references lethe.managed_tables on delete cascade,
  to_columns   text[] not null,

  primary key (hold_id, table_id, columns, to_table_id)
);
create index held_links_by_table on lethe_private.held_links (table_id);
create index held_links_by_to_table on lethe_private.held_links (to_table_id);

comment on table lethe_private.held_links is
  'The links by which a hold on a person reached rows when it was placed: a policy must keep them while it is in force.';

create table lethe_private.held_relations (
  table_id  int not null references lethe.managed_tables on delete cascade,
  relation  oid not null,
  name      text not null,

  primary key (table_id, relation)
);

comment on table lethe_private.held_relations is
  'What tables under a hold were made of when somebody looked last: one that has gone since may have taken held rows along.';

create table lethe_private.guard_state (
  only_row     boolean primary key default true,
  valid_until  timestamptz not null,

  constraint one_row check (only_row)
);

comment on table lethe_private.guard_state is
  'Until when the programs of guards are what they would be if they were written now. Without a row they are not: the policy has changed.';

create table lethe_private.guard_programs (
  table_id   int primary key references lethe.managed_tables on delete cascade,
  holds      int[] not null,
  relations  oid[] not null,
  on_delete  text not null,
  on_update  text not null
);

comment on table lethe_private.guard_programs is
  'What guards ask about a row, of tables under a hold: written beforehand, since writing it takes longer than asking it.';

create table lethe_private.guarded_relations (
  xact      xid8 not null default pg_current_xact_id(),
  relation  oid not null,
  table_id  int not null,
  root      oid not null,
  may_go    boolean not null default false,

  primary key (xact, relation)
);

comment on table lethe_private.guarded_relations is
  'While a command of DDL runs: what tables under a hold were made of before it. Emptied before the transaction ends.';

-- Minima ---------------------------------------------------------------------------------------



-- Drafts ---------------------------------------------------------------------------------------



-- Checks ---------------------------------------------------------------------------------------



-- Formats --------------------------------------------------------------------------------------



-- Functions whose parameters have changed ------------------------------------------------------

drop function lethe_private.archived_held_sql(text, int, date);


-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql

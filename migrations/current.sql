-- Archive, aggregated clocks, partitions, sealed evidence, more methods, a first API.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe, lethe_private, lethe_archive and
-- lethe_stats). It reads no table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Archive --------------------------------------------------------------------------------------

-- Aggregated clocks ----------------------------------------------------------------------------

-- Partitions -----------------------------------------------------------------------------------

alter table lethe.managed_tables
  add column if not exists partitions text not null default 'delete';
alter table lethe.managed_tables
  drop constraint if exists partitions_is_known,
  add constraint partitions_is_known check (partitions in ('delete', 'drop', 'detach', 'detach concurrently'));

comment on column lethe.managed_tables.partitions is
  'What happens to a partition of which every row is due for purge: its rows are deleted, or it is dropped or detached.';

drop function if exists lethe.manage_table(text, text, text, text, text, text[], text[]);

create table if not exists lethe.partition_purges (
  id             bigint generated always as identity primary key,
  cycle_id       bigint not null references lethe.cycles on delete restrict,
  table_id       int not null,
  round          int not null,
  partition      text not null,
  partition_oid  oid not null,
  parent_oid     oid not null,
  how            text not null default 'waiting',
  rows           bigint,
  cause          jsonb,
  attempts       int not null default 0,
  bound          text,
  at             timestamptz not null default now(),

  unique (cycle_id, table_id, round, partition_oid),
  constraint how_is_known check (how in ('waiting', 'detaching', 'detached', 'dropped', 'row by row')),
  constraint rows_once_gone check ((rows is not null) = (how in ('detached', 'dropped'))),
  constraint row_by_row_with_its_cause check ((cause is not null) = (how = 'row by row'))
);

comment on table lethe.partition_purges is
  'Partitions that were to be purged whole in a cycle, and what became of them.';
comment on column lethe.partition_purges.how is
  'dropped or detached; row by row: see cause; waiting: on the list of an open cycle; detaching: by DETACH … CONCURRENTLY, just now.';
comment on column lethe.partition_purges.cause is
  'Why its rows were left to be deleted one by one: {"why"}, or the {"sqlstate"} of what PostgreSQL refused. Never a message: those carry people''s data.';
comment on column lethe.partition_purges.bound is 'While it is being detached: what it takes to attach it again.';

-- Evidence -------------------------------------------------------------------------------------

-- Methods --------------------------------------------------------------------------------------

-- API ------------------------------------------------------------------------------------------

-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql

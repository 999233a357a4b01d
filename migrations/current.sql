-- Archive, aggregated clocks, partitions, sealed evidence, more methods, a first API.
--
-- For the DBA: this creates and alters objects of Lethe alone (schemas lethe, lethe_private, lethe_archive and
-- lethe_stats). It reads no table of yours, locks none, and adds nothing to them.

set local search_path = pg_catalog, pg_temp;
set local lock_timeout = '10s';
set local statement_timeout = '5min';

-- Archive --------------------------------------------------------------------------------------

-- Aggregated clocks ----------------------------------------------------------------------------

create table if not exists lethe_private.last_events (
  parent_table_id  int not null references lethe.managed_tables on delete cascade,
  parent_key       text not null,
  controller_id    int not null references lethe.controllers on delete cascade,
  entry            text not null,
  last_day         date not null,

  primary key (parent_table_id, parent_key, controller_id, entry),
  constraint last_day_is_a_day check (isfinite(last_day))
);
create index if not exists last_events_by_controller on lethe_private.last_events (controller_id);

comment on table lethe_private.last_events is
  'Where a clock is the latest of other rows (max(invoices.issued_on)): the latest day among those that Lethe has taken away. Goes with the row whose clock it is.';
comment on column lethe_private.last_events.parent_key is 'Key of the row whose clock it is, as in held_keys.';
comment on column lethe_private.last_events.entry is 'The clock, as the terms name it in since.';
comment on column lethe_private.last_events.last_day is 'Local day of the controller on which the latest event fell that is no longer there.';

do $$
begin
  if to_regtype('lethe_private.linked_clock') is null then
    create type lethe_private.linked_clock as (
      entry           text,    -- as the terms name it
      parent_id       int,     -- managed table whose rows have this clock
      child_id        int,     -- managed table whose rows are the events
      column_name     text,    -- when an event was
      child_columns   text[],  -- how an event refers to the row
      parent_columns  text[]
    );
  end if;
end
$$;

-- Their parameters have changed.
drop function if exists lethe_private.assert_clock(oid, text[]);
drop function if exists lethe_private.term_sql(text, lethe.managed_tables, oid, text, date, interval, text[], text);
drop function if exists lethe_private.rule_sql(text, lethe.managed_tables, oid, lethe.controllers, date, int);
drop function if exists lethe_private.leaves_sql(text, lethe.managed_tables, oid, lethe.controllers, date, oid[]);
drop function if exists lethe_private.actions(text, lethe.managed_tables, oid, lethe.controllers, date);
drop function if exists lethe_private.latest_day_sql(text, oid, text[], text, text, text);
drop function if exists lethe_private.before_purge(oid, int, text, oid[]);


-- Partitions -----------------------------------------------------------------------------------

-- Evidence -------------------------------------------------------------------------------------

-- Methods --------------------------------------------------------------------------------------

-- API ------------------------------------------------------------------------------------------

-- Functions, views, policies -------------------------------------------------------------------

--!include all.sql

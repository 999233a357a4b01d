-- A clock that is the latest of other rows must survive them: when Lethe takes rows away that somebody's clock is
-- computed from, the same statement remembers the latest day among them, and the clock is the later of what is left
-- and what is remembered. It is forgotten in the statement that takes the row away whose clock it is.
--
-- For a statement that removes rows of a managed table in a CTE named "gone": leaving_columns_sql goes behind its
-- RETURNING list, leaving_sql behind the CTE. Both are empty where no clock is concerned.

-- What the sweeper may touch. Named columns of one table, so it is written through.
create or replace view lethe_private.remembered as
  select l.parent_table_id, l.parent_key, l.controller_id, l.entry, l.last_day
  from lethe_private.last_events as l;

comment on view lethe_private.remembered is 'The latest day of events that are gone, as statements read and write it.';

create or replace function lethe_private.leaving_columns_sql(alias text, managed lethe.managed_tables, table_oid oid, with_key boolean)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_names text[] := '{}';
  v_sql text := '';
begin
  for v_clock in select * from lethe_private.clocks_over(managed) loop
    v_names := v_names || v_clock.column_name || v_clock.child_columns;
  end loop;
  if v_names <> '{}' then
    select string_agg(format(', %s.%I as "lethe$%s"', alias, h.name, h.position), '' order by h.position) into v_sql
    from lethe_private.host_columns as h
    where h.relation = table_oid and h.name = any (v_names);
  end if;
  if with_key and lethe_private.has_linked_clock(managed) then
    v_sql := v_sql || format(', %s as "lethe$key"', lethe_private.key_sql(alias, table_oid, managed.key_columns));
  end if;
  return v_sql;
end
$$;

comment on function lethe_private.leaving_columns_sql(text, lethe.managed_tables, oid, boolean) is
  'What a statement that removes rows has to return for leaving_sql (its key as well, unless it does anyway), with a comma in front; empty where no clock is concerned.';

-- with_parent, by_columns: rows that go with this parent, along these columns, need not be remembered for it.
create or replace function lethe_private.leaving_sql(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  with_parent oid default null,
  by_columns text[] default null
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_parent lethe.managed_tables;
  v_oid oid;
  v_column lethe_private.host_columns;
  v_day text;
  v_n int := 0;
  v_sql text := '';
begin
  for v_clock in select * from lethe_private.clocks_over(managed) loop
    select m.* into v_parent from lethe.managed_tables as m where m.id = v_clock.parent_id;
    v_oid := lethe_private.host_table(v_parent.schema_name, v_parent.table_name);
    continue when v_oid = with_parent and v_clock.child_columns = by_columns;
    select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_clock.column_name;
    v_column.name := 'lethe$' || v_column.position;
    -- No sentinel is an event, be it past or to come.
    v_day := lethe_private.clock_day_sql('g', v_column, managed.time_zone, controller.time_zone, managed.sentinels, '-infinity');
    v_n := v_n + 1;
    v_sql := v_sql || format($sql$, remembered_%1$s as (
  insert into lethe_private.remembered as r (parent_table_id, parent_key, controller_id, entry, last_day)
  select %2$s, x.key, %3$s, %4$L, max(x.day)
  from (select %5$s as key, %6$s as day from gone as g join %7$s as p on %8$s) as x
  where x.day < 'infinity'
  group by x.key
  order by x.key
  on conflict (parent_table_id, parent_key, controller_id, entry) do update
  set last_day = greatest(r.last_day, excluded.last_day)
)$sql$, v_n, v_parent.id, controller.id, v_clock.entry,
      lethe_private.key_sql('p', v_oid, v_parent.key_columns), v_day, lethe_private.host_name(v_oid),
      (select string_agg(format('p.%I = g."lethe$%s"', x.p, h.position), ' and ' order by x.n)
       from unnest(v_clock.parent_columns, v_clock.child_columns) with ordinality as x (p, c, n)
       join lethe_private.host_columns as h on h.relation = table_oid and h.name = x.c));
  end loop;
  if lethe_private.has_linked_clock(managed) then
    v_sql := v_sql || format(E', forgotten as (\n  delete from lethe_private.remembered as r using gone as g where r.parent_table_id = %s and r.parent_key = g."lethe$key"\n)', managed.id);
  end if;
  return v_sql;
end
$$;

comment on function lethe_private.leaving_sql(lethe.managed_tables, oid, lethe.controllers, oid, text[]) is
  'CTEs, each with a comma in front, that remember the events which leave in a CTE "gone" and forget those of rows that leave in it; empty where no clock is concerned.';

-- Rows that an application deleted itself, and entries that no rule names any more.
create or replace function lethe_private.forget_sql(managed lethe.managed_tables, table_oid oid, controller lethe.controllers)
  returns text
  language sql
  stable
return format($sql$with gone as (
  delete from lethe_private.remembered as r
  where r.parent_table_id = %s and r.controller_id = %s
    and not exists (select from %s as p where %s = r.parent_key)
  returning 1
)
select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from gone$sql$, managed.id, controller.id, lethe_private.host_name(table_oid), lethe_private.key_sql('p', table_oid, managed.key_columns));

comment on function lethe_private.forget_sql(lethe.managed_tables, oid, lethe.controllers) is
  'Forgets the events of rows that are no longer there.';

create or replace function lethe_private.forget_unused(controller lethe.controllers)
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.last_events as l
  where l.controller_id = controller.id
    and not exists (
      select from lethe.terms as t join lethe.rules as r on r.id = t.rule_id
      where r.table_id = l.parent_table_id and l.entry = any (t.since));
end;

comment on function lethe_private.forget_unused(lethe.controllers) is 'Forgets what no rule asks for any more.';

-- Clocks over other rows, as SQL over one row under an alias. In the subqueries: e, an event; m, what is remembered
-- of events that are gone (see last_events.sql).
--
-- An event counts when it refers to the row and is the same controller's: rows of one controller are invisible to
-- another. Its value is read as a clock of its own table: in that table's zone, without that table's sentinels.
create or replace function lethe_private.is_archive(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = relation and n.nspname = 'lethe_archive');
end;

comment on function lethe_private.is_archive(oid) is 'True for a table of archived rows.';

create or replace function lethe_private.events_sql(alias text, clock lethe_private.linked_clock, controller lethe.controllers, condition text)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := (select m from lethe.managed_tables as m where m.id = clock.child_id);
  v_oid oid := lethe_private.host_table(v_child.schema_name, v_child.table_name);
begin
  return format('from %s as e where %s', lethe_private.host_name(v_oid), concat_ws(' and ',
    lethe_private.reference_sql('e', clock.child_columns, alias, clock.parent_columns),
    case when not lethe_private.has_controller(v_child, controller) then 'false'
      else nullif(lethe_private.controller_sql('e', v_child, v_oid, controller), 'true') end,
    condition));
end
$$;

comment on function lethe_private.events_sql(text, lethe_private.linked_clock, lethe.controllers, text) is
  'FROM and WHERE that find the events of a row, those that meet a condition.';

create or replace function lethe_private.remembered_sql(
  alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, condition text
)
  returns text
  language sql
  stable
return format('from lethe_private.remembered as m where %s', concat_ws(' and ',
  format('m.parent_table_id = %s and m.parent_key = %s and m.controller_id = %s and m.entry = %L', managed.id,
    lethe_private.key_sql(alias, table_oid, managed.key_columns), controller.id, clock.entry),
  condition));

comment on function lethe_private.remembered_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text) is
  'FROM and WHERE that find what is remembered of a row''s events.';

-- Three questions about one clock, a row's own or an event's: is it later than a day (what means "never" is), is it a
-- day up to that one, and, without a day, is it any day at all, or "never" (clock_day_sql).
create or replace function lethe_private.later_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, today date, last_day date)
  returns text
  language sql
  stable
return format('not (%s)%s', lethe_private.up_to_day_sql(alias, clock, managed.time_zone, controller.time_zone, last_day),
  (select format(' and (%s.%I >= %L or %s not in (%s))', alias, clock.name, lethe_private.clock_ceiling(),
     lethe_private.local_day_sql(alias, clock, managed.time_zone, controller.time_zone), string_agg(format('date %L', s), ', '))
   from unnest(managed.sentinels) as s where s > last_day and s < today having count(*) > 0));

comment on function lethe_private.later_sql(text, lethe_private.host_columns, lethe.managed_tables, lethe.controllers, date, date) is
  'True when a clock shows a day after last_day, or never.';

create or replace function lethe_private.over_by_sql(alias text, clock lethe_private.host_columns, managed lethe.managed_tables, controller lethe.controllers, last_day date)
  returns text
  language sql
  stable
return format('%s and %s.%I > %L%s', lethe_private.up_to_day_sql(alias, clock, managed.time_zone, controller.time_zone, last_day),
  alias, clock.name, lethe_private.clock_floor(),
  (select format(' and %s not in (%s)', lethe_private.local_day_sql(alias, clock, managed.time_zone, controller.time_zone), string_agg(format('date %L', s), ', '))
   from unnest(managed.sentinels) as s where s <= last_day having count(*) > 0));

comment on function lethe_private.over_by_sql(text, lethe_private.host_columns, lethe.managed_tables, lethe.controllers, date) is
  'True when a clock shows a day, and none after last_day.';

-- The latest day of a row's events as one value: for what looks at single rows, and to be kept with a row that is
-- archived, as lethe$clocks ->> entry. An archived row has it from there.
create or replace function lethe_private.linked_day_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  entry text
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_child lethe.managed_tables;
  v_column lethe_private.host_columns;
begin
  if lethe_private.is_archive(table_oid) then
    return format('(%s."lethe$clocks" ->> %L)::date', alias, entry);
  end if;
  v_clock := lethe_private.linked_clock(managed, entry);
  select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
  return format('greatest((select max(%s) %s), (select max(m.last_day) %s))',
    lethe_private.clock_day_sql('e', v_column, v_child.time_zone, controller.time_zone, v_child.sentinels, today),
    lethe_private.events_sql(alias, v_clock, controller, null),
    lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, null));
end
$$;

comment on function lethe_private.linked_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text) is
  'The controller''s local day of the latest event of a row, remembered ones included: null when there is none, infinity when one means never.';

-- A term with clocks over other rows. Expired: nothing later than its last due day, and something up to then. The first
-- half stands by itself, so that the planner answers it for all rows at once, by an anti-join.
create or replace function lethe_private.linked_term_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  last_day date,
  since text[]
)
  returns lethe_private.term_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry text;
  v_clock lethe_private.linked_clock;
  v_child lethe.managed_tables;
  v_column lethe_private.host_columns;
  v_none_later text[];
  v_some text[];
  v_parts lethe_private.term_parts;
begin
  foreach v_entry in array since loop
    if not lethe_private.is_linked(v_entry) then
      select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_entry;
      v_none_later := v_none_later || format('(%s) is not true', lethe_private.later_sql(alias, v_column, managed, controller, today, last_day));
      v_some := v_some || format('coalesce(%s, false)', lethe_private.over_by_sql(alias, v_column, managed, controller, last_day));
      continue;
    end if;
    v_clock := lethe_private.linked_clock(managed, v_entry);
    select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
    select h.* into v_column from lethe_private.host_columns as h
    where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
    v_none_later := v_none_later
      || format('not exists (select %s)', lethe_private.events_sql(alias, v_clock, controller,
        lethe_private.later_sql('e', v_column, v_child, controller, today, last_day)))
      || format('not exists (select %s)', lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, format('m.last_day > date %L', last_day)));
    v_some := v_some
      || format('exists (select %s)', lethe_private.events_sql(alias, v_clock, controller,
        lethe_private.over_by_sql('e', v_column, v_child, controller, last_day)))
      || format('exists (select %s)', lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, format('m.last_day <= date %L', last_day)));
  end loop;
  v_parts.expired := format(E'%s\n    and (%s)', array_to_string(v_none_later, E'\n    and '), array_to_string(v_some, E'\n      or '));
  v_parts.usable := format('%s < ''infinity''', lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, since));
  v_parts.unusable := format('not coalesce(%s, false)', v_parts.usable);
  return v_parts;
end
$$;

comment on function lethe_private.linked_term_sql(text, lethe.managed_tables, oid, lethe.controllers, date, date, text[]) is
  'The SQL of a term with clocks over other rows: usable, unusable and expired.';

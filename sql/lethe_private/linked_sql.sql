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

create or replace function lethe_private.own_events_sql(child lethe.managed_tables, controller lethe.controllers)
  returns text
  language sql
  stable
return case when not lethe_private.has_controller(child, controller) then 'false'
  else nullif(lethe_private.controller_sql('e', child, lethe_private.host_table(child.schema_name, child.table_name), controller), 'true') end;

comment on function lethe_private.own_events_sql(lethe.managed_tables, lethe.controllers) is
  'True when an event is the controller''s; null when all are.';

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
    lethe_private.own_events_sql(v_child, controller),
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

-- What no event can make due: none shows a day, or one means "never". day: the day of an event.
create or replace function lethe_private.no_event_sql(
  alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := (select m from lethe.managed_tables as m where m.id = clock.child_id);
begin
  return format($sql$not exists (select from (select %s from %s as e%s group by %s having max(%s) < date 'infinity') as x where %s)
    and (not exists (select %s) or exists (select %s))$sql$,
    (select string_agg(format('e.%I as k%s', x.name, x.n), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    lethe_private.host_name(lethe_private.host_table(v_child.schema_name, v_child.table_name)),
    ' where ' || lethe_private.own_events_sql(v_child, controller),
    (select string_agg(format('e.%I', x.name), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    day,
    (select string_agg(format('x.k%s = %s.%I', x.n, alias, x.name), ' and ' order by x.n) from unnest(clock.parent_columns) with ordinality as x (name, n)),
    lethe_private.remembered_sql(alias, managed, table_oid, clock, controller, null),
    lethe_private.events_sql(alias, clock, controller, format('%s = date ''infinity''', day)));
end
$$;

comment on function lethe_private.no_event_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text) is
  'True when neither an event nor what is remembered gives a row a day, or when an event means never.';

-- Expired, asked of all rows at once: the rows whose latest event lies up to a day come out of one pass over the events.
-- Of those whose events are all gone, what is remembered tells; it must not be later in any case.
create or replace function lethe_private.expired_events_sql(
  alias text, managed lethe.managed_tables, table_oid oid, clock lethe_private.linked_clock, controller lethe.controllers, day text, later text, last_day date
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_child lethe.managed_tables := (select m from lethe.managed_tables as m where m.id = clock.child_id);
begin
  return format($sql$exists (select from (
      select %1$s from %2$s as e%3$s group by %4$s having max(%5$s) <= date %6$L
      union all
      select %7$s from %8$s as p where exists (select %9$s) and not exists (select %10$s)
    ) as x where %11$s)$sql$,
    (select string_agg(format('e.%I as k%s', x.name, x.n), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    lethe_private.host_name(lethe_private.host_table(v_child.schema_name, v_child.table_name)),
    ' where ' || lethe_private.own_events_sql(v_child, controller),
    (select string_agg(format('e.%I', x.name), ', ' order by x.n) from unnest(clock.child_columns) with ordinality as x (name, n)),
    day, last_day,
    (select string_agg(format('p.%I', x.name), ', ' order by x.n) from unnest(clock.parent_columns) with ordinality as x (name, n)),
    lethe_private.host_name(table_oid),
    lethe_private.remembered_sql('p', managed, table_oid, clock, controller, null),
    lethe_private.events_sql('p', clock, controller, later),
    (select string_agg(format('x.k%s = %s.%I', x.n, alias, x.name), ' and ' order by x.n) from unnest(clock.parent_columns) with ordinality as x (name, n)));
end
$$;

comment on function lethe_private.expired_events_sql(text, lethe.managed_tables, oid, lethe_private.linked_clock, lethe.controllers, text, text, date) is
  'True when the latest live event of a row lies up to a day, or when none is later and one is remembered.';

-- Nothing of one clock, a row's own or the latest of other rows, shows a day later than last_day, or never: asked of all rows
-- of a table at once. Conditions that must all hold.
create or replace function lethe_private.none_later_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  last_day date,
  entry text
)
  returns text[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_clock lethe_private.linked_clock;
  v_child lethe.managed_tables;
  v_column lethe_private.host_columns;
begin
  if not lethe_private.is_linked(entry) then
    select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = entry;
    return array[format('(%s) is not true', lethe_private.later_sql(alias, v_column, managed, controller, today, last_day))];
  end if;
  v_clock := lethe_private.linked_clock(managed, entry);
  select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
  return array[
    format('not exists (select %s)', lethe_private.events_sql(alias, v_clock, controller,
      lethe_private.later_sql('e', v_column, v_child, controller, today, last_day))),
    -- A join could be planned as if nothing were remembered yet, and take for ever; so it is looked up by its key,
    -- where there is any at all, which is asked once a statement.
    format('(not exists (select from lethe_private.remembered as m where m.parent_table_id = %s and m.controller_id = %s and m.entry = %L)'
      ' or coalesce((select m.last_day %s), ''-infinity'') <= date %L)', managed.id, controller.id, v_clock.entry,
      lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, null), last_day)];
end
$$;

comment on function lethe_private.none_later_sql(text, lethe.managed_tables, oid, lethe.controllers, date, date, text) is
  'Conditions under which one clock shows no day after last_day, and not never.';

create or replace function lethe_private.never_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, entry text
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
  if not lethe_private.is_linked(entry) then
    select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = entry;
    return format('coalesce(%s = date ''infinity'', false)',
      lethe_private.clock_day_sql(alias, v_column, managed.time_zone, controller.time_zone, managed.sentinels, today));
  end if;
  v_clock := lethe_private.linked_clock(managed, entry);
  select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
  select h.* into v_column from lethe_private.host_columns as h
  where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
  return format('exists (select %s)', lethe_private.events_sql(alias, v_clock, controller, format('%s = date ''infinity''',
    lethe_private.clock_day_sql('e', v_column, v_child.time_zone, controller.time_zone, v_child.sentinels, today))));
end
$$;

comment on function lethe_private.never_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text) is
  'True when one clock, a row''s own or the latest of other rows, means never.';

-- A term with clocks over other rows, in two forms that mean the same. For the rows of one batch, or a single one:
-- the latest day as one value, by index. For all rows of a table: nothing later than the last due day, and something up
-- to then, so that the planner joins and asks no row for itself.
create or replace function lethe_private.linked_term_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  last_day date,
  since text[],
  batch boolean
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
  v_day text := lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, since);
  v_parts lethe_private.term_parts;
begin
  v_parts.usable := format('%s < ''infinity''', v_day);
  v_parts.unusable := format('not coalesce(%s, false)', v_parts.usable);
  v_parts.expired := format('%s <= date %L', v_day, last_day);
  if batch then
    return v_parts;
  end if;

  foreach v_entry in array since loop
    v_none_later := v_none_later || lethe_private.none_later_sql(alias, managed, table_oid, controller, today, last_day, v_entry);
    if not lethe_private.is_linked(v_entry) then
      select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_entry;
      v_some := v_some || format('coalesce(%s, false)', lethe_private.over_by_sql(alias, v_column, managed, controller, last_day));
      continue;
    end if;
    v_clock := lethe_private.linked_clock(managed, v_entry);
    select m.* into v_child from lethe.managed_tables as m where m.id = v_clock.child_id;
    select h.* into v_column from lethe_private.host_columns as h
    where h.relation = lethe_private.host_table(v_child.schema_name, v_child.table_name) and h.name = v_clock.column_name;
    v_some := v_some
      || format('exists (select %s)', lethe_private.events_sql(alias, v_clock, controller,
        lethe_private.over_by_sql('e', v_column, v_child, controller, last_day)))
      || format('exists (select %s)', lethe_private.remembered_sql(alias, managed, table_oid, v_clock, controller, format('m.last_day <= date %L', last_day)));
  end loop;
  if cardinality(since) = 1 then
    v_day := lethe_private.clock_day_sql('e', v_column, v_child.time_zone, controller.time_zone, v_child.sentinels, today);
    v_parts.expired := format(E'%s\n    and %s', v_none_later[2], lethe_private.expired_events_sql(alias, managed, table_oid, v_clock, controller,
      v_day, lethe_private.later_sql('e', v_column, v_child, controller, today, last_day), last_day));
    v_parts.unusable := lethe_private.no_event_sql(alias, managed, table_oid, v_clock, controller, v_day);
  else
    v_parts.expired := format(E'%s\n    and (%s)', array_to_string(v_none_later, E'\n    and '), array_to_string(v_some, E'\n      or '));
  end if;
  return v_parts;
end
$$;

comment on function lethe_private.linked_term_sql(text, lethe.managed_tables, oid, lethe.controllers, date, date, text[], boolean) is
  'The SQL of a term with clocks over other rows: usable, unusable and expired.';

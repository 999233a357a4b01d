-- From here to compile.sql: the compiler. Each function returns the text of one SQL expression over one
-- row, under an alias. Cut-offs are computed first and written as constants, so that an index on the
-- clock serves and a partial index can be proved to apply.
--
-- Clocks before this year are taken for "none": converting them between zones can leave the range of
-- a timestamp and fail. The same at the other end, where a clock means "never".

create or replace function lethe_private.clock_floor()
  returns text
  language sql
  immutable
return '4713-01-01 BC';

comment on function lethe_private.clock_floor() is 'Clocks up to here stand for "none".';

create or replace function lethe_private.clock_ceiling()
  returns text
  language sql
  immutable
return '294000-01-01';

comment on function lethe_private.clock_ceiling() is 'Clocks from here on stand for "never".';

create or replace function lethe_private.local_day_sql(
  alias text,
  clock lethe_private.host_columns,
  table_zone text,
  controller_zone text
)
  returns text
  language sql
  immutable
return case
  when clock.type_name = 'date' then format('%s.%I', alias, clock.name)
  when clock.type_name = 'timestamptz' then format('(%s.%I at time zone %L)::date', alias, clock.name, controller_zone)
  when coalesce(table_zone, controller_zone) = controller_zone then format('%s.%I::date', alias, clock.name)
  else format('((%s.%I at time zone %L) at time zone %L)::date', alias, clock.name, table_zone, controller_zone)
end;

comment on function lethe_private.local_day_sql(text, lethe_private.host_columns, text, text) is
  'The controller''s local day of a clock column of type date, timestamp or timestamptz.';

-- Sargable and exact where the type allows it; else a bound a little late for the index and the exact
-- day for the truth. Two days cover any zone''s distance from the bound, three any two zones''. As long
-- before the day nothing is left to ask, which spares all but the newest rows the conversion.
create or replace function lethe_private.up_to_day_sql(
  alias text,
  clock lethe_private.host_columns,
  table_zone text,
  controller_zone text,
  last_day date
)
  returns text
  language sql
  stable
return case
  when clock.type_name = 'date' then
    format('%s.%I <= date %L', alias, clock.name, last_day)
  when clock.type_name = 'timestamptz' then
    format('%1$s.%2$I < timestamptz %3$L and (%1$s.%2$I < timestamptz %4$L or %5$s <= date %6$L)', alias, clock.name,
      to_char((last_day + 2)::timestamp at time zone controller_zone at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+00',
      to_char((last_day - 2)::timestamp at time zone controller_zone at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+00',
      lethe_private.local_day_sql(alias, clock, table_zone, controller_zone), last_day)
  when coalesce(table_zone, controller_zone) = controller_zone then
    format('%s.%I < timestamp %L', alias, clock.name, last_day + 1)
  else
    format('%1$s.%2$I < timestamp %3$L and (%1$s.%2$I < timestamp %4$L or %5$s <= date %6$L)', alias, clock.name, last_day + 3, last_day - 3,
      lethe_private.local_day_sql(alias, clock, table_zone, controller_zone), last_day)
end;

comment on function lethe_private.up_to_day_sql(text, lethe_private.host_columns, text, text, date) is
  'True when the clock lies on or before a local day of the controller.';

-- One clock as a day: null where it says nothing (-infinity, a sentinel of the past), infinity where it means "never"
-- (infinity, a sentinel to come, too late to convert), the local day else.
create or replace function lethe_private.clock_day_sql(
  alias text,
  clock lethe_private.host_columns,
  table_zone text,
  controller_zone text,
  sentinels date[],
  today date
)
  returns text
  language sql
  stable
return format('case when %1$s.%2$I <= %3$L then null when %1$s.%2$I >= %4$L%5$s then date ''infinity''%6$s else %7$s end',
  alias, clock.name, lethe_private.clock_floor(), lethe_private.clock_ceiling(),
  (select ' or ' || lethe_private.local_day_sql(alias, clock, table_zone, controller_zone)
     || ' in (' || string_agg(format('date %L', s), ', ') || ')' from unnest(sentinels) as s where s >= today having count(*) > 0),
  (select ' when ' || lethe_private.local_day_sql(alias, clock, table_zone, controller_zone)
     || ' in (' || string_agg(format('date %L', s), ', ') || ') then null' from unnest(sentinels) as s where s < today having count(*) > 0),
  lethe_private.local_day_sql(alias, clock, table_zone, controller_zone));

comment on function lethe_private.clock_day_sql(text, lethe_private.host_columns, text, text, date[], date) is
  'The local day of one clock; null where it says nothing, infinity where it means never.';

-- The latest of several clocks, as a local day: nulls are ignored, and what means "never" is later than all.
create or replace function lethe_private.latest_day_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  since text[]
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_entry text;
  v_column lethe_private.host_columns;
  v_days text[];
begin
  foreach v_entry in array since loop
    if lethe_private.is_linked(v_entry) then
      v_days := v_days || lethe_private.linked_day_sql(alias, managed, table_oid, controller, today, v_entry);
    else
      select h.* into v_column from lethe_private.host_columns as h where h.relation = table_oid and h.name = v_entry;
      v_days := v_days || lethe_private.clock_day_sql(alias, v_column, managed.time_zone, controller.time_zone, managed.sentinels, today);
    end if;
  end loop;
  return 'greatest(' || array_to_string(v_days, ', ') || ')';
end
$$;

comment on function lethe_private.latest_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text[]) is
  'The latest local day of several clocks; null when none says anything, infinity when one means never.';

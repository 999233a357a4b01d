-- The same question as in rule_sql.sql, the other way round: not whether a rule is due on a day, but on which day it
-- becomes due for the first time. For looking ahead; what is done is decided by rule_sql alone.
create or replace function lethe_private.term_day_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts lethe_private.term_parts := lethe_private.term_sql(alias, managed, table_oid, controller, today,
    term.after, term.since, term.condition, true);
  v_clock lethe_private.host_columns;
  v_day text;
begin
  -- Days so late that adding a delay would leave the range of a timestamp are as good as never.
  if cardinality(term.since) = 1 and not lethe_private.is_linked(term.since[1]) then
    select h.* into v_clock from lethe_private.host_columns as h where h.relation = table_oid and h.name = term.since[1];
    v_day := format('case when %s and %s.%I < ''200000-01-01'' then (%s + interval %L)::date + 1 end', v_parts.usable, alias, v_clock.name,
      lethe_private.local_day_sql(alias, v_clock, managed.time_zone, controller.time_zone), term.after);
  else
    v_day := format('(select case when x.day < date ''200000-01-01'' then (x.day + interval %L)::date + 1 end from (select %s as day offset 0) as x)',
      term.after, lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since));
  end if;
  return case when term.condition is null then v_day
    else format('case when coalesce(%s, false) then coalesce(%s, ''infinity'') end', v_parts.applies, v_day) end;
end
$$;

comment on function lethe_private.term_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms) is
  'The first local day on which a term has expired; null where it does not apply, infinity where it applies and never expires.';

-- What puts a rule off: see minimum_sql. What its clock says where it has no "when" and shows no day is the other way
-- round than with a term: nothing lets go at once, and what never ends keeps for ever.
create or replace function lethe_private.minimum_day_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, term lethe.terms
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when term.condition is not null then lethe_private.term_day_sql(alias, managed, table_oid, controller, today, term)
    else format('(select case when x.day < date ''200000-01-01'' then (x.day + interval %L)::date + 1 when x.day is not null then ''infinity'' end '
      'from (select %s as day offset 0) as x)', term.after, lethe_private.latest_day_sql(alias, managed, table_oid, controller, today, term.since))
  end;
end
$$;

comment on function lethe_private.minimum_day_sql(text, lethe.managed_tables, oid, lethe.controllers, date, lethe.terms) is
  'The first local day on which a statutory minimum lets a row go; null where it keeps nothing, infinity where it never ends.';

create or replace function lethe_private.due_days(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date
)
  returns setof lethe_private.due_day
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
  set intervalstyle = postgres
as $$
declare
  v_action lethe_private.action_parts;
  v_term lethe.terms;
  v_days text[];
  v_day text;
  v_minima text[];
begin
  for v_action in select a.* from lethe_private.actions(alias, managed, table_oid, controller, today, true) as a loop
    v_days := '{}';
    for v_term in
      select t.* from lethe_private.effective_terms(managed.id, controller.id) as t
      where 'r' || t.rule_id = v_action.flag
      order by t.purpose nulls first
    loop
      v_days := v_days || lethe_private.term_day_sql(alias, managed, table_oid, controller, today, v_term);
    end loop;
    -- The last of the terms that apply decides; greatest() leaves out those that do not.
    v_day := case cardinality(v_days) when 1 then v_days[1] else format('greatest(%s)', array_to_string(v_days, ', ')) end;
    -- Minima lengthen what a term has made due, and make nothing due that none has.
    v_minima := array(
      select lethe_private.minimum_day_sql(alias, managed, table_oid, controller, today, m)
      from lethe_private.minima_of(managed.id, substr(v_action.flag, 2)::int, controller.id) as m);
    return next row(v_action.flag, v_action.rule, v_action.phase, v_action.needed,
      case when v_minima = '{}' then v_day
        else format('greatest(coalesce(%s, ''infinity''), %s)', v_day, array_to_string(v_minima, ', ')) end)::lethe_private.due_day;
  end loop;
end
$$;

comment on function lethe_private.due_days(text, lethe.managed_tables, oid, lethe.controllers, date) is
  'The first local day on which each rule of a table is due, as SQL over one row.';

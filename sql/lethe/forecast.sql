-- Time travel: on which day each row comes up, for every rule of a table in one read of it. Supposes a cycle a day
-- from today on. Nothing is written, and no rule runs.

-- Day numbers count from today: 0 is today or overdue, 366 is beyond the year or never.
create or replace function lethe_private.histogram_sql(source text, owner text, held text, condition text, due lethe_private.due_day[], today date)
  returns text
  language sql
  stable
begin atomic
  with rules as (
    -- Rules that share clock and delay share one day.
    select d.*, dense_rank() over (order by d.day) as k
    from unnest(due) with ordinality as d (flag, rule, phase, needed, day, n)
  ), words as (
    select (select p.k from rules as p where p.phase = 'purge') as purge, (select a.k from rules as a where a.phase = 'archive') as archive
  ), lines as (
    -- A row that leaves takes its column rules with it; what is due for purge, row or value, is archived no more.
    select r.*, concat_ws(' and ', 'r.' || r.flag,
      case when r.phase <> 'purge' and w.purge is not null then format('r.k%s < r.k%s', r.k, w.purge) end,
      (select format('r.k%s < r.k%s', r.k, p.k) from rules as p where r.rule like '%: archive' and p.rule = left(r.rule, -7) || 'purge'),
      case when r.phase = 'columns' and w.archive is not null then format('r.k%s < r.k%s', r.k, w.archive) end) as only_if
    from rules as r cross join words as w
  )
  -- Grouped by days and by what is still needed first: a few groups are then counted rule by rule.
  select format($sql$with rows as (
  select %s,
    %s,
    %s as held, count(*) as n
  from %s as c
  where %s
    and %s
  group by %s
)
select coalesce(jsonb_agg(jsonb_build_array(x.flag, x.held, x.day, x.n)), '[]')
from (
  select v.flag, r.held, v.day, sum(r.n) as n
  from rows as r
  cross join lateral (values %s) as v (flag, day)
  where v.day <= 365
  group by v.flag, r.held, v.day
) as x$sql$,
    (select string_agg(format('greatest(least(coalesce(%s, date ''infinity''), date %L) - date %L, 0) as k%s', x.day, today + 366, today, x.k), E',\n    ' order by x.k)
     from (select distinct r.k, r.day from rules as r) as x),
    (select string_agg(format('(%s) as %s', r.needed, r.flag), ', ' order by r.n) from rules as r),
    held, source, owner, condition,
    (select string_agg(i::text, ', ') from generate_series(1, 1 + (select count(*) + max(r.k) from rules as r)) as i),
    (select string_agg(format('(%L, case when %s then r.k%s end)', l.flag, l.only_if, l.k), ', ' order by l.n) from lines as l));
end;

comment on function lethe_private.histogram_sql(text, text, text, text, lethe_private.due_day[], date) is
  'Counts, for every rule of a table in one read, how many rows come up on each day of the year to come: [[flag, held, day, rows]].';

create or replace function lethe_private.forecast_part(managed lethe.managed_tables, controller lethe.controllers)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_due lethe_private.due_day[];
begin
  perform lethe_private.assert_intact(managed);
  v_due := array(select d from lethe_private.due_days('c', managed, v_oid, controller, v_today) as d);
  return jsonb_build_object(
    'rules', (select jsonb_agg(jsonb_build_object('flag', d.flag, 'rule', d.rule) order by d.n)
              from unnest(v_due) with ordinality as d (flag, rule, phase, needed, day, n)),
    'statement', lethe_private.histogram_sql(lethe_private.host_name(v_oid), lethe_private.controller_sql('c', managed, v_oid, controller),
      lethe_private.held_sql('c', managed, v_oid, v_today),
      -- What is due in a year; its bounds are constants, which an index can answer.
      lethe_private.any_due_sql(array(select a from lethe_private.actions('c', managed, v_oid, controller, v_today + 365) as a)), v_due, v_today));
end
$$;

comment on function lethe_private.forecast_part(lethe.managed_tables, lethe.controllers) is
  'The rules of a table, and the statement that counts on which days its rows come up. Raises LE102, LE103.';

-- One what-if: schema.table, its column, the action where there is more than one; then a delay instead of the one in
-- force, or how much more (+) or less (-). It holds for every purpose and controller, until it is rolled back.
create or replace function lethe_private.suppose(what_if text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts text[] := regexp_match(what_if, '^(.+?)(?::(anonymize|archive|purge))?=([+-]?)(P\w+)$');
  v_managed lethe.managed_tables;
  v_column text;
  v_rules int[];
  v_delay interval;
begin
  if v_parts is null then
    raise exception using errcode = 'LE106', message = format('%s is no supposition', coalesce(quote_literal(what_if), 'null')),
      hint = 'write schema.table.column=P2Y for another delay, =-P3M for a shorter and =+P3M for a longer one; schema.table:purge=P8Y for rows';
  end if;
  begin
    v_managed := lethe_private.get_managed(v_parts[1]);
  exception when sqlstate 'LE102' then
    v_column := substring(v_parts[1] from '[^.]+$');
    v_managed := lethe_private.get_managed(left(v_parts[1], -length(v_column) - 1));
    v_column := case when v_column ~ '^".*"$' then replace(substr(v_column, 2, length(v_column) - 2), '""', '"') else v_column end;
  end;
  v_rules := array(select r.id from lethe.rules as r where r.table_id = v_managed.id and r.column_name is not distinct from v_column
    and r.action = coalesce(v_parts[2], r.action) and r.action <> 'minimum');
  if cardinality(v_rules) <> 1 then
    raise exception using errcode = 'LE107',
      message = format('%s has %s rules', v_parts[1] || coalesce(':' || v_parts[2], ''), case when v_rules = '{}' then 'no' else 'several' end),
      hint = case when v_rules = '{}' then 'lethe policy show lists the rules there are' else 'name the action too: :anonymize, :archive or :purge' end;
  end if;
  v_delay := lethe_private.parse_delay(v_parts[4]);
  begin
    update lethe.terms as t
    set after = case v_parts[3] when '+' then t.after + v_delay when '-' then t.after - v_delay else v_delay end
    where t.rule_id = v_rules[1];
  exception when check_violation then
    raise exception using errcode = 'LE301', message = format('%s would leave no delay of a day or more', what_if),
      hint = 'take away less, in the unit in which the delay is written';
  end;
end
$$;

comment on function lethe_private.suppose(text) is 'Changes the delay of one rule, to be rolled back. Raises LE102, LE106, LE107, LE301.';

-- The statements are written in a moment in which the suppositions hold; then that is rolled back.
create or replace function lethe_private.forecast_parts_if(what_if text[], managed lethe.managed_tables[], controllers lethe.controllers[])
  returns jsonb[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts jsonb[];
  v_done boolean := false;
begin
  begin
    insert into lethe_private.rehearsing default values;
    perform lethe_private.suppose(w) from unnest(what_if) as w;
    v_parts := array(
      select lethe_private.forecast_part(managed[i], controllers[i]) from generate_subscripts(managed, 1) as i order by i);
    v_done := true;
    raise exception using errcode = 'RB000', message = 'undone: it was a supposition';
  exception when sqlstate 'RB000' then
    if not v_done then
      raise;
    end if;
  end;
  return v_parts;
end
$$;

comment on function lethe_private.forecast_parts_if(text[], lethe.managed_tables[], lethe.controllers[]) is
  'forecast_part of each pair, as it would be if some delays were others.';

create or replace function lethe_private.by_day(counts jsonb, flag text)
  returns bigint[]
  language sql
  stable
begin atomic
  select array_agg(coalesce(x.n, 0) order by d.day)
  from generate_series(0, 365) as d (day)
  left join (
    select (c.value ->> 2)::int as day, (c.value ->> 3)::bigint as n
    from jsonb_array_elements(counts) as c where c.value ->> 0 = by_day.flag and not (c.value ->> 1)::boolean
  ) as x on x.day = d.day
  where counts is not null;
end;

comment on function lethe_private.by_day(jsonb, text) is
  'One rule''s rows day by day, today first, held ones left out; null where nothing was counted.';

-- What is shown of a supposition: where the statement is the same, so are the figures, and nothing is read twice.
create or replace function lethe_private.forecast_table(part jsonb, part_if jsonb, managed lethe.managed_tables)
  returns table (rule text, held bigint, days bigint[], days_if bigint[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_counts jsonb := lethe_private.count_as_sweeper(part ->> 'statement', managed);
  v_counts_if jsonb := case
    when part_if ->> 'statement' = part ->> 'statement' then v_counts
    when part_if is not null then lethe_private.count_as_sweeper(part_if ->> 'statement', managed)
  end;
begin
  return query
    select r.value ->> 'rule',
      (select coalesce(sum((c.value ->> 3)::bigint), 0)::bigint from jsonb_array_elements(v_counts) as c
       where c.value ->> 0 = r.value ->> 'flag' and (c.value ->> 1)::boolean),
      lethe_private.by_day(v_counts, r.value ->> 'flag'), lethe_private.by_day(v_counts_if, r.value ->> 'flag')
    from jsonb_array_elements(part -> 'rules') with ordinality as r (value, n)
    order by r.n;
end
$$;

comment on function lethe_private.forecast_table(jsonb, jsonb, lethe.managed_tables) is
  'The forecast of one table, with the suppositions beside it where there are any.';

create or replace function lethe.forecast(controller_name text default null, what_if text[] default null)
  returns table (
    controller        text,
    table_name        text,
    rule              text,
    due_today         bigint,
    next_30_days      bigint,
    next_365_days     bigint,
    held              bigint,
    by_day            bigint[],
    due_today_if      bigint,
    next_30_days_if   bigint,
    next_365_days_if  bigint,
    by_day_if         bigint[]
  )
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables[];
  v_controllers lethe.controllers[];
  v_parts_if jsonb[];
begin
  select array_agg(m order by c.name, m.schema_name, m.table_name), array_agg(c order by c.name, m.schema_name, m.table_name)
    into v_managed, v_controllers
  from lethe.controllers as c
  join lethe.controllers_to_run(forecast.controller_name) as r on r.name = c.name
  join lethe.managed_tables as m on lethe_private.has_controller(m, c)
    and lethe_private.has_rules(m.id, c.id)
  where lethe_private.acts_for(c.id) or lethe_private.is_worker();
  if cardinality(what_if) > 0 then
    v_parts_if := lethe_private.forecast_parts_if(what_if, v_managed, v_controllers);
  end if;
  for i in 1 .. coalesce(cardinality(v_managed), 0) loop
    return query
      select v_controllers[i].name, format('%I.%I', v_managed[i].schema_name, v_managed[i].table_name), f.rule,
        f.days[1], (select sum(n)::bigint from unnest(f.days[2:31]) as n), (select sum(n)::bigint from unnest(f.days[2:]) as n), f.held, f.days,
        f.days_if[1], (select sum(n)::bigint from unnest(f.days_if[2:31]) as n), (select sum(n)::bigint from unnest(f.days_if[2:]) as n), f.days_if
      from lethe_private.forecast_table(lethe_private.forecast_part(v_managed[i], v_controllers[i]), v_parts_if[i], v_managed[i]) as f;
  end loop;
end
$$;

comment on function lethe.forecast(text, text[]) is
  'Rows that come up today and in the year to come, per controller, table and rule, if a cycle runs every day; by_day[1] is today with all that is overdue. Rows that a child will keep are counted, rows under a hold stand apart, what is in the archive is not counted. what_if: other delays, such as audience.contacts.email=-P3M; the columns ending in _if show them. Raises LE101 to LE103, LE106, LE107, LE301.';

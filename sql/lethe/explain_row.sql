-- Settles arguments about one row: of each rule which terms apply to it, on which local day each ends, what decides, since or
-- from when it is due, and what keeps it. Days and purposes; no values.
create or replace function lethe_private.explain_rule(facts jsonb, today date, action lethe_private.action_parts, place text,
  out terms jsonb, out decides text, out due_on date, out sentence text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
declare
  v_term record;
  v_words text[];
  v_applies boolean := false;
  v_end date;
begin
  terms := '[]';
  for v_term in
    select t.purpose, r.action = 'minimum' as is_minimum, f.applies, case
        when f.day is null then null
        when f.day >= lethe_private.clock_ceiling()::date - 400000 then 'infinity'  -- too late to be counted on
        else (f.day + t.after)::date
      end as ends_on
    from jsonb_each(facts #> array[action.flag, 'terms']) as e
    cross join lateral (select (e.value ->> 0)::boolean as applies, (e.value ->> 1)::date as day) as f
    join lethe.terms as t on t.id = e.key::int
    join lethe.rules as r on r.id = t.rule_id
    order by r.action = 'minimum', t.purpose nulls first, t.id
  loop
    terms := terms || jsonb_build_object(case when v_term.is_minimum then 'basis' else 'purpose' end, v_term.purpose,
      'applies', v_term.applies, 'ends_on', case when v_term.ends_on < 'infinity' then v_term.ends_on end);
    v_words := v_words || (coalesce(v_term.purpose, 'the term without a purpose') || case
      when not v_term.applies then ' does not apply'
      when coalesce(v_term.ends_on, 'infinity') = 'infinity' and v_term.is_minimum then ' keeps it: its clock shows no day'
      when coalesce(v_term.ends_on, 'infinity') = 'infinity' then ' applies, and its clock shows no day'
      when v_term.ends_on < today then ' ended on ' || v_term.ends_on
      when v_term.is_minimum then ' keeps it until ' || v_term.ends_on
      else ' runs until ' || v_term.ends_on
    end);
    continue when not v_term.applies;
    v_applies := v_applies or not v_term.is_minimum;
    if v_end is null or coalesce(v_term.ends_on, 'infinity') > v_end then
      v_end := coalesce(v_term.ends_on, 'infinity');
      decides := coalesce(v_term.purpose, 'the term without a purpose');
    end if;
  end loop;
  if not v_applies then
    decides := null;
  elsif v_end < 'infinity' then
    due_on := v_end + 1;
  end if;
  sentence := format('%s: %s; %s.', concat_ws(' ', regexp_replace(action.rule, '^.*: ', ''), action.column_name), array_to_string(v_words, ', '), case
    when (facts #>> array[action.flag, 'done'])::boolean then 'nothing is left to do'
    when not v_applies then 'no purpose applies, so it is left alone'
    when due_on is null then 'never due as it stands'
    when due_on > today then 'due from ' || due_on
    when action.rule like '%archive' and not (facts #>> array[action.flag, 'due'])::boolean then format('due since %s, and for purge as well', due_on)
    else 'due since ' || due_on
  end || case when (facts ->> 'held')::boolean then ', held' else '' end || case
    when action.phase = 'columns' or not (facts ->> 'kept')::boolean then ''
    when place = 'live' then ', kept by a row that refers to it'
    else ', and goes with the row that it was archived along with'
  end);
end
$$;

comment on function lethe_private.explain_rule(jsonb, date, lethe_private.action_parts, text) is 'What lethe.explain_row says of one rule.';

create or replace function lethe.explain_row("table" text, key text, as_of date default null)
  returns table (
    controller  text,
    place       text,
    rule        text,
    terms       jsonb,
    decides     text,
    due_on      date,
    due         boolean,
    done        boolean,
    held        boolean,
    kept        boolean,
    sentence    text
  )
  language plpgsql
  volatile
  security definer  -- asks as lethe_sweeper; the caller sees days and purposes, of controllers it acts for
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_controller lethe.controllers;
  v_today date;
  v_found boolean := false;
begin
  perform lethe_private.assert_intact(v_managed);
  for v_controller in
    select c.* from lethe.controllers as c where lethe_private.has_controller(v_managed, c) and lethe_private.acts_for(c.id) order by c.name
  loop
    v_today := coalesce(as_of, lethe_private.today(v_controller.time_zone));
    begin
      return query
        select v_controller.name, r.place, a.rule, e.terms, e.decides, e.due_on, (r.facts #>> array[a.flag, 'due'])::boolean,
          (r.facts #>> array[a.flag, 'done'])::boolean, (r.facts ->> 'held')::boolean,
          a.phase <> 'columns' and (r.facts ->> 'kept')::boolean, e.sentence
        from lethe_private.rows_to_explain(v_managed, v_controller, v_today, explain_row.key) as r
        cross join unnest(r.actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
        cross join lateral lethe_private.explain_rule(r.facts, v_today,
          row(a.flag, a.rule, a.phase, a.column_name, a.due, a.unclocked, a.needed, a.test, a.new_value)::lethe_private.action_parts, r.place) as e
        order by r.place desc, a.column_name nulls last, a.n;
      v_found := v_found or found;
    exception when insufficient_privilege then
      perform lethe_private.raise_missing_right(v_managed);
    end;
  end loop;
  if not v_found then
    raise exception using errcode = 'LE318',
      message = format('no rule reaches a row of this key in %s, live or archived, that you may ask about', lethe_private.host_name(
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name))),
      hint = case cardinality(v_managed.key_columns) when 1 then format('the key is the value of %I', v_managed.key_columns[1])
        else format('the key is a JSON array of the values of %s', array_to_string(v_managed.key_columns, ', ')) end;
  end if;
end
$$;

comment on function lethe.explain_row(text, text, date) is
  'Of one row (key: the value of its key column, or a JSON array of several) and each rule: the terms and minima, whether each applies and the local day on which it ends, which decides, the first day on which it is due, whether that has come on as_of (default: today), and what keeps it. Days and purposes, no values. Raises LE102, LE103, LE318, LE501, LE503.';

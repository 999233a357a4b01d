-- The rehearsal of one table for one controller: the sweep's own statements on a few real rows, each batch undone at
-- once. Runs where the drafted policy is in force for a moment (propose.sql). What it finds is kept in variables, which
-- outlive what is rolled back.
--
-- Result: {"findings": [{"rule", "problem", "rows", "sqlstate", "constraint", "relation"}], "tried": {flag: rows},
--          "writes": [{"relation", "inserts", "updates", "deletes"}], "rows": rows taken}

-- Rows on which something is to be done, the most overdue first; where nothing is due, those nearest to it.
create or replace function lethe_private.sample_sql(source text, owner text, not_held text, due_days lethe_private.due_day[], rows_max int)
  returns text
  language sql
  stable
begin atomic
  select format($sql$select jsonb_build_object('day', max(d.day), 'rows', count(*)) as facts, d.target, array_agg(d.tid) as tids
from (
  select * from (
    select c.tableoid as target, c.ctid as tid, least(%s) as day
    from %s as c
    where %s
      and %s
      and (%s)
  ) as x
  where x.day < 'infinity'
  order by x.day
  limit %s
) as d
group by d.target$sql$,
    string_agg(case when d.needed = 'true' then d.day else format('case when %s then %s end', d.needed, d.day) end, ', '),
    source, owner, not_held, string_agg(d.needed, ' or '), rows_max)
  from unnest(due_days) as d;
end;

comment on function lethe_private.sample_sql(text, text, text, lethe_private.due_day[], int) is
  'Finds rows to try the rules on: at the most so many, those first that fall due first.';

-- One reading of the rows of a batch ($1): per row its key, which actions are to be done, and when each rule is due.
create or replace function lethe_private.reading_sql(key_columns text[], owner text, actions lethe_private.action_parts[], due_days lethe_private.due_day[])
  returns text
  language sql
  stable
begin atomic
  select format($sql$select jsonb_agg(jsonb_build_array(array[%s], array[%s], array[%s]::text[])) as facts, null::oid as target, null::tid[] as tids
from {from} as c
where c.ctid = any ($1){here} and %s$sql$,
    (select string_agg(format('c.%I::text', k.name), ', ' order by k.n) from unnest(key_columns) with ordinality as k (name, n)),
    (select string_agg(format('coalesce(%s, false)', a.test), ', ' order by a.n)
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    (select string_agg((select d.day from unnest(due_days) as d where d.flag = a.flag), ', ' order by a.n)
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    owner);
end;

comment on function lethe_private.reading_sql(text[], text, lethe_private.action_parts[], lethe_private.due_day[]) is
  'Reads what is to be done on the rows of a batch, before it is done.';

-- The same rows again, found by their keys ($2: the first reading): where something is still to be done, where a
-- rule is due on another day than before, and which rows are there at all. Counts alone come back.
create or replace function lethe_private.reading_again_sql(
  relation oid, key_columns text[], actions lethe_private.action_parts[], due_days lethe_private.due_day[]
)
  returns text
  language sql
  stable
begin atomic
  select format($sql$select jsonb_build_object('gone', count(*) filter (where c.tableoid is null)) || %s as facts, null::oid as target, null::tid[] as tids
from jsonb_array_elements(convert_from($2, 'UTF8')::jsonb) as p
left join %s as c on %s$sql$,
    (select lethe_private.object_sql(array_agg(format(
        '%L, jsonb_build_object(''to_do'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean), '
        '''there'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean and c.tableoid is not null), '
        '''left'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean and %s), '
        '''moved'', count(*) filter (where (p.value #>> ''{1,%s}'')::boolean and c.tableoid is not null and (p.value #>> ''{2,%s}'') is distinct from (%s)::text))',
        a.flag, a.n - 1, a.n - 1, a.n - 1, a.test, a.n - 1, a.n - 1, (select d.day from unnest(due_days) as d where d.flag = a.flag)) order by a.n))
     from unnest(actions) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)),
    lethe_private.host_name(relation),
    -- Types of the host's are compared as text: its operators may not be ours to use.
    (select string_agg(case when h.declared_type_schema = 'pg_catalog' then format('c.%I = (p.value #>> ''{0,%s}'')::%s', h.name, k.n - 1, h.type)
       else format('c.%I::text = p.value #>> ''{0,%s}''', h.name, k.n - 1) end, ' and ' order by k.n)
     from unnest(key_columns) with ordinality as k (name, n)
     join lethe_private.host_columns as h on h.relation = reading_again_sql.relation and h.name = k.name));
end;

comment on function lethe_private.reading_again_sql(oid, text[], lethe_private.action_parts[], lethe_private.due_day[]) is
  'Reads the rows of a batch again after it was done, by their keys, and counts what is not as it should be.';

-- Which of the rows of a batch would leave: the others are kept by a child, and nothing is expected of them.
create or replace function lethe_private.picked_rows(managed lethe.managed_tables, program jsonb, target oid, tids tid[])
  returns tid[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_tids tid[] := tids;
begin
  if program ->> 'pick' is not null then
    perform r.facts from lethe_private.run_as_sweeper(lethe_private.place(program ->> 'lock', v_oid, target), managed, tids) as r;
    select r.found_tids into v_tids from lethe_private.run_as_sweeper(lethe_private.place(program ->> 'pick', v_oid, target), managed, tids) as r;
  end if;
  return coalesce(v_tids, '{}');
end
$$;

comment on function lethe_private.picked_rows(lethe.managed_tables, jsonb, oid, tid[]) is 'The rows of a batch that no other row keeps.';

-- One batch of one phase, done, read again and undone.
create or replace function lethe_private.try_batch(
  managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text,
  actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[]
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_pads lethe_private.controller_keys;
  v_batch lethe_private.worklist;
  v_tids tid[] := tids;
  v_reading jsonb;
  v_facts jsonb;
  v_again jsonb;
  v_before jsonb;
  v_writes jsonb;
  v_done boolean := false;
  v_state text; v_constraint text; v_relation text;
begin
  select k.* into strict v_pads from lethe_private.controller_keys as k
  where k.controller_id = controller.id order by k.version desc limit 1;
  begin
    if phase <> 'columns' then
      v_tids := lethe_private.picked_rows(managed, program -> phase, target, tids);
    end if;
    select r.facts into v_reading from lethe_private.run_as_sweeper(lethe_private.place(
      lethe_private.reading_sql(managed.key_columns, lethe_private.controller_sql('c', managed, v_oid, controller), actions, due_days),
      v_oid, target), managed, v_tids) as r;
    if v_reading is not null then
      v_batch.target := target;
      v_batch.tids := v_tids;
      v_before := lethe_private.rows_written();
      v_facts := case phase when 'columns' then lethe_private.sweep_columns(managed, program, v_batch, v_pads)
        else lethe_private.sweep_leaving(managed, program -> phase, v_batch, v_pads) end;
      select jsonb_agg(to_jsonb(w)) into v_writes
      from lethe_private.unplanned_writes(v_before, lethe_private.rows_written(), lethe_private.planned_writes(v_oid, phase, v_facts)) as w;
      select r.facts into v_again from lethe_private.run_as_sweeper(
        lethe_private.reading_again_sql(v_oid, managed.key_columns, actions, due_days), managed, null, convert_to(v_reading::text, 'UTF8')) as r;
    end if;
    v_done := true;
    raise exception using errcode = 'RB000', message = 'undone, as every rehearsal is';
  exception
    -- The context of either would hold what a trigger was just doing, row and all.
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = format('canceled while %I.%I was rehearsed; nothing was kept', managed.schema_name, managed.table_name),
        hint = 'see statement_timeout if nobody canceled it';
    when others or assert_failure then
      if not v_done then
        get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
      end if;
  end;
  if v_state is not null then
    return jsonb_build_object('failure', jsonb_strip_nulls(jsonb_build_object('sqlstate', v_state,
      'constraint', nullif(v_constraint, ''), 'relation', nullif(v_relation, ''))));
  end if;
  return jsonb_build_object('again', coalesce(v_again, '{}'), 'writes', coalesce(v_writes, '[]'));
end
$$;

comment on function lethe_private.try_batch(lethe.managed_tables, lethe.controllers, jsonb, text, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[]) is
  'Runs the statements of one phase on a batch, reads it again, and undoes it. Returns {"again", "writes"}, or {"failure": {"sqlstate", "constraint", "relation"}}.';

-- Of several actions done in one statement: which of them is refused when it is done alone.
create or replace function lethe_private.refused_rules(
  managed lethe.managed_tables, controller lethe.controllers, program jsonb, actions lethe_private.action_parts[],
  due_days lethe_private.due_day[], target oid, tids tid[]
)
  returns text[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_own text := concat_ws(' and ', nullif(lethe_private.controller_sql('c', managed, v_oid, controller), 'true'), 'true');
  v_action lethe_private.action_parts;
  v_alone jsonb;
  v_rules text[] := '{}';
begin
  foreach v_action in array actions loop
    v_alone := jsonb_set(program, '{columns}', jsonb_build_object('act', lethe_private.act_on_all_sql(v_own, array[v_action],
      lethe_private.key_sql('c', v_oid, managed.key_columns))));
    if lethe_private.try_batch(managed, controller, v_alone, 'columns', array[v_action], due_days, target, tids) ? 'failure' then
      v_rules := v_rules || v_action.rule;
    end if;
  end loop;
  return v_rules;
end
$$;

comment on function lethe_private.refused_rules(lethe.managed_tables, lethe.controllers, jsonb, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[]) is
  'The rules on columns that the database refuses even by themselves; none when only all together are refused.';

-- What one batch has shown, rule by rule.
create or replace function lethe_private.findings_of(outcome jsonb, phase text, actions lethe_private.action_parts[])
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(jsonb_build_object('rule', f.rule, 'problem', f.problem, 'rows', f.rows)), '[]')
  from (
    select a.rule, 'not done' as problem, (outcome #>> array['again', a.flag, case when phase = 'columns' then 'left' else 'there' end])::bigint as rows
    from unnest(actions) as a
    union all
    select a.rule, 'clock moved', (outcome #>> array['again', a.flag, 'moved'])::bigint from unnest(actions) as a where phase = 'columns'
    union all
    select a.rule, 'row lost', least((outcome #>> array['again', 'gone'])::bigint, (outcome #>> array['again', a.flag, 'to_do'])::bigint)
    from unnest(actions) as a where phase = 'columns'
  ) as f
  where f.rows > 0;
end;

comment on function lethe_private.findings_of(jsonb, text, lethe_private.action_parts[]) is
  'What a tried batch shows: rows on which nothing happened, whose clock moved, or that are gone though only a column was to change.';

create or replace function lethe_private.try_rules(managed lethe.managed_tables, controller lethe.controllers, rows_max int, deadline timestamptz)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_due lethe_private.due_day[] := array(select d from lethe_private.due_days('c', managed, v_oid, controller, v_today) as d);
  v_pending lethe_private.due_day[] := v_due;
  v_sample jsonb;
  v_as_of date;
  v_program jsonb;
  v_actions lethe_private.action_parts[];
  v_batch record;
  v_result jsonb := '{"findings": [], "tried": {}, "writes": [], "rows": 0}';
  v_left int := rows_max;
begin
  perform lethe_private.ensure_mirrors(managed);
  while cardinality(v_pending) > 0 and v_left > 0 loop
    select jsonb_agg(jsonb_build_object('day', r.facts -> 'day', 'rows', r.facts -> 'rows', 'target', r.target, 'tids', r.found_tids::text[]))
      into v_sample
    from lethe_private.run_as_sweeper(lethe_private.sample_sql(lethe_private.host_name(v_oid),
      lethe_private.controller_sql('c', managed, v_oid, controller), lethe_private.not_held_sql('c', managed, v_oid, v_today), v_pending,
      greatest(v_left * 9 / 10, 1)), managed) as r;
    exit when v_sample is null;
    select greatest(v_today, max((s ->> 'day')::date)) into v_as_of from jsonb_array_elements(v_sample) as s;
    v_program := lethe_private.compile(managed, controller, v_as_of);
    v_actions := array(select a from lethe_private.actions('c', managed, v_oid, controller, v_as_of, true) as a
                       where a.flag in (select p.flag from unnest(v_pending) as p));
    v_left := v_left - (select sum((s ->> 'rows')::int) from jsonb_array_elements(v_sample) as s)::int;
    for v_batch in
      select p.phase, b.target, b.tids from unnest(array['purge', 'archive', 'columns']) as p (phase)
      cross join jsonb_to_recordset(v_sample) as b (target oid, tids text[])
      where p.phase in (select a.phase from unnest(v_actions) as a)
    loop
      if clock_timestamp() > deadline then
        raise exception using errcode = 'LE616', message = format('the rehearsal of %I.%I took too long and was given up', managed.schema_name, managed.table_name),
          hint = 'look at its triggers and at the indexes of what refers to it';
      end if;
      v_result := lethe_private.with_outcome(v_result, managed, controller, v_program, v_batch.phase,
        array(select a from unnest(v_actions) as a where a.phase = v_batch.phase), v_due, v_batch.target, v_batch.tids::tid[], v_as_of);
    end loop;
    -- What has not come up yet is looked for by itself, as long as there is anything to find.
    exit when not exists (select from unnest(v_pending) as p where v_result -> 'tried' ? p.flag);
    v_pending := array(select p from unnest(v_pending) as p where not v_result -> 'tried' ? p.flag);
  end loop;
  return v_result || jsonb_build_object('rows', rows_max - v_left);
end
$$;

comment on function lethe_private.try_rules(lethe.managed_tables, lethe.controllers, int, timestamptz) is
  'Rehearses the rules of a table for a controller on at most so many rows. Raises LE616 past the deadline.';

create or replace function lethe_private.with_outcome(
  result jsonb, managed lethe.managed_tables, controller lethe.controllers, program jsonb, phase text,
  actions lethe_private.action_parts[], due_days lethe_private.due_day[], target oid, tids tid[], as_of date
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_outcome jsonb := lethe_private.try_batch(managed, controller, program, phase, actions, due_days, target, tids);
  v_rules text[];
  v_findings jsonb;
begin
  if v_outcome ? 'failure' then
    v_rules := case when phase = 'columns' and cardinality(actions) > 1
      then lethe_private.refused_rules(managed, controller, program, actions, due_days, target, tids) end;
    if coalesce(cardinality(v_rules), 0) = 0 then
      v_rules := array(select a.rule from unnest(actions) as a);
    end if;
    v_findings := (select jsonb_agg(jsonb_build_object('rule', r, 'problem', 'refused') || (v_outcome -> 'failure')) from unnest(v_rules) as r);
    -- Tried, and refused: not to be looked for again.
    return result || jsonb_build_object('findings', (result -> 'findings') || v_findings,
      'tried', (select result -> 'tried' || jsonb_object_agg(a.flag, jsonb_build_object('rule', a.rule, 'rows', 0, 'as_of', as_of)) from unnest(actions) as a));
  end if;
  return result || jsonb_build_object(
    'findings', (result -> 'findings') || lethe_private.findings_of(v_outcome, phase, actions),
    'writes', (result -> 'writes') || (v_outcome -> 'writes'),
    'tried', (result -> 'tried') || coalesce((
      select jsonb_object_agg(a.flag, jsonb_build_object('rule', a.rule, 'as_of', as_of,
        'rows', (v_outcome #>> array['again', a.flag, 'to_do'])::bigint + coalesce((result #>> array['tried', a.flag, 'rows'])::bigint, 0)))
      from unnest(actions) as a
      where (v_outcome #>> array['again', a.flag, 'to_do'])::bigint > 0), '{}'));
end
$$;

comment on function lethe_private.with_outcome(jsonb, lethe.managed_tables, lethe.controllers, jsonb, text, lethe_private.action_parts[], lethe_private.due_day[], oid, tid[], date) is
  'Tries one batch and adds what it shows to the result of try_rules.';

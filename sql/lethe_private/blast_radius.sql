-- What a draft makes due at once. Where the drafted policy is in force for a moment, the expressions of its rules are
-- written down (blast_part); the data is counted when that has been rolled back, so that nothing is locked meanwhile.
--
-- A part: {"table_id", "controller_id", "controller", "managed": row, "source", "owner", "held", "kept", "staying", "actions": [action_parts],
--          "children": [{"table", "rule", "statement"}], "archive": [{"table", "name", …, "along": [{"table", "from"}]}]}
--
-- The archive counts too: a shorter purge ends first what has been archived already, and for good. Its mirrors are
-- parts of their own, asked as lethe_owner.

create or replace function lethe_private.blast_mirrors(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language sql
  stable
begin atomic
  select jsonb_agg(jsonb_build_object('table', format('%I.%I (archive)', managed.schema_name, managed.table_name), 'name', m.name,
    'source', format('lethe_archive.%I', m.name), 'owner', format('c."lethe$controller" = %s', controller.id),
    'held', format('(%s%s)', lethe_private.archived_held_sql('c', m, today),
      coalesce(' or not (true' || lethe_private.companions_free_sql(managed, x.companions, today) || ')', '')),
    'kept', null, 'staying', null, 'actions', to_jsonb(x.actions),
    'along', (
      select jsonb_agg(jsonb_build_object('table', format('%I.%I (archive)', t.schema_name, t.table_name),
        'from', lethe_private.companions_sql(k.name, 'k', 'c')) order by k.name)
      from lethe_private.mirrors as k join lethe.managed_tables as t on t.id = k.table_id
      where k.name = any (x.companions))) order by m.name)
  from lethe_private.mirrors as m
  cross join lateral (
    select lethe_private.mirror_actions(managed, m, controller, today) as actions, lethe_private.companion_mirrors(managed, m) as companions) as x
  where m.table_id = managed.id and x.actions <> '{}' and lethe_private.unanswered(managed, m) is null;
end;

comment on function lethe_private.blast_mirrors(lethe.managed_tables, lethe.controllers, date) is
  'The parts of what is archived of a table; null where nothing is, or no rule reaches it.';

create or replace function lethe_private.blast_part(managed lethe.managed_tables, controller lethe.controllers)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set datestyle = 'ISO, YMD'
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_today date := lethe_private.today(controller.time_zone);
  v_actions lethe_private.action_parts[] := array(select a from lethe_private.actions('c', managed, v_oid, controller, v_today) as a);
  v_leaving boolean := exists (select from unnest(v_actions) as a where a.phase <> 'columns');
begin
  return jsonb_build_object('table_id', managed.id, 'controller_id', controller.id, 'controller', controller.name,
    'managed', to_jsonb(managed),
    'source', lethe_private.host_name(v_oid), 'owner', lethe_private.controller_sql('c', managed, v_oid, controller),
    'held', lethe_private.held_sql('c', managed, v_oid, v_today),
    'kept', case when v_leaving then lethe_private.kept_sql('c', v_oid, controller, v_today, true) end,
    'staying', case when v_leaving then lethe_private.staying_sql(managed, v_oid, controller, v_today, false, array['purge', 'archive']) end,
    'actions', to_jsonb(v_actions),
    -- {{at once}} is filled in later: what is due under the draft and was not before.
    'children', (select jsonb_agg(c) from unnest(v_actions) as a
      cross join lateral jsonb_array_elements(lethe_private.children_program(managed, v_oid, controller, v_today, '{{at once}}', a.phase)) as c
      where a.phase <> 'columns'),
    'archive', lethe_private.blast_mirrors(managed, controller, v_today));
end
$$;

comment on function lethe_private.blast_part(lethe.managed_tables, lethe.controllers) is
  'What it takes to count what is due today on one table of one controller, as text.';

create or replace function lethe_private.part_actions(part jsonb)
  returns lethe_private.action_parts[]
  language sql
  stable
return array(
  select jsonb_populate_record(null::lethe_private.action_parts, e.value)
  from jsonb_array_elements(part -> 'actions') with ordinality as e (value, n)
  order by e.n);

comment on function lethe_private.part_actions(jsonb) is 'The actions of a part.';

-- The test of the rule of the same name under the policy before; false where there was none.
create or replace function lethe_private.test_in(part jsonb, rule text)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
    select format('coalesce(%s, false)', a.value ->> 'test')
    from jsonb_array_elements(part -> 'actions') as a where a.value ->> 'rule' = test_in.rule), 'false');
end;

comment on function lethe_private.test_in(jsonb, text) is 'When a rule of a part is to be done on a row.';

-- What keeps a row, before and after. A table that refers to itself is asked as a whole, under the draft; where the
-- answer may have been another one before, a row counts as kept before, so that it shows among those at once.
create or replace function lethe_private.kept_in(part jsonb, other jsonb)
  returns text
  language sql
  immutable
return case
  when part -> 'staying' <> 'null' and other is null then 'exists (select from staying as x where (x.target, x.tid) = (c.tableoid, c.ctid))'
  when part -> 'staying' <> 'null' and part ->> 'staying' = other ->> 'staying' then null
  when part -> 'staying' <> 'null' then 'true'
  when other is not null and part ->> 'kept' is not distinct from other ->> 'kept' then null
  else coalesce(part ->> 'kept', 'false')
end;

comment on function lethe_private.kept_in(jsonb, jsonb) is
  'True when a row is kept by another one; with the draft''s part beside, null where both say the same.';

-- One read of the table for all of its rules: due under the draft, at once (not before), no longer.
create or replace function lethe_private.blast_sql(before jsonb, after jsonb)
  returns text
  language sql
  stable
begin atomic
  with actions as (
    select a.*, lethe_private.test_in(before, a.rule) as was, a.phase = 'columns' as is_column
    from unnest(lethe_private.part_actions(after)) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
  ), words as (
    select coalesce(string_agg(format('d.%s', flag), ' or ') filter (where not is_column), 'false') as leaves,
      coalesce(string_agg(format('d.was_%s', flag), ' or ') filter (where not is_column), 'false') as left_before
    from actions
  ), marks as (
    select a.*,
      case when is_column then format('d.%s and not ((%s) and not d.kept)', flag, w.leaves) else format('d.%s and not d.kept', flag) end as now_due,
      case when is_column then format('d.was_%s and not ((%s) and not d.kept_before)', flag, w.left_before)
           else format('d.was_%s and not d.kept_before', flag) end as was_due
    from actions as a cross join words as w
  )
  select format($sql$%sselect %s
from (
  select %s,
    %s as kept,
    %s as kept_before
  from %s as c
  where %s
    and (%s)
    and not %s
  offset 0
) as d$sql$,
    case when after -> 'staying' <> 'null' then after ->> 'staying' end,
    lethe_private.object_sql(array[format('''rows'', count(*) filter (where %s)', string_agg(format('%s and not (%s)', m.now_due, m.was_due), ' or ' order by m.n))]
      || array_agg(format('%1$L, jsonb_build_object(''due'', count(*) filter (where %2$s), ''at_once'', count(*) filter (where %2$s and not (%3$s)), '
        '''no_longer'', count(*) filter (where %3$s and not (%2$s)))', m.flag, m.now_due, m.was_due) order by m.n)),
    string_agg(format('coalesce(%s, false) as %s, %s as was_%s', m.test, m.flag, m.was, m.flag), E',\n    ' order by m.n),
    -- Asked of rows that would leave, and of no other.
    coalesce('(' || string_agg(m.test, ' or ') filter (where not m.is_column) || format(') and (%s)', lethe_private.kept_in(after, null)), 'false'),
    coalesce('(' || string_agg(nullif(m.was, 'false'), ' or ') filter (where not m.is_column)
      || format(') and (%s)', coalesce(lethe_private.kept_in(before, after), lethe_private.kept_in(after, null))), 'false'),
    after ->> 'source', after ->> 'owner',
    lethe_private.any_due_sql(lethe_private.part_actions(after))
      || coalesce(' or ' || lethe_private.any_due_sql(array(
        select b from unnest(lethe_private.part_actions(before)) as b
        where b.rule in (select x.rule from actions as x) and lethe_private.test_in(after, b.rule) <> lethe_private.test_in(before, b.rule))), ''),
    after ->> 'held')
  from marks as m;
end;

comment on function lethe_private.blast_sql(jsonb, jsonb) is
  'Counts what is due under a draft''s part of a table, how much of it was not due before, and what is due no longer. Held rows count nowhere.';

-- Of one mirror; what came along with its rows goes with them.
create or replace function lethe_private.count_mirror(before jsonb, after jsonb)
  returns table ("table" text, rule text, due bigint, at_once bigint, no_longer bigint)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_look jsonb;
  v_purge text;
begin
  select r.facts into v_look
  from lethe_private.run_on_archive(format('select (%s), null::oid, null::tid[]', lethe_private.blast_sql(before, after))) as r;
  return query
    select after ->> 'table', a.rule, (v_look #>> array[a.flag, 'due'])::bigint, (v_look #>> array[a.flag, 'at_once'])::bigint,
      (v_look #>> array[a.flag, 'no_longer'])::bigint
    from unnest(lethe_private.part_actions(after)) as a
    union all
    select after ->> 'table', 'rows', null, (v_look ->> 'rows')::bigint, null;
  select format('%s and %s and not %s and not %s', after ->> 'owner', a.test, lethe_private.test_in(before, a.rule), after ->> 'held') into v_purge
  from unnest(lethe_private.part_actions(after)) as a
  where a.phase = 'purge' and (v_look #>> array[a.flag, 'at_once'])::bigint > 0;
  return query
    select k.value ->> 'table', 'with parent ' || (after ->> 'table'), null::bigint, r.facts::bigint, null::bigint
    from jsonb_array_elements(nullif(after -> 'along', 'null')) as k
    cross join lateral lethe_private.run_on_archive(format('select to_jsonb(count(*)), null::oid, null::tid[] from %s as c, lateral (select from %s) as x where %s',
      after ->> 'source', k.value ->> 'from', v_purge)) as r
    where v_purge is not null and r.facts <> '0';
end
$$;

comment on function lethe_private.count_mirror(jsonb, jsonb) is 'The blast radius of a draft on what is archived of a table.';

create or replace function lethe_private.count_part(before jsonb, after jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables := jsonb_populate_record(null::lethe.managed_tables, after -> 'managed');
  v_look jsonb;
  v_at_once text;
begin
  v_look := lethe_private.count_as_sweeper(lethe_private.blast_sql(before, after), v_managed);
  -- Other tables' rows go along only with rows that leave at once.
  select string_agg(format('((%s) and not %s)', a.test, lethe_private.test_in(before, a.rule)), ' or ') into v_at_once
  from unnest(lethe_private.part_actions(after)) as a
  where a.phase <> 'columns' and (v_look #>> array[a.flag, 'at_once'])::bigint > 0;
  return (
    select jsonb_agg(jsonb_build_object('controller', after ->> 'controller', 'table', x.name, 'rule', x.rule,
      'due', x.due, 'at_once', x.at_once, 'no_longer', x.no_longer) order by x.n)
    from (
      select format('%I.%I', v_managed.schema_name, v_managed.table_name) as name, a.rule, (v_look #>> array[a.flag, 'due'])::bigint as due,
        (v_look #>> array[a.flag, 'at_once'])::bigint as at_once, (v_look #>> array[a.flag, 'no_longer'])::bigint as no_longer, a.n
      from unnest(lethe_private.part_actions(after)) with ordinality as a (flag, rule, phase, column_name, due, unclocked, needed, test, new_value, n)
      union all
      select format('%I.%I', v_managed.schema_name, v_managed.table_name), 'rows', null, (v_look ->> 'rows')::bigint, null, 100000
      union all
      select k."table", k.rule || ' ' || format('%I.%I', v_managed.schema_name, v_managed.table_name), null, sum(k.rows)::bigint, null, 100001
      from (
        select c.value ->> 'table' as "table", c.value ->> 'rule' as rule, lethe_private.count_as_sweeper(
          replace(c.value ->> 'statement', '{{at once}}', format('%s and (%s) and not %s', after ->> 'owner', v_at_once, after ->> 'held')), v_managed)::bigint as rows
        from jsonb_array_elements(nullif(after -> 'children', 'null')) as c
        where v_at_once is not null
      ) as k
      group by 1, 2
      having sum(k.rows) > 0
      union all
      select c."table", c.rule, c.due, c.at_once, c.no_longer, 100002
      from jsonb_array_elements(nullif(after -> 'archive', 'null')) as m
      cross join lateral lethe_private.count_mirror(
        (select b from jsonb_array_elements(nullif(before -> 'archive', 'null')) as b where b ->> 'name' = m.value ->> 'name'), m.value) as c
    ) as x);
end
$$;

comment on function lethe_private.count_part(jsonb, jsonb) is 'The blast radius of a draft on one table of one controller and its archive; the lines "rows" count each row once.';

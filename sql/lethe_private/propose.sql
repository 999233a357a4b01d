-- A drafted policy is in force for a moment: its changes are listed, its rules tried, what they make due is written
-- down, and all of it is rolled back. What is found survives in variables. Then, with nothing locked any more, the
-- data is counted.

-- Tables whose rules a change of the policy touches, and for which controller (null: for all of them); with the
-- tables that their rows refer to, since a child that leaves lets its parent go.
create or replace function lethe_private.changed_tables(since_change bigint)
  returns table (table_id int, controller_id int, own boolean)
  language sql
  stable
begin atomic
  with recursive changes as (
    select c.object, coalesce(c.after, c.before) as facts from lethe.policy_changes as c where c.id > since_change
  ), touched as (
    select r.table_id, (c.facts ->> 'controller_id')::int as controller_id
    from changes as c
    join lateral (
      select u.table_id from lethe.rules as u where u.id = (c.facts ->> 'rule_id')::int
      union
      select (x.before ->> 'table_id')::int from lethe.policy_changes as x
      where x.id > since_change and x.object = 'rules' and x.after is null and x.before ->> 'id' = c.facts ->> 'rule_id'
    ) as r on true
    where c.object = 'terms'
    union
    select (c.facts ->> 'id')::int, null from changes as c where c.object = 'managed_tables'
    union
    select (c.facts ->> k)::int, null from changes as c cross join unnest(array['table_id', 'to_table_id']) as k where c.object = 'links'
    union
    select m.id, (c.facts ->> 'id')::int from changes as c cross join lethe.managed_tables as m where c.object = 'controllers'
  ), up as (
    select t.table_id, t.controller_id, true as own from touched as t
    union
    select m.id, u.controller_id, false
    from up as u
    cross join lethe.managed_tables as m
    where exists (
      select from lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as r where r.managed_id = u.table_id)
  )
  select u.table_id, u.controller_id, bool_or(u.own)
  from up as u
  join lethe.managed_tables as m on m.id = u.table_id
  group by u.table_id, u.controller_id;
end;

comment on function lethe_private.changed_tables(bigint) is
  'Which tables and controllers the changes after a given one concern. own: their rules have changed, not only those of what refers to them.';

-- Columns, constraints, triggers and rules of the managed tables and of what refers to them. Partitions may come and go.
create or replace function lethe_private.catalogue_mark()
  returns text
  language sql
  stable
  set search_path = pg_catalog, pg_temp
begin atomic
  with tables as (
    select lethe_private.host_table(m.schema_name, m.table_name) as oid from lethe.managed_tables as m
    union
    select r.child from lethe.managed_tables as m
    cross join lateral lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as r
  )
  select md5(coalesce(string_agg(x.line, E'\n' order by x.line collate "C"), ''))
  from (
    select concat_ws(' ', a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated, a.attidentity) as line
    from tables as t join pg_attribute as a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    union all
    select concat_ws(' ', k.conrelid, k.conname, pg_get_constraintdef(k.oid))
    from tables as t join pg_constraint as k on k.conrelid = t.oid
    union all
    select concat_ws(' ', g.tgrelid, g.tgenabled, pg_get_triggerdef(g.oid), md5(p.prosrc), p.proconfig, p.prosecdef)
    from tables as t join pg_trigger as g on g.tgrelid = t.oid and not g.tgisinternal join pg_proc as p on p.oid = g.tgfoid
    union all
    select concat_ws(' ', i.indrelid, pg_get_indexdef(i.indexrelid))
    from tables as t join pg_index as i on i.indrelid = t.oid and (i.indisunique or i.indisexclusion)
    union all
    select concat_ws(' ', w.ev_class, w.ev_enabled, pg_get_ruledef(w.oid))
    from tables as t join pg_rewrite as w on w.ev_class = t.oid
  ) as x;
end;

comment on function lethe_private.catalogue_mark() is 'A mark of what a rehearsal depends on in the host''s catalogue.';

create or replace function lethe_private.policy_mark()
  returns text
  language sql
  stable
-- With what its methods make of a value: one that is registered anew is another policy.
return md5(lethe.export_policy()::text || (select coalesce(jsonb_agg(to_jsonb(m) order by m.name), '[]') from lethe.methods as m)::text);

comment on function lethe_private.policy_mark() is 'A mark of the policy in force, and of the methods it may name.';

-- Tries the rules of the tables that changed: at the most 1,000 rows of each, shared out among the controllers.
create or replace function lethe_private.try_tables(since_change bigint, deadline timestamptz)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_one jsonb;
  v_done boolean;
  v_left int;
  v_findings jsonb := '[]';
  v_tried jsonb := '[]';
  v_writes jsonb := '[]';
begin
  for v_managed in
    select m.* from lethe.managed_tables as m
    where m.id in (select t.table_id from lethe_private.changed_tables(since_change) as t where t.own)
    order by m.schema_name, m.table_name
  loop
    v_left := 1000;
    for v_controller in
      select c.* from lethe.controllers as c
      where lethe_private.has_controller(v_managed, c) and lethe_private.has_rules(v_managed.id, c.id)
        and exists (select from lethe_private.changed_tables(since_change) as t
                    where t.own and t.table_id = v_managed.id and (t.controller_id is null or t.controller_id = c.id))
      order by c.id
    loop
      continue when v_left = 0;
      -- Undone table by table: an archive that is made for one of them keeps others from theirs no longer than that.
      v_done := false;
      begin
        -- The first may take half of what is left, so that there is something for the others.
        v_one := lethe_private.try_rules(v_managed, v_controller, case when exists (
          select from lethe.controllers as c where c.id > v_controller.id and lethe_private.has_controller(v_managed, c)) then (v_left + 1) / 2 else v_left end, deadline);
        v_done := true;
        raise exception using errcode = 'RB000', message = 'undone, as every rehearsal is';
      exception when sqlstate 'RB000' then
        if not v_done then
          raise;
        end if;
      end;
      v_left := v_left - (v_one ->> 'rows')::int;
      v_findings := v_findings || coalesce((select jsonb_agg(jsonb_build_object('controller', v_controller.name, 'table', format('%I.%I', v_managed.schema_name, v_managed.table_name)) || f)
        from jsonb_array_elements(v_one -> 'findings') as f), '[]');
      v_tried := v_tried || coalesce((select jsonb_agg(jsonb_build_object('controller', v_controller.name, 'table', format('%I.%I', v_managed.schema_name, v_managed.table_name),
          'rule', d.rule, 'rows', coalesce((v_one #>> array['tried', d.flag, 'rows'])::bigint, 0), 'as_of', v_one #> array['tried', d.flag, 'as_of']))
        from lethe_private.due_days('c', v_managed, lethe_private.host_table(v_managed.schema_name, v_managed.table_name), v_controller,
          lethe_private.today(v_controller.time_zone)) as d), '[]');
      v_writes := v_writes || (v_one -> 'writes');
    end loop;
  end loop;
  return jsonb_build_object('findings', v_findings, 'tried', v_tried, 'effects', lethe_private.effects(v_writes, since_change));
end
$$;

comment on function lethe_private.try_tables(bigint, timestamptz) is
  'Rehearses every rule that the changes after a given one concern. Returns {"findings", "tried", "effects"}, see lethe.drafts.';

create or replace function lethe_private.effects(writes jsonb, since_change bigint)
  returns jsonb
  language sql
  stable
begin atomic
  with written as (
    select w.relation, sum(w.inserts)::bigint as inserts, sum(w.updates)::bigint as updates, sum(w.deletes)::bigint as deletes
    from jsonb_to_recordset(writes) as w (relation oid, inserts bigint, updates bigint, deletes bigint)
    group by w.relation
  ), swept as (
    -- What is written by plan: columns of the changed tables, rows of them, and what goes or is unlinked with those.
    select lethe_private.host_table(m.schema_name, m.table_name) as relation,
      case when r.column_name is null then 8 else 16 end as events, r.column_name
    from lethe.managed_tables as m
    join lethe.rules as r on r.table_id = m.id
    where m.id in (select t.table_id from lethe_private.changed_tables(since_change) as t where t.own)
    union
    select f.child, case f.on_purge when 'unlink' then 16 else 8 end, c
    from lethe.managed_tables as m
    cross join lateral lethe_private.references_to(lethe_private.host_table(m.schema_name, m.table_name)) as f
    cross join unnest(case f.on_purge when 'unlink' then f.child_columns else array[null] end) as c
    where f.on_purge <> 'keep' and m.id in (select t.table_id from lethe_private.changed_tables(since_change) as t)
  ), touched as (
    select s.relation, bit_or(s.events) as events, array_agg(s.column_name) as columns from swept as s group by s.relation
    union all
    select w.relation, (w.inserts > 0)::int * 4 + (w.updates > 0)::int * 16 + (w.deletes > 0)::int * 8,
      array(select h.name from lethe_private.host_columns as h where h.relation = w.relation)
    from written as w
  )
  select coalesce(jsonb_agg(x.effect order by x.kind, x.object collate "C"), '[]')
  from (
    select 'table' as kind, lethe_private.host_name(w.relation) as object, jsonb_build_object('object', lethe_private.host_name(w.relation), 'kind', 'table',
      'inserts', w.inserts, 'updates', w.updates, 'deletes', w.deletes) as effect
    from written as w
    union all
    select distinct 'trigger function', g.object, jsonb_build_object('object', g.object, 'kind', 'trigger function', 'why', g.why)
    from touched as t
    cross join lateral lethe_private.reaching_triggers(t.relation, t.events, t.columns) as g
  ) as x;
end;

comment on function lethe_private.effects(jsonb, bigint) is 'Side effects by name: tables written outside the plan, and trigger functions that may act outside the transaction.';

create or replace function lethe_private.propose(document jsonb, reason text, rehearse boolean)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  -- The statements are read in the one form that every session reads alike.
  set datestyle = 'ISO, YMD'
  set jit = off
as $$
declare
  v_before jsonb := lethe.export_policy();
  v_last bigint;
  v_result jsonb;
  v_parts jsonb;
  v_part jsonb;
  v_blast jsonb := '[]';
  v_done boolean := false;
begin
  select coalesce(max(c.id), 0) into v_last from lethe.policy_changes as c;
  begin
    insert into lethe_private.rehearsing default values;
    perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::bigint::text, true) from lethe.settings as s;
    perform lethe.apply_policy(document, reason);
    v_result := jsonb_build_object(
      'changes', lethe_private.policy_diff(v_before, lethe.export_policy()),
      'catalogue_mark', lethe_private.catalogue_mark(),
      -- What the engine reads and writes with; without other rights it does the same in another way.
      'missing_rights', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from lethe.missing_rights() as r where r.need like 'lethe_sweeper%'));
    select coalesce(jsonb_agg(lethe_private.blast_part(m, c) order by m.schema_name, m.table_name, c.name), '[]') into v_parts
    from lethe.managed_tables as m
    cross join lethe.controllers as c
    where lethe_private.has_controller(m, c)
      and lethe_private.has_rules(m.id, c.id)
      and exists (select from lethe_private.changed_tables(v_last) as t where t.table_id = m.id and (t.controller_id is null or t.controller_id = c.id));
    if rehearse and v_result -> 'missing_rights' = '[]' then
      v_result := v_result || lethe_private.try_tables(v_last, clock_timestamp() + interval '5 minutes');
    end if;
    v_done := true;
    raise exception using errcode = 'RB000', message = 'undone, as every rehearsal is';
  exception when sqlstate 'RB000' then
    if not v_done then
      raise;
    end if;
  end;

  -- Without the rights nothing can be read.
  if v_result -> 'missing_rights' = '[]' then
    for v_part in select p from jsonb_array_elements(v_parts) as p loop
      v_blast := v_blast || coalesce(lethe_private.count_part(lethe_private.part_in_force(v_part), v_part), '[]');
    end loop;
  end if;
  return '{"findings": [], "tried": [], "effects": []}'::jsonb || v_result || jsonb_build_object('blast_radius', v_blast, 'policy_mark', lethe_private.policy_mark(),
    'rows_at_once', (select coalesce(sum((b ->> 'at_once')::bigint), 0) from jsonb_array_elements(v_blast) as b
                     where b ->> 'rule' = 'rows' or b ->> 'rule' ~ '^(with parent|archived with parent|unlink .*) \S'));
end
$$;

comment on function lethe_private.propose(jsonb, text, boolean) is
  'What a policy document would change and make due at once and, if it is to be rehearsed, what its rules do when they are tried. Leaves no trace but in sequences. Raises what lethe.apply_policy raises, LE501, LE503, LE616.';

create or replace function lethe_private.part_in_force(part jsonb)
  returns jsonb
  language sql
  stable
begin atomic
  select lethe_private.blast_part(m, c)
  from lethe.managed_tables as m
  join lethe.controllers as c on c.name = part ->> 'controller'
  where (m.schema_name, m.table_name) = (part #>> '{managed,schema_name}', part #>> '{managed,table_name}')
    and lethe_private.has_controller(m, c)
    and lethe_private.host_table(m.schema_name, m.table_name) is not null;
end;

comment on function lethe_private.part_in_force(jsonb) is 'The same part under the policy in force; null where it has none.';

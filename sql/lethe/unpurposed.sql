-- A value to which no purpose applies is left alone for ever: nothing makes it due. It is a finding.
create or replace function lethe_private.unpurposed_sql(managed lethe.managed_tables, table_oid oid, controllers lethe.controllers[])
  returns text
  language sql
  stable
begin atomic
  -- One scan for all rules of all controllers.
  select lethe_private.object_sql(array_agg(format(
    '%1$L, jsonb_build_array(count(*) filter (where %2$s), count(*) filter (where %2$s and (%3$s)))',
    c.id || ' ' || a.flag,
    concat_ws(' and ', nullif(lethe_private.controller_sql('c', managed, table_oid, c), 'true'), nullif(format('(%s)', a.needed), '(true)'),
      (select 'not (' || string_agg(format('coalesce(%s, false)', (lethe_private.term_sql('c', managed, table_oid, c, lethe_private.today(c.time_zone),
         t.after, t.since, t.condition, true)).applies), ' or ' order by t.id) || ')'
       from lethe_private.effective_terms(managed.id, c.id) as t where t.rule_id = substr(a.flag, 2)::int)),
    a.unclocked) order by c.id, a.flag))
  from unnest(controllers) as c
  cross join lateral lethe_private.actions('c', managed, table_oid, c, lethe_private.today(c.time_zone), true) as a;
end;

comment on function lethe_private.unpurposed_sql(lethe.managed_tables, oid, lethe.controllers[]) is
  'Counts per controller and rule to how many values no term applies, and how many of them have no usable clock: {"controller rule": [n, n]}.';

create or replace function lethe.unpurposed("table" text default null, controller_name text default null)
  returns table (controller text, table_name text, column_name text, action text, rows bigint, unclocked bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper; the caller sees figures only
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_table_id int := case when "table" is not null then (lethe_private.get_managed("table")).id end;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_controllers lethe.controllers[];
  v_counts text;
  v_found jsonb;
begin
  for v_managed in
    select m.* from lethe.managed_tables as m where m.id = coalesce(v_table_id, m.id) order by m.schema_name, m.table_name
  loop
    v_controllers := array(
      select c from lethe.controllers as c
      join lethe.controllers_to_run(unpurposed.controller_name) as n on n.name = c.name
      where lethe_private.has_controller(v_managed, c) and (lethe_private.acts_for(c.id) or lethe_private.is_worker()));
    perform lethe_private.assert_intact(v_managed);
    v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
    v_counts := lethe_private.unpurposed_sql(v_managed, v_oid, v_controllers);
    continue when v_counts is null;
    begin
      v_found := lethe_private.count_as_sweeper(format('select %s from %s as c', v_counts, lethe_private.host_name(v_oid)), v_managed);
    exception when insufficient_privilege then
      perform lethe_private.raise_missing_right(v_managed);
    end;
    return query
      select c.name, lethe_private.plain_name(v_managed), r.column_name, r.action, (e.value ->> 0)::bigint, (e.value ->> 1)::bigint
      from jsonb_each(v_found) as e
      join lethe.controllers as c on c.id = split_part(e.key, ' ', 1)::int
      join lethe.rules as r on r.id = substr(split_part(e.key, ' ', 2), 2)::int
      where e.value ->> 0 <> '0'
      order by c.name, r.column_name nulls last, r.action;
  end loop;
end
$$;

comment on function lethe.unpurposed(text, text) is
  'Values (of a column, or rows where column_name is null) to which no term of a rule applies, so that nothing is ever done to them; unclocked: those among them that lack a usable clock. Reads each table once. Raises LE101 to LE103, LE501, LE503.';

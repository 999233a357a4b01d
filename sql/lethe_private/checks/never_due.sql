-- Page: docs/checks/never-due.md. Per controller: one may fill a clock that another leaves empty.
create or replace function lethe_private.check_never_due(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_target record;
  v_controller lethe.controllers;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_names text[];
  v_tests text[];
  v_facts jsonb;
  v_problem text;
begin
  for v_target in
    select c as controller, m as managed, r.relation
    from unnest(reached) as r
    join lethe.managed_tables as m on m.id = r.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    where exists (select from lethe_private.effective_terms(m.id, c.id))
    order by c.name, m.schema_name, m.table_name
  loop
    v_controller := v_target.controller;
    v_managed := v_target.managed;
    v_oid := v_target.relation;
    begin
      select array_agg(x.name order by x.name), array_agg(x.test order by x.name) into v_names, v_tests
      from lethe_private.always_tests(v_managed, v_oid, v_controller) as x;
    exception when others then
      get stacked diagnostics v_problem = message_text;
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
      continue;
    end;
    select l.facts, l.problem into v_facts, v_problem from lethe_private.look(format(
      'select to_jsonb(array[count(*), %s]) from %s as c%s where %s',
      (select string_agg(format('count(*) filter (where coalesce(%s, false))', t), ', ' order by n) from unnest(v_tests) with ordinality as x (t, n)),
      lethe_private.host_name(v_oid), lethe_private.sample_sql(v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller)), v_managed) as l;
    if v_problem is not null then
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
      continue;
    end if;
    return query
      select
        format('%s: %s: %s', v_controller.name, lethe_private.host_name(v_oid), x.name),
        format('%s on %s can never be due for controller %s: %s (%s rows looked at)', x.name, lethe_private.host_name(v_oid), v_controller.name,
          case when x.name like '% when' then 'no row fulfils its condition' else 'no row has a usable clock' end, v_facts ->> 0),
        'count since another clock, or correct the condition; if such rows are only to come, waive this', true
      from unnest(v_names) with ordinality as x (name, n)
      where (v_facts ->> 0)::bigint > 0 and v_facts ->> x.n::int = v_facts ->> 0;
  end loop;
end
$$;

comment on function lethe_private.check_never_due(lethe_private.reached[]) is 'Rules whose clock no row has, and terms whose condition no row fulfils, per controller.';

create or replace function lethe_private.always_tests(managed lethe.managed_tables, relation oid, controller lethe.controllers)
  returns table (name text, test text)
  language sql
  stable
begin atomic
  select format('rule "%s"', a.rule), format('(%s)', a.unclocked)
  from lethe_private.actions('c', managed, relation, controller, lethe_private.today(controller.time_zone), true) as a
  where a.unclocked is not null
  union all
  -- Null is not true either.
  select format('rule "%s"%s when', concat_ws(': ', r.column_name, r.action), coalesce(', ' || t.purpose, '')),
    format('(%s) is not true', t.condition)
  from lethe_private.effective_terms(managed.id, controller.id) as t
  join lethe.rules as r on r.id = t.rule_id
  where t.condition is not null and r.action in ('anonymize', 'archive', 'purge');
end;

comment on function lethe_private.always_tests(lethe.managed_tables, oid, lethe.controllers) is
  'Expressions over a row which, where they hold for all rows, mean that a rule or term can never be due.';

-- Page: docs/checks/identifiable-row.md. A row counts as masked when nothing in it is left that a rule on a direct
-- identifier or contact would still change. What then remains of its quasi-identifiers puts it into a group of rows
-- that look the same; in a group smaller than k somebody may be recognised. Figures only.
create or replace function lethe_private.check_identifiable_row(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_k int := (select s.group_size_min from lethe.settings as s);
  v_target record;
  v_controller lethe.controllers;
  v_managed lethe.managed_tables;
  v_oid oid;
  v_masked text;
  v_columns text;
  v_facts jsonb;
  v_problem text;
begin
  for v_target in
    select c as controller, m as managed, q.relation, q.columns
    from (
      select k.managed_id, k.relation, string_agg(format('c.%I::text', k.name), ', ' order by k.position) as columns
      from lethe_private.checked_columns(reached) as k
      where k.category = 'quasi-identifier'
      group by k.managed_id, k.relation
    ) as q
    join lethe.managed_tables as m on m.id = q.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    order by c.name, m.schema_name, m.table_name
  loop
    v_controller := v_target.controller;
    v_managed := v_target.managed;
    v_oid := v_target.relation;
    v_columns := v_target.columns;
    begin
      select string_agg(format('not coalesce(%s, false)', a.needed), ' and ') into v_masked
      from lethe_private.actions('c', v_managed, v_oid, v_controller, lethe_private.today(v_controller.time_zone)) as a
      join lethe.managed_columns as k on k.table_id = v_managed.id and k.column_name = a.column_name
      where k.category in ('direct identifier', 'contact');
    exception when others then
      get stacked diagnostics v_problem = message_text;
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
      continue;
    end;
    continue when v_masked is null;
    select l.facts, l.problem into v_facts, v_problem from lethe_private.look(format(
      'select to_jsonb(array[sum(g.n), sum(g.n) filter (where g.n < %1$s), min(g.n)]) from (select count(*) as n from %2$s as c where %3$s and %4$s group by %5$s) as g',
      v_k, lethe_private.host_name(v_oid), lethe_private.controller_sql('c', v_managed, v_oid, v_controller), v_masked, v_columns), v_managed) as l;
    if v_problem is not null then
      return next lethe_private.not_looked(v_controller.name || ': ' || lethe_private.host_name(v_oid), v_problem);
    elsif (v_facts ->> 1)::bigint > 0 then
      return next (format('%s: %s', v_controller.name, lethe_private.host_name(v_oid)),
        format('%s of %s masked rows of %s, controller %s, share what is left of %s with fewer than %s others; the smallest group has %s',
          v_facts ->> 1, v_facts ->> 0, lethe_private.host_name(v_oid), v_controller.name,
          replace(replace(v_columns, 'c.', ''), '::text', ''), v_k - 1, v_facts ->> 2),
        'generalize these columns further, or suppress one of them', true)::lethe_private.finding;
    end if;
  end loop;
end
$$;

comment on function lethe_private.check_identifiable_row(lethe_private.reached[]) is 'Masked rows that their quasi-identifiers leave in a group smaller than k, counted per controller.';

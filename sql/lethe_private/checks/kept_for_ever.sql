-- Page: docs/checks/kept-for-ever.md. Archiving ends nothing: the archive keeps the value until something purges it.
create or replace function lethe_private.check_kept_for_ever(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with recursive ends as (
    select r.table_id, r.column_name, c.id as controller_id
    from lethe.rules as r
    join lethe.controllers as c on exists (
      select from lethe.terms as t where t.rule_id = r.id and coalesce(t.controller_id, c.id) = c.id)
    where r.action = 'purge' or r.action = 'anonymize'
  ), leaves as (
    select e.table_id, e.controller_id from ends as e where e.column_name is null
    union
    -- It goes with the row it refers to.
    select l.table_id, v.controller_id
    from leaves as v
    join lethe.links as l on l.to_table_id = v.table_id and l.on_purge = 'with parent'
  )
  select
    format('%s.%I', lethe_private.host_name(x.relation), x.name),
    format('nothing ever ends column %I of %s (%s)%s', x.name, lethe_private.host_name(x.relation), x.category,
      case when count(*) < (select count(*) from lethe.controllers)
        then ' for controller ' || string_agg(x.controller, ', ' order by x.controller) else '' end),
    'anonymize or purge it, or purge its row, after some time; what is only archived stays in the archive',
    true
  from (
    select k.relation, k.name, k.category, c.name as controller
    from lethe_private.checked_columns(check_kept_for_ever.reached) as k
    join lethe.managed_tables as m on m.id = k.managed_id
    join lethe.controllers as c on lethe_private.has_controller(m, c)
    where lethe_private.is_personal(k.category)
      and not exists (select from ends as e where e.table_id = k.managed_id and e.column_name = k.name and e.controller_id = c.id)
      and not exists (select from leaves as v where v.table_id = k.managed_id and v.controller_id = c.id)
  ) as x
  group by x.relation, x.name, x.category;
end;

comment on function lethe_private.check_kept_for_ever(lethe_private.reached[]) is 'Personal columns that no rule of any row or column ever ends, for some controller.';

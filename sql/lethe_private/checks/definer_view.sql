-- Page: docs/checks/definer-view.md. A view reads with its owner's rights. Where the owner is not bound by a table's row
-- security, nobody is who reads through the view.
create or replace function lethe_private.check_definer_view(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(v.oid),
    format('view %s reads around the row security of %s: it has the rights of its owner, and others may read it', lethe_private.host_name(v.oid),
      string_agg(distinct lethe_private.host_name(t.oid), ', ')),
    format('alter view %s set (security_invoker = true); or filter in it, and waive this', lethe_private.host_name(v.oid)),
    true
  from unnest(check_definer_view.reached) as r
  join pg_catalog.pg_class as t on t.oid = r.relation and t.relrowsecurity
  join lethe_private.view_reads as d on d.relation = t.oid
  join pg_catalog.pg_class as v on v.oid = d.reader and v.relkind = 'v'
  join pg_catalog.pg_roles as o on o.oid = v.relowner
  where not exists (
      select from pg_options_to_table(v.reloptions) as x
      where x.option_name = 'security_invoker' and lower(x.option_value) in ('true', 'on', 'yes', '1'))
    and (o.rolsuper or o.rolbypassrls or t.relowner = v.relowner and not t.relforcerowsecurity)
    and exists (
      select from aclexplode(v.relacl) as a where a.grantee <> v.relowner and a.privilege_type = 'SELECT'
      union all
      select from pg_catalog.pg_attribute as n cross join aclexplode(n.attacl) as a
      where n.attrelid = v.oid and a.grantee <> v.relowner and a.privilege_type = 'SELECT')
  group by v.oid;
end;

comment on function lethe_private.check_definer_view(lethe_private.reached[]) is 'Views that lead others around the row security of a table.';

-- Page: docs/checks/row-security-bypass.md. lethe_sweeper is let around on purpose: a row it cannot see it cannot forget.
create or replace function lethe_private.check_row_security_bypass(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    quote_ident(g.rolname),
    format('role %I passes by row security (BYPASSRLS) and may read %s', g.rolname,
      string_agg(lethe_private.host_name(c.oid), ', ' order by lethe_private.host_name(c.oid))),
    format('alter role %I nobypassrls, unless it is meant to see every row', g.rolname),
    true
  from unnest(check_row_security_bypass.reached) as r
  join pg_catalog.pg_class as c on c.oid = r.relation and c.relrowsecurity
  join pg_catalog.pg_roles as g on g.rolbypassrls and not g.rolsuper and g.rolname <> 'lethe_sweeper'
    and has_any_column_privilege(g.oid, c.oid, 'select')
  group by g.rolname;
end;

comment on function lethe_private.check_row_security_bypass(lethe_private.reached[]) is 'Roles with BYPASSRLS that may read tables which rely on row security.';

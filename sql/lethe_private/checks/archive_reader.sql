-- Page: docs/checks/archive-reader.md. Nobody is granted anything on the archive, the keys or the worklists. Who reads
-- them all the same, because PostgreSQL lets them, is listed by archive_limit.sql.
create or replace function lethe_private.check_archive_reader(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with kept as (
    select c.oid, c.relname, c.relkind, n.nspname, c.relrowsecurity, c.relowner, c.relacl
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('lethe_archive', 'lethe_private') and c.relkind in ('r', 'p', 'v', 'm')
  ), granted as (
    select k.*, a.grantee, a.privilege_type, g.is_column
    from kept as k
    cross join lateral (
      select k.relacl as acl, false as is_column
      union all
      select x.attacl, true from pg_catalog.pg_attribute as x where x.attrelid = k.oid and x.attacl is not null
    ) as g
    cross join aclexplode(g.acl) as a
    where a.grantee <> k.relowner
      -- What the engine itself grants: see grants.sql and mirrors.sql.
      and not (k.nspname = 'lethe_private' and a.grantee = (select r.oid from pg_catalog.pg_roles as r where r.rolname = 'lethe_sweeper'))
  )
  select
    format('%I.%I', g.nspname, g.relname),
    format('%s may %s %I.%I, which nobody is to reach', case when g.grantee = 0 then 'everybody' else format('role %I', pg_get_userbyid(g.grantee)) end,
      string_agg(distinct lower(g.privilege_type), ', '), g.nspname, g.relname),
    format('revoke all on %I.%I from %s', g.nspname, g.relname, case when g.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end),
    true
  from granted as g
  group by g.nspname, g.relname, g.grantee
  union all
  select format('%I.%I', k.nspname, k.relname), format('row security of %I.%I is off', k.nspname, k.relname),
    format('alter table %I.%I enable row level security', k.nspname, k.relname), true
  from kept as k
  where k.relkind in ('r', 'p') and not k.relrowsecurity
  union all
  select format('%I.%I', k.nspname, k.relname), format('policy %I lets rows of %I.%I through', p.polname, k.nspname, k.relname),
    format('drop policy %I on %I.%I', p.polname, k.nspname, k.relname), true
  from kept as k
  join pg_catalog.pg_policy as p on p.polrelid = k.oid;
end;

comment on function lethe_private.check_archive_reader(lethe_private.reached[]) is 'Grants, policies and row security that would let somebody read the archive, keys or worklists.';

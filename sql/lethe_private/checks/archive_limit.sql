-- Page: docs/checks/archive-limit.md. What no database can keep from its masters, by name.
create or replace function lethe_private.check_archive_limit(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with limits as (
    select 'superusers' as object, 'superusers can read the archive and the keys' as what, r.rolname
    from pg_catalog.pg_roles as r
    where r.rolsuper and r.rolcanlogin
    union all
    select 'members of lethe_owner', 'members of lethe_owner can read the archive and the keys', r.rolname
    from pg_catalog.pg_roles as r
    where r.rolcanlogin and not r.rolsuper and pg_has_role(r.oid, 'lethe_owner', 'member')
    union all
    -- pg_read_all_data alone meets row security, and sees no row.
    select 'readers of everything', 'roles with BYPASSRLS and pg_read_all_data can read the archive and the keys', r.rolname
    from pg_catalog.pg_roles as r
    where r.rolbypassrls and not r.rolsuper and pg_has_role(r.oid, 'pg_read_all_data', 'usage')
  )
  select l.object, l.what || ': ' || string_agg(quote_ident(l.rolname), ', ' order by l.rolname),
    'keep them few, and their logins personal; lethe.archive_openings does not see them', true
  from limits as l
  group by l.object, l.what;
end;

comment on function lethe_private.check_archive_limit(lethe_private.reached[]) is 'Who can read the archive and the keys by being who they are.';

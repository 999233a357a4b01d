-- Page: docs/checks/definer-function.md. Which tables a function reads is known to the catalogue where its body is
-- standard SQL; else it is read from its text, where the name of a table stands in it.
create or replace function lethe_private.check_definer_function(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with people as materialized (
    select c.oid, c.relname, c.relowner
    from unnest(check_definer_function.reached) as r
    join pg_catalog.pg_class as c on c.oid = r.relation
    where r.personal
  ), definers as materialized (
    select p.oid, p.proowner, p.prosrc, p.proacl, p.prosqlbody is not null as is_standard
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where p.prosecdef and p.prorettype <> 'pg_catalog.trigger'::regtype
      and n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
      and not exists (select from pg_catalog.pg_depend as e where e.classid = 'pg_catalog.pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  ), reads as (
    select d.oid, t.oid as relation
    from definers as d
    join people as t on case
      when d.is_standard then exists (
        select from pg_catalog.pg_depend as x
        where x.classid = 'pg_catalog.pg_proc'::regclass and x.objid = d.oid and x.refclassid = 'pg_catalog.pg_class'::regclass and x.refobjid = t.oid)
      else strpos(lower(d.prosrc), lower(t.relname)) > 0
        and d.prosrc ~* ('(^|[^\w$])' || regexp_replace(t.relname, '([^\w])', '\\\1', 'g') || '($|[^\w$])')
    end
    where has_any_column_privilege(d.proowner, t.oid, 'select, insert, update')
  )
  select
    d.oid::regprocedure::text,
    format('function %s has the rights of its owner over %s, and may be called by %s', d.oid::regprocedure,
      string_agg(distinct lethe_private.host_name(r.relation), ', '), string_agg(distinct case when a.grantee = 0 then 'everybody' else pg_get_userbyid(a.grantee)::text end, ', ')),
    'make it security invoker, or revoke execute from whom it is not for; if it is meant, waive this',
    true
  from reads as r
  join definers as d on d.oid = r.oid
  cross join aclexplode(coalesce(d.proacl, acldefault('f', d.proowner))) as a
  where a.grantee <> d.proowner
    and (a.grantee = 0 or not has_table_privilege(a.grantee, r.relation, 'select'))
  group by d.oid;
end;

comment on function lethe_private.check_definer_function(lethe_private.reached[]) is 'Functions with their owner''s rights over people''s tables that somebody without these rights may call.';

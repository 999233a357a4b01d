-- What the schema of the host itself says of a person: comments, labels of enums, literals in functions, views, defaults,
-- checks, policies, indexes and triggers, bounds of partitions, and names. Deparsing runs nothing of what it shows. An object that may
-- itself be called like the person is not named.
create or replace function lethe_private.catalogue_sql(wanted jsonb)
  returns text
  language sql
  immutable
return lethe_private.residue_sql($from$(
    with host as (
      select n.oid, n.nspname from pg_catalog.pg_namespace as n
      where n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
    ), tables as (
      select c.oid, c.relkind, c.relname, c.relpartbound, h.nspname, pg_catalog.format('%I.%I', h.nspname, c.relname) as name
      from pg_catalog.pg_class as c join host as h on h.oid = c.relnamespace
    )
    select pg_catalog.format('comments (%s)', case when d.objsubid > 0 then 'column' else lower(o.type) end) as object, d.description as text
    from pg_catalog.pg_description as d cross join lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, 0) as o
    where d.objoid >= 16384 and o.schema is distinct from 'lethe' and o.schema is distinct from 'lethe_private'
    union all
    select pg_catalog.format('comments (%s)', lower(o.type)), d.description
    from pg_catalog.pg_shdescription as d cross join lateral pg_catalog.pg_identify_object(d.classoid, d.objoid, 0) as o
    where d.objoid >= 16384
    union all
    select pg_catalog.format('labels of %I.%I', h.nspname, t.typname), e.enumlabel
    from pg_catalog.pg_enum as e join pg_catalog.pg_type as t on t.oid = e.enumtypid join host as h on h.oid = t.typnamespace
    union all
    select pg_catalog.format('function %I.%I', h.nspname, p.proname), concat_ws(' ', p.prosrc, pg_catalog.pg_get_function_sqlbody(p.oid))
    from pg_catalog.pg_proc as p join host as h on h.oid = p.pronamespace
    union all
    select 'view ' || t.name, pg_catalog.pg_get_viewdef(t.oid) from tables as t where t.relkind in ('v', 'm')
    union all
    select 'defaults of ' || t.name, pg_catalog.pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef as d join tables as t on t.oid = d.adrelid
    union all
    select 'checks of ' || t.name, pg_catalog.pg_get_constraintdef(k.oid) from pg_catalog.pg_constraint as k join tables as t on t.oid = k.conrelid where k.contype = 'c'
    union all
    select 'policies of ' || t.name, concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_catalog.pg_policy as p join tables as t on t.oid = p.polrelid
    union all
    select 'indexes of ' || t.name, pg_catalog.pg_get_indexdef(i.indexrelid)
    from pg_catalog.pg_index as i join tables as t on t.oid = i.indrelid where num_nonnulls(i.indpred, i.indexprs) > 0
    union all
    select 'triggers of ' || t.name, pg_catalog.pg_get_triggerdef(g.oid)
    from pg_catalog.pg_trigger as g join tables as t on t.oid = g.tgrelid where not g.tgisinternal
    union all
    select pg_catalog.format('bounds of partitions in %I', t.nspname), pg_catalog.pg_get_expr(t.relpartbound, t.oid) from tables as t where t.relpartbound is not null
    union all
    select pg_catalog.format('names of tables in %I', t.nspname), t.relname from tables as t
    union all
    select pg_catalog.format('names of columns in %I', t.nspname), a.attname
    from pg_catalog.pg_attribute as a join tables as t on t.oid = a.attrelid where a.attnum > 0 and not a.attisdropped
    union all
    select 'names of schemas', h.nspname from host as h
  ) as c$from$, array['c.text'], null, 'c.object', wanted);

comment on function lethe_private.catalogue_sql(jsonb) is 'Looks through what the host''s schema says in words.';

create or replace function lethe_private.look_at_catalogue(requests bigint[], wanted jsonb)
  returns table (request bigint, place text, object text, finding text, rows bigint, by_columns text[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_look record;
begin
  select * into v_look from lethe_private.look_through('host', lethe_private.catalogue_sql(wanted), wanted);
  return query
    select f.request, 'catalogue', f.object, 'found: who owns it changes it', f.rows, f.by_columns
    from lethe_private.found_rows(v_look.facts, null) as f;
  return query
    select r, 'not looked at', 'the catalogue', 'reading it failed (SQLSTATE ' || v_look.failure || ')', null::bigint, null::text[]
    from unnest(requests) as r where v_look.failure is not null;
end
$$;

comment on function lethe_private.look_at_catalogue(bigint[], jsonb) is
  'Looks through comments, labels, definitions and names of the host''s schema.';

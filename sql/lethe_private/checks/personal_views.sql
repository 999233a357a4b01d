-- What views and materialized views read of people, through other views as well. A view that takes a whole row
-- (to_jsonb(c)) depends, in the catalogue, on no column of it; its text gives it away.
create or replace view lethe_private.view_reads as
  select distinct
    w.ev_class as reader,
    coalesce(t.root, d.refobjid) as relation,
    a.attname::text as name
  from pg_catalog.pg_rewrite as w
  join pg_catalog.pg_class as c on c.oid = w.ev_class and c.relkind in ('v', 'm')
  join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
   and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> w.ev_class
  left join lethe_private.topmost as t on t.relation = d.refobjid
  left join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid > 0
  where not exists (
    select from pg_catalog.pg_depend as e
    where e.classid = 'pg_catalog.pg_class'::regclass and e.objid = c.oid and e.deptype = 'e');

comment on view lethe_private.view_reads is
  'Which columns of which tables and views a view reads; name is null where it reads a table and no column of it. Views of extensions are left out.';

-- A view sees what the functions that it calls read. Of a body in standard SQL the catalogue knows the columns, and the
-- functions that it calls in turn; any other is read as text, where the name of a table stands for all of it.
create or replace view lethe_private.called_by_views as
  with recursive host as (
    select p.oid, p.prosrc, p.prosqlbody is not null as is_standard
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where n.nspname !~ '^(pg_.*|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)$'
      and not exists (select from pg_catalog.pg_depend as e where e.classid = 'pg_catalog.pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  ), called as (
    select w.ev_class as reader, d.refobjid as function
    from pg_catalog.pg_rewrite as w
    join pg_catalog.pg_class as c on c.oid = w.ev_class and c.relkind in ('v', 'm')
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_catalog.pg_proc'::regclass
    where d.refobjid in (select h.oid from host as h)
    union
    select c.reader, d.refobjid
    from called as c
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = c.function and d.refclassid = 'pg_catalog.pg_proc'::regclass
    where d.refobjid in (select h.oid from host as h)
  )
  select c.reader, h.oid as function, h.prosrc, h.is_standard
  from called as c
  join host as h on h.oid = c.function;

comment on view lethe_private.called_by_views is 'The functions of the host that a view calls, by way of others as well where the catalogue tells.';

create or replace function lethe_private.personal_views(reached lethe_private.reached[])
  returns table (relation oid, kind "char", decided text, columns text)
  language sql
  stable
begin atomic
  with recursive decided as materialized (
    select lethe_private.host_table(v.schema_name, v.view_name) as relation, v.shows from lethe.managed_views as v
  ), read as materialized (
    select v.reader, v.relation, v.name, pg_get_viewdef(v.reader) ~ '\.\*' as whole_rows
    from lethe_private.view_reads as v
  ), called as materialized (
    select c.* from lethe_private.called_by_views as c
  ), personal as materialized (
    select c.relation, c.name
    from lethe_private.checked_columns(personal_views.reached) as c
    where lethe_private.is_personal(c.category) or c.has_rule or c.decided_by is null or c.decided_by = 'its sources'
    union
    select r.relation, h.name
    from unnest(personal_views.reached) as r
    join lethe_private.host_columns as h on h.relation = r.relation
    where r.managed_id is null
  ), direct as (
    select r.reader, format('%s.%I', lethe_private.host_name(r.relation), p.name) as read_column
    from read as r
    join personal as p on p.relation = r.relation and (p.name = r.name or r.whole_rows)
    union
    select c.reader, format('%s.%I', lethe_private.host_name(p.relation), p.name)
    from called as c
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = c.function and d.refclassid = 'pg_catalog.pg_class'::regclass
    left join lethe_private.topmost as t on t.relation = d.refobjid
    left join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid > 0
    join personal as p on p.relation = coalesce(t.root, d.refobjid) and (p.name = a.attname or pg_get_function_sqlbody(c.function) ~ '\.\*')
    where c.is_standard
    union
    select c.reader, format('%s.%I', lethe_private.host_name(p.relation), p.name)
    from called as c
    join (select x.relation, r.relname from (select distinct y.relation from personal as y) as x join pg_catalog.pg_class as r on r.oid = x.relation) as n
      on strpos(lower(c.prosrc), lower(n.relname)) > 0
      and c.prosrc ~* ('(^|[^\w$])' || regexp_replace(n.relname, '([^\w])', '\\\1', 'g') || '($|[^\w$])')
    join personal as p on p.relation = n.relation
    where not c.is_standard
  ), passed as materialized (
    select r.reader, r.relation from read as r
    union
    select c.reader, d.refobjid
    from called as c
    join pg_catalog.pg_depend as d
      on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = c.function and d.refclassid = 'pg_catalog.pg_class'::regclass
    where c.is_standard
  ), found as (
    select d.reader from direct as d
    union
    select r.reader
    from found as f
    join passed as r on r.relation = f.reader
    -- Figures about people are not people.
    where not exists (select from decided as x where x.relation = f.reader and x.shows = 'figures')
  )
  select f.reader, c.relkind, x.shows,
    coalesce(
      (select string_agg(d.read_column, ', ' order by d.read_column) filter (where d.place <= 3) || case when count(*) > 3 then format(' and %s more', count(*) - 3) else '' end
       from (select x.read_column, row_number() over (order by x.read_column) as place
             from (select distinct y.read_column from direct as y where y.reader = f.reader) as x) as d),
      'a view of people')
  from found as f
  join pg_catalog.pg_class as c on c.oid = f.reader
  left join decided as x on x.relation = f.reader
  where not lethe_private.is_lethes(f.reader) or c.relnamespace = 'lethe_stats'::regnamespace;
end;

comment on function lethe_private.personal_views(lethe_private.reached[]) is
  'Views and materialized views that read columns of people, what was decided on them, and what they read.';

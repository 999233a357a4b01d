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
  ), found as (
    select d.reader from direct as d
    union
    select r.reader
    from found as f
    join read as r on r.relation = f.reader
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

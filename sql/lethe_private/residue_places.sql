-- Whether a value of a type can hold text: through domains, arrays, ranges and composites. Of types that are not
-- PostgreSQL's own, texts and what is written as one (hstore, citext, ltree); not shapes and vectors.
create or replace function lethe_private.holds_text(type oid)
  returns boolean
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type pg_type;
begin
  select t.* into v_type from pg_type as t where t.oid = holds_text.type;
  return case
    when v_type.typtype = 'd' then lethe_private.holds_text(v_type.typbasetype)
    when v_type.typtype = 'c' then exists (
      select from pg_attribute as a
      where a.attrelid = v_type.typrelid and a.attnum > 0 and not a.attisdropped and lethe_private.holds_text(a.atttypid))
    when v_type.typtype in ('r', 'm') then exists (
      select from pg_range as r where v_type.oid in (r.rngtypid, r.rngmultitypid) and lethe_private.holds_text(r.rngsubtype))
    when v_type.typtype <> 'b' then false
    when v_type.typcategory = 'A' then lethe_private.holds_text(v_type.typelem)
    when v_type.typnamespace = 'pg_catalog'::regnamespace then
      v_type.typcategory = 'S' or v_type.typname in ('json', 'jsonb', 'xml', 'bytea', 'tsvector', 'jsonpath')
    else v_type.typcategory in ('S', 'U') and v_type.typname not in
      ('geometry', 'geography', 'box2d', 'box3d', 'raster', 'vector', 'halfvec', 'sparsevec')
  end;
end
$$;

comment on function lethe_private.holds_text(oid) is 'True when a value of the type can hold text.';

-- Bytes are written out: what is ASCII in them stays readable.
create or replace function lethe_private.text_columns(relation oid)
  returns table ("position" int2, name text, expression text)
  language sql
  stable
begin atomic
  with recursive columns as (
    select a.attnum, a.attname::text as name, a.atttypid as type
    from pg_attribute as a
    where a.attrelid = text_columns.relation and a.attnum > 0 and not a.attisdropped and lethe_private.holds_text(a.atttypid)
  ), based as (
    select c.attnum, c.name, c.type from columns as c
    union all
    select b.attnum, b.name, t.typbasetype from based as b join pg_type as t on t.oid = b.type where t.typtype = 'd'
  )
  select b.attnum, b.name, format(case
      when t.oid = 'bytea'::regtype then 'encode(c.%I, ''escape'')'
      when t.oid = 'bytea[]'::regtype then '(select string_agg(encode(b, ''escape''), '' '') from unnest(c.%I) as b)'
      when t.typnamespace = 'pg_catalog'::regnamespace or exists (
        select from pg_cast as k where k.castsource = t.oid and k.casttarget = 'text'::regtype and k.castmethod = 'b') then 'c.%I::text'
      -- A cast that somebody made would run his function; the output of a type is PostgreSQL's own, or a superuser's.
      else 'format(''%%s'', c.%I)' end, b.name)
  from based as b
  join pg_type as t on t.oid = b.type
  where t.typtype <> 'd'
  order by b.attnum;
end;

comment on function lethe_private.text_columns(oid) is 'The columns of a relation that can hold text, and SQL (of alias c) that reads each as text.';

-- What there is to look through besides Lethe's own: the parts of a table that has foreign ones, else the whole of it. Children of
-- a table by inheritance are tables of their own, since they have columns of their own.
create or replace function lethe_private.residue_relations()
  returns table (relation oid, name text, kind "char", named text, managed_id int, "from" text)
  language sql
  stable
begin atomic
  with recursive kept as (
    select c.oid, n.nspname, c.relname, c.relkind, c.relispartition
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f') and c.relpersistence <> 't' and (c.relkind <> 'm' or c.relispopulated)
      and n.nspname not in ('pg_catalog', 'information_schema', 'lethe', 'lethe_private', 'lethe_archive', 'lethe_jobs')
      and n.nspname !~ '^pg_(toast|temp)'
  ), mixed as (
    select k.oid from kept as k
    where k.relkind = 'p' and exists (
      select from pg_partition_tree(k.oid) as t join pg_class as c on c.oid = t.relid where c.relkind = 'f')
  ), parts as (
    select k.oid, k.relkind, k.oid as root from kept as k where not k.relispartition and k.oid not in (select m.oid from mixed as m)
    union all
    select t.relid, c.relkind, m.oid
    from mixed as m
    join kept as r on r.oid = m.oid and not r.relispartition
    cross join lateral pg_partition_tree(m.oid) as t
    join pg_class as c on c.oid = t.relid
    where t.isleaf
  ), up as (
    select p.oid as part, p.oid from parts as p
    union
    select u.part, i.inhparent from up as u join pg_inherits as i on i.inhrelid = u.oid
  )
  select p.oid, lethe_private.host_name(p.oid), p.relkind, lethe_private.host_name(p.root),
    (select m.table_id from up as u join lethe_private.managed_relations as m on m.relation = u.oid where u.part = p.oid limit 1),
    format(case when p.relkind = 'r' then 'only %s as c' else '%s as c' end, lethe_private.host_name(p.oid))
  from parts as p
  order by 2;
end;

comment on function lethe_private.residue_relations() is
  'Every relation of the host that stores rows: each once, under the name of the table it is part of, and the managed table that is.';

-- Whoever reads a table runs what its owner has put into its indexes and partition keys, since PostgreSQL works out their
-- constant parts when it plans. So a table that is not managed is read only where nothing of that is anybody's but a
-- superuser's. Built-in functions and operators have no entry in pg_depend.
create or replace function lethe_private.reads_plainly(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  with recursive family as (
    select reads_plainly.relation as oid
    union
    select i.inhrelid from family as f join pg_inherits as i on i.inhparent = f.oid
  ), parts as (
    select f.oid from family as f
    union all
    select i.indexrelid from family as f join pg_index as i on i.indrelid = f.oid
  )
  select not exists (
      select from parts as p
      join pg_depend as d on d.classid = 'pg_class'::regclass and d.objid = p.oid
      left join pg_proc as f on d.refclassid = 'pg_proc'::regclass and f.oid = d.refobjid
      left join pg_operator as o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
      join pg_roles as r on r.oid = coalesce(f.proowner, o.oprowner) and not r.rolsuper);
end;

comment on function lethe_private.reads_plainly(oid) is
  'False for a table whose reading could run a function of somebody who is no superuser: by an index or a partition key.';

create or replace function lethe_private.get_managed("table" text)
  returns lethe.managed_tables
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.resolve_table("table");
  v_schema text;
  v_name text;
  v_managed lethe.managed_tables;
begin
  -- By its names, in the index that keeps them apart, rather than by joining all tables.
  select n.nspname, c.relname into v_schema, v_name
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.oid = v_oid;
  select m.* into v_managed from lethe.managed_tables as m where m.schema_name = v_schema and m.table_name = v_name;
  if not found then
    raise exception using errcode = 'LE102',
      message = format('table %s is not managed', lethe_private.host_name(v_oid)),
      hint = format('select lethe.manage_table(%L)', lethe_private.host_name(v_oid));
  end if;
  return v_managed;
end
$$;

comment on function lethe_private.get_managed(text) is 'A managed table as a person names it. Raises LE102.';

-- The primary key; else the narrowest unique index that identifies every row: complete, immediate, over
-- plain columns that are never null.
create or replace function lethe_private.usable_key(relation oid)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(a.attname::text order by k.n)
  from (
    select i.*
    from pg_catalog.pg_index as i
    where i.indrelid = relation
      and i.indisunique and i.indisvalid and i.indimmediate
      and i.indpred is null and i.indexprs is null
      and not exists (
        select from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
        join pg_catalog.pg_attribute as a on a.attrelid = relation and a.attnum = k.attnum
        where k.n <= i.indnkeyatts and not a.attnotnull)
    order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
    limit 1
  ) as i
  cross join unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
  join pg_catalog.pg_attribute as a on a.attrelid = relation and a.attnum = k.attnum
  where k.n <= i.indnkeyatts;
end;

comment on function lethe_private.usable_key(oid) is 'The columns that identify a row; null when nothing does.';

create or replace function lethe_private.assert_manageable(relation oid)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := lethe_private.host_name(relation);
  v_kind "char" := (select c.relkind from pg_class as c where c.oid = relation);
  v_parent oid := (select i.inhparent from pg_inherits as i where i.inhrelid = relation order by i.inhseqno limit 1);
begin
  if v_kind not in ('r', 'p') then
    raise exception using errcode = 'LE201',
      message = format('%s is %s, which cannot be managed', v_name,
      case v_kind when 'v' then 'a view' when 'm' then 'a materialized view' else 'a foreign table' end),
      hint = 'manage the tables it reads from';
  elsif v_name ~ '^(pg_catalog|information_schema|lethe|lethe_private|lethe_archive|lethe_stats|lethe_jobs)\.' then
    raise exception using errcode = 'LE201',
      message = format('%s belongs to the system or to Lethe itself', v_name),
      hint = 'name a table of your own';
  elsif (select c.relpersistence from pg_class as c where c.oid = relation) = 't' then
    raise exception using errcode = 'LE201',
      message = format('%s is a temporary table', v_name),
      hint = 'name a permanent table';
  elsif v_parent is not null then
    raise exception using errcode = 'LE202',
      message = format('%s is part of %s', v_name, lethe_private.host_name(v_parent)),
      hint = format('manage %s: its rules reach all its partitions and children', lethe_private.host_name(v_parent));
  end if;
end
$$;

comment on function lethe_private.assert_manageable(oid) is 'Raises LE201 or LE202 for what is not a table of its own.';

-- Host tables are found through the system catalogues by name: the engine needs no right on a schema
-- in order to know what is there.
create or replace function lethe_private.host_table(schema_name text, table_name text)
  returns oid
  language sql
  stable
begin atomic
  select c.oid
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = schema_name
    and c.relname = table_name
    and c.relkind in ('r', 'p', 'v', 'm', 'f');
end;

comment on function lethe_private.host_table(text, text) is
  'The oid of a relation by its exact names; null when there is none.';

create or replace function lethe_private.host_name(relation oid)
  returns text
  language sql
  stable
begin atomic
  select format('%I.%I', n.nspname, c.relname)
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where c.oid = relation;
end;

comment on function lethe_private.host_name(oid) is 'The quoted, qualified name of a relation.';

-- host_table of every managed table, as a join: which table a relation is, is asked of one row rather than of
-- all tables in turn.
create or replace view lethe_private.managed_relations as
  select m.id as table_id, c.oid as relation
  from lethe.managed_tables as m
  join pg_catalog.pg_namespace as n on n.nspname = m.schema_name
  join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = m.table_name
  where c.relkind in ('r', 'p', 'v', 'm', 'f');

comment on view lethe_private.managed_relations is 'The oids of managed tables; those that are gone are left out.';

-- Reads what a person wrote for a table: the exact names first (no folding, so that "Sales.Orders" in
-- a policy file finds the table so named), then as SQL would read it.
create or replace function lethe_private.resolve_table("table" text)
  returns oid
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_parts text[];
  v_table oid;
begin
  v_table := lethe_private.host_table(
    split_part(resolve_table."table", '.', 1),
    substr(resolve_table."table", strpos(resolve_table."table", '.') + 1));
  if v_table is not null then
    return v_table;
  end if;

  begin
    v_parts := parse_ident(resolve_table."table");
  exception when others then
    v_parts := null;
  end;

  if cardinality(v_parts) = 2 then
    v_table := lethe_private.host_table(v_parts[1], v_parts[2]);
  end if;
  if v_table is null then
    raise exception using errcode = 'LE102',
      message = format('table %s does not exist', coalesce(resolve_table."table", '(null)')),
      hint = 'write it as schema.table, with double quotes around a name that needs them';
  end if;
  return v_table;
end
$$;

comment on function lethe_private.resolve_table(text) is
  'The oid of a table named by a person. Raises LE102.';

-- Columns with what the compiler must know of their types: domains are looked through to their base.
create or replace view lethe_private.host_columns as
  select
    a.attrelid as relation,
    a.attnum as position,
    a.attname::text as name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    -- Without a length: -1 rather than null, which would make char(n) a char(1).
    pg_catalog.format_type(case when t.typtype = 'd' then t.typbasetype else a.atttypid end, -1) as base_type,
    coalesce(b.typname, t.typname)::text as type_name,
    coalesce(b.typcategory, t.typcategory) as type_category,
    coalesce(bn.nspname, tn.nspname)::text as type_schema,
    tn.nspname::text as declared_type_schema,
    -- The length limit of char(n) and varchar(n), whether on the column or on its domain.
    case when coalesce(b.typname, t.typname) in ('varchar', 'bpchar')
      then nullif(case when a.atttypmod >= 0 then a.atttypmod else t.typtypmod end, -1) - 4
    end as length,
    a.attnotnull or t.typnotnull as not_null,
    a.attgenerated <> '' as is_generated,
    a.attidentity <> '' as is_identity
  from pg_catalog.pg_attribute as a
  join pg_catalog.pg_type as t on t.oid = a.atttypid
  join pg_catalog.pg_namespace as tn on tn.oid = t.typnamespace
  left join pg_catalog.pg_type as b on t.typtype = 'd' and b.oid = t.typbasetype
  left join pg_catalog.pg_namespace as bn on bn.oid = b.typnamespace
  where a.attnum > 0
    and not a.attisdropped;

comment on view lethe_private.host_columns is 'Live columns of every relation, domains resolved to their base type.';

-- References to a table. The clones that a partitioned table''s constraint leaves on its partitions
-- are left out, so that each constraint counts once, under the table it was declared on.
create or replace view lethe_private.host_references as
  select
    k.oid as constraint_id,
    k.conname::text as foreign_key,
    k.conrelid as child,
    k.confrelid as parent,
    -- A foreign key that is not enforced (PostgreSQL 18) does nothing by itself.
    case when coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) then k.confdeltype else 'a' end as on_delete,
    k.conkey as child_positions,
    (select array_agg(a.attname::text order by p.n)
     from unnest(k.conkey) with ordinality as p (attnum, n)
     join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = p.attnum) as child_columns,
    (select array_agg(a.attname::text order by p.n)
     from unnest(k.confkey) with ordinality as p (attnum, n)
     join pg_catalog.pg_attribute as a on a.attrelid = k.confrelid and a.attnum = p.attnum) as parent_columns
  from pg_catalog.pg_constraint as k
  where k.contype = 'f'
    and k.conparentid = 0;

comment on view lethe_private.host_references is 'Foreign keys, each once.';

create or replace function lethe_private.has_leading_index(relation oid, positions int2[])
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select
    from pg_catalog.pg_index as i
    where i.indrelid = relation
      and i.indisvalid
      -- A lookup by value implies that the column is not null, and nothing else.
      and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) in (
        select format('(%I IS NOT NULL)', a.attname)
        from pg_catalog.pg_attribute as a where a.attrelid = relation and a.attnum = any (positions)))
      -- The leading index columns are the wanted ones, in any order. indkey counts from 0.
      and (select array_agg(k.attnum order by k.attnum)
           from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
           where k.n <= cardinality(positions))
        = (select array_agg(p order by p) from unnest(positions) as p));
end;

comment on function lethe_private.has_leading_index(oid, int2[]) is
  'True when some complete index begins with these columns, so that a reference can be looked up.';

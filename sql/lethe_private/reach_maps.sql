-- What the policy and the catalogue say of the ways from row to row, for erasure and access (reach.sql, decide.sql).
-- Foreign keys of a partition or an inheritance child count as those of the table that it hangs under.

create or replace view lethe_private.erasure_references as
  with managed as materialized (
    select m.table_id, m.relation from lethe_private.managed_relations as m
  ), tops as materialized (
    select t.relation, t.root from lethe_private.topmost as t
  )
  select
    r.constraint_id,
    r.foreign_key,
    coalesce(c.root, r.child) as child,
    r.child_columns,
    coalesce(p.root, r.parent) as parent,
    r.parent_columns,
    r.on_delete,
    cm.table_id as child_id,
    pm.table_id as parent_id
  from lethe_private.host_references as r
  left join tops as c on c.relation = r.child
  left join tops as p on p.relation = r.parent
  left join managed as cm on cm.relation = coalesce(c.root, r.child)
  left join managed as pm on pm.relation = coalesce(p.root, r.parent);

comment on view lethe_private.erasure_references is
  'Foreign keys with the managed tables on either side, those of partitions and children as if they were of what these hang under.';

-- A policy that says "with parent" or "unlink" of a reference, and nothing of it for this kind of person, has said
-- enough: a line leaves with its invoice, and whoever was brought by somebody forgets who it was.
create or replace function lethe_private.erasure_links(type lethe.subject_types)
  returns setof lethe.links
  language sql
  stable
begin atomic
  select l.* from lethe.links as l where l.subject_type_id = type.id
  union all
  select l.id, l.subject_type_id, l.table_id, l.columns, l.to_table_id, l.to_columns, l.foreign_key,
    case l.on_purge when 'with parent' then 'own' else 'mention' end, l.on_purge, l.on_erasure
  from lethe.links as l
  where l.subject_type_id is null and l.on_purge <> 'keep'
    and not exists (
      select from lethe.links as x
      where x.subject_type_id = type.id and x.table_id = l.table_id and x.to_table_id = l.to_table_id
        and x.columns @> l.columns and x.columns <@ l.columns);
end;

comment on function lethe_private.erasure_links(lethe.subject_types) is
  'The links by which rows belong to a kind of person, each with its kind.';

-- Read once for a whole plan, and handed on from there: what is asked of the catalogue table by table would cost the square
-- of the tables. In plpgsql, which plans this but once a session. Here and wherever rows in memory are joined, PostgreSQL
-- guesses how many there are, and a nested loop would cost the square of what it did not expect.
create or replace function lethe_private.references_of_people()
  returns lethe_private.erasure_references[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return array(
    select f from lethe_private.erasure_references as f
    where f.child_id is not null or f.parent_id is not null
    order by f.child, f.foreign_key);
end
$$;

comment on function lethe_private.references_of_people() is 'The foreign keys from or to managed tables.';

create or replace function lethe_private.fact_columns(keys lethe_private.erasure_references[])
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    with named as (
      select m.id as table_id, k.name from lethe.managed_tables as m cross join unnest(m.key_columns) as k (name)
      union select l.table_id, c.name from lethe.links as l cross join unnest(l.columns) as c (name)
      union select l.to_table_id, c.name from lethe.links as l cross join unnest(l.to_columns) as c (name)
      union select r.child_id, c.name from unnest(keys) as r cross join unnest(r.child_columns) as c (name)
      union select r.parent_id, c.name from unnest(keys) as r cross join unnest(r.parent_columns) as c (name)
    )
    select coalesce(jsonb_object_agg(x.table_id, x.columns), '{}')
    from (
      select n.table_id, jsonb_agg(h.name order by h.position) as columns
      from named as n
      join lethe_private.managed_relations as m on m.table_id = n.table_id
      join lethe_private.host_columns as h on h.relation = m.relation and h.name = n.name
      group by n.table_id
    ) as x);
end
$$;

comment on function lethe_private.fact_columns(lethe_private.erasure_references[]) is
  'The columns of each managed table by which its rows are known or refer to one another, either way: {table: [column]}.';

create or replace function lethe_private.kind_rank(kind text)
  returns int
  language sql
  immutable
return array_position(array['mention', 'share', 'own', 'root'], kind);

comment on function lethe_private.kind_rank(text) is 'The higher, the more a row is the person''s.';

-- Page: docs/checks/partition-foreign-key.md. A foreign key declared on each partition, not on the table, is forgotten on
-- the next one: its rows then refer to people whom nothing joins them to.
create or replace function lethe_private.check_partition_foreign_key(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with own as materialized (
    select i.inhparent as parent, t.root, r.child, r.child_columns, r.parent as target, r.parent_columns
    from lethe_private.host_references as r
    join pg_catalog.pg_class as c on c.oid = r.child and c.relispartition
    join pg_catalog.pg_inherits as i on i.inhrelid = r.child
    join lethe_private.topmost as t on t.relation = r.child
    join unnest(check_partition_foreign_key.reached) as x on x.relation = t.root
  ), declared as (
    select distinct o.parent, o.root, o.child_columns, o.target, o.parent_columns from own as o
  ), lacking as (
    select d.*, s.inhrelid as leaf
    from declared as d
    join pg_catalog.pg_inherits as s on s.inhparent = d.parent
    where not exists (select from own as o where o.child = s.inhrelid and o.child_columns = d.child_columns and o.target = d.target)
      -- A foreign key of the whole table reaches every partition.
      and not exists (
        select from lethe_private.host_references as r
        where r.child in (d.parent, d.root) and r.child_columns = d.child_columns and r.parent = d.target)
      -- A partition that is itself partitioned may have it on each of its own.
      and not exists (
        select from own as o where o.parent = s.inhrelid and o.child_columns = d.child_columns and o.target = d.target)
  )
  select
    format('%s(%s)', lethe_private.host_name(l.root), c.columns),
    format('%s of %s: the foreign key (%s) to %s is missing that other partitions have',
      case count(*) when 1 then 'partition' else 'partitions' end || ' ' || string_agg(lethe_private.host_name(l.leaf), ', ' order by lethe_private.host_name(l.leaf)),
      lethe_private.host_name(l.root), c.columns, lethe_private.host_name(l.target)),
    format('alter table %s add foreign key (%s) references %s (%s)', min(lethe_private.host_name(l.leaf)), c.columns,
      lethe_private.host_name(l.target), (select string_agg(quote_ident(x), ', ') from unnest(l.parent_columns) as x)),
    true
  from lacking as l
  cross join lateral (select string_agg(quote_ident(x), ', ') as columns from unnest(l.child_columns) as x) as c
  group by l.root, c.columns, l.target, l.parent_columns;
end;

comment on function lethe_private.check_partition_foreign_key(lethe_private.reached[]) is 'Partitions that lack a foreign key that their siblings declare each for itself.';

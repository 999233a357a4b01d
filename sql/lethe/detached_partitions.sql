-- A detached partition still holds people's data and is no longer managed: no rule, hold or erasure reaches it.
-- It stands here until its table is gone from the database, or is attached again. By oid, so that a new name
-- does not hide it, and by name, as oids do not outlive a dump.
create or replace view lethe.detached_partitions
  with (security_invoker = true, security_barrier = true)
as
  select distinct on (c.oid)
    format('%I.%I', n.nspname, c.relname) as table_name,
    format('%I.%I', m.schema_name, m.table_name) as detached_from,
    p.rows,
    p.at as detached_at,
    p.cycle_id
  from lethe.partition_purges as p
  join pg_catalog.pg_class as c on c.relkind in ('r', 'p') and not c.relispartition
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  left join lethe.managed_tables as m on m.id = p.table_id
  where p.how in ('detached', 'detaching')
    and (c.oid = p.partition_oid or format('%I.%I', n.nspname, c.relname) = p.partition)
  order by c.oid, p.id desc;

comment on view lethe.detached_partitions is
  'Tables that Lethe has detached and that still exist: they hold personal data whose time is over, and nobody manages them. Drop them.';
comment on column lethe.detached_partitions.rows is 'Rows it had when it was detached; null: being detached.';

-- To drop or detach a partition takes its owner's rights, its parent's and its subpartitions'; to look at it, the
-- right to read it by itself. A superuser's role is never asked for: whoever has it can do anything.
create or replace function lethe_private.missing_for_partitions()
  returns table (object text, need text, remedy text)
  language sql
  stable
begin atomic
  with tree as (
    select lethe_private.host_table(m.schema_name, m.table_name) as root, x.relid::oid as oid
    from lethe.managed_tables as m
    cross join lateral pg_partition_tree(lethe_private.host_table(m.schema_name, m.table_name)::regclass) as x
    where m.partitions <> 'delete'
      and exists (select from lethe.rules as r where r.table_id = m.id and r.column_name is null and r.action = 'purge')
  ), related as (
    select t.root, c.oid, c.relowner, c.relnamespace, o.rolname, o.rolsuper
    from tree as t
    join pg_class as c on c.oid = t.oid and c.relkind in ('r', 'p')
    join pg_roles as o on o.oid = c.relowner
  )
  select distinct lethe_private.host_name(r.root), format('lethe_dropper: the rights of owner %I', r.rolname),
    case when r.rolsuper then '-- ' || replace(format('%I is a superuser, whose rights Lethe must not have: give %s and its partitions another owner',
        r.rolname, lethe_private.host_name(r.root)), E'\n', ' ')
      else format('grant %I to lethe_dropper%s', r.rolname,
        case when current_setting('server_version_num')::int >= 160000 then ' with inherit true, set false' else '' end) end
  from related as r
  where not pg_has_role('lethe_dropper', r.relowner, 'usage')
  union all
  select distinct format('schema %I', n.nspname), 'lethe_dropper: usage', format('grant usage on schema %I to lethe_dropper', n.nspname)
  from related as r
  join pg_namespace as n on n.oid = r.relnamespace
  where not has_schema_privilege('lethe_dropper', n.oid, 'usage')
    and not has_schema_privilege(r.relowner, n.oid, 'usage')
  union all
  select lethe_private.host_name(r.oid), 'lethe_sweeper: select', format('grant select on %s to lethe_sweeper', lethe_private.host_name(r.oid))
  from related as r
  where r.oid <> r.root and r.oid in (select w.partition from lethe_private.whole_partitions(r.root) as w)
    and not has_table_privilege('lethe_sweeper', r.oid, 'select');
end;

comment on function lethe_private.missing_for_partitions() is
  'Rights that it takes to purge whole partitions, where the policy says so, and that are missing.';

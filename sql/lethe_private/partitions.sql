-- Partitions that may go whole, whatever is in them: ordinary tables and branches of such, below range or list
-- partitioning. Not the default partition, nor a branch that has one: what fits nowhere else goes there. Not one
-- of hash partitions, to which rows go for ever, nor of a range over several columns that does not begin with a time: which
-- rows it takes at which time differs from row to row. Branches come before what is in them.
create or replace function lethe_private.whole_partitions(root oid)
  returns table (partition oid, parent oid)
  language sql
  stable
begin atomic
  with recursive tree as (
    select i.inhrelid as oid, i.inhparent as parent, 1 as level
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent
    where i.inhparent = root and p.partstrat <> 'h' and i.inhrelid <> p.partdefid and not i.inhdetachpending
      and (p.partnatts = 1 or exists (
        select from lethe_private.host_columns as h
        where h.relation = p.partrelid and h.position = p.partattrs[0] and h.type_name in ('date', 'timestamp', 'timestamptz')))
    union all
    select i.inhrelid, i.inhparent, t.level + 1
    from tree as t
    join pg_catalog.pg_inherits as i on i.inhparent = t.oid
    join pg_catalog.pg_partitioned_table as p on p.partrelid = i.inhparent
    where p.partstrat <> 'h' and i.inhrelid <> p.partdefid and not i.inhdetachpending
      and (p.partnatts = 1 or exists (
        select from lethe_private.host_columns as h
        where h.relation = p.partrelid and h.position = p.partattrs[0] and h.type_name in ('date', 'timestamp', 'timestamptz')))
  )
  select t.oid, t.parent
  from tree as t
  where not exists (
    select from pg_catalog.pg_partition_tree(t.oid::regclass) as x
    join pg_catalog.pg_class as c on c.oid = x.relid
    left join pg_catalog.pg_partitioned_table as p on p.partrelid = x.relid
    where c.relkind not in ('r', 'p') or p.partdefid <> 0)
  order by t.level, lethe_private.host_name(t.oid);
end;

comment on function lethe_private.whole_partitions(oid) is 'Partitions of a table, at any depth, that could be dropped without harm to where rows go; branches first.';

-- A partition to which rows of today would go is not over, be all of its rows due: without it an INSERT would
-- fail. Asked by PostgreSQL's own constraint of the partition, of one of its rows with all its times set to now.
-- (Its key columns are NOT NULL and stand in the table's key, or the table would not be managed.) So a partition that is not bounded in time is never over.
create or replace function lethe_private.still_fits_sql(partition oid)
  returns text
  language sql
  stable
begin atomic
  select format('select to_jsonb(exists (select from (select %s from %s as c limit 1) as c where %s)), null::oid, null::tid[]',
    string_agg(case when h.type_name in ('date', 'timestamp', 'timestamptz') then format('now()::%s as %I', h.base_type, h.name)
      else format('c.%I', h.name) end, ', ' order by h.position),
    lethe_private.host_name(partition),
    case when bool_or(c.relispartition) then coalesce(pg_get_partition_constraintdef(partition), 'true') else 'false' end)
  from lethe_private.host_columns as h
  join pg_catalog.pg_class as c on c.oid = h.relation
  where h.relation = partition;
end;

comment on function lethe_private.still_fits_sql(oid) is 'Whether a row of today could still go to a partition.';

-- A DROP fires no trigger on DELETE. Where the host has one, its effect would be missing: it may keep a sum.
create or replace function lethe_private.has_delete_trigger(partition oid)
  returns boolean
  language sql
  stable
begin atomic
  select exists (
    select from pg_catalog.pg_trigger as t
    where t.tgrelid in (select a.relid from pg_partition_ancestors(partition::regclass) as a
                        union select x.relid from pg_partition_tree(partition::regclass) as x)
      and not t.tgisinternal and t.tgenabled <> 'D' and t.tgtype & 8 = 8
      and not lethe_private.is_guard(t.tgfoid)
      and t.tgfoid is distinct from to_regprocedure('lethe.refuse_restricted()')::oid);
end;

comment on function lethe_private.has_delete_trigger(oid) is 'True when a trigger of the host fires where a row of the partition is deleted.';

create or replace function lethe_private.may_drop(partition oid)
  returns boolean
  language sql
  stable
begin atomic
  select bool_and(pg_has_role('lethe_dropper', c.relowner, 'usage') and has_schema_privilege('lethe_dropper', c.relnamespace, 'usage'))
  from pg_catalog.pg_class as c
  where c.oid in (select a.relid from pg_partition_ancestors(partition::regclass) as a
                  union select x.relid from pg_partition_tree(partition::regclass) as x);
end;

comment on function lethe_private.may_drop(oid) is 'True when lethe_dropper has the rights of the owner of the partition, of what is in it and of what it is in.';

-- What makes a partition leave. One that a foreign key leads to cannot be dropped; detached, which has
-- PostgreSQL look whether any row refers to it, it can.
create or replace function lethe_private.partition_statements(partition oid, parent oid, how text)
  returns text[]
  language sql
  stable
return case
  when how <> 'drop' or exists (
    select from pg_constraint as k
    where k.contype = 'f' and k.confrelid in (select x.relid from pg_partition_tree(partition::regclass) as x))
  then array[format('alter table %s detach partition %s%s', lethe_private.host_name(parent), lethe_private.host_name(partition),
    case how when 'detach concurrently' then ' concurrently' else '' end)]
  else '{}'::text[]
end || case how when 'drop' then array[format('drop table %s', lethe_private.host_name(partition))] else '{}'::text[] end;

comment on function lethe_private.partition_statements(oid, oid, text) is 'The statements that drop or detach a partition.';

-- Of each reference to the table: whether some row refers to a row of the partition.
create or replace function lethe_private.partition_references(partition oid, root oid)
  returns setof text
  language sql
  stable
begin atomic
  select format('select to_jsonb(exists (select from %s as c join %s as k on %s)), null::oid, null::tid[]',
    lethe_private.host_name(partition), lethe_private.host_name(r.child),
    lethe_private.reference_sql('k', r.child_columns, 'c', r.parent_columns))
  from lethe_private.references_to(root) as r;
end;

comment on function lethe_private.partition_references(oid, oid) is
  'Statements that ask, reference by reference, whether a row refers to a partition.';

create or replace function lethe_private.ask_of_partition(statement text, partition oid, managed lethe.managed_tables)
  returns boolean
  language sql
  volatile
begin atomic
  select r.facts::boolean
  from lethe_private.run_as_sweeper(
    lethe_private.fill(statement, jsonb_build_object('from', lethe_private.host_name(partition))), managed) as r;
end;

comment on function lethe_private.ask_of_partition(text, oid, lethe.managed_tables) is 'A yes or no about a partition, asked as lethe_sweeper.';

create or replace function lethe_private.is_ready(partition oid, managed lethe.managed_tables, spec jsonb)
  returns boolean
  language sql
  volatile
return lethe_private.ask_of_partition(spec ->> 'ready', partition, managed)
  and not lethe_private.ask_of_partition(lethe_private.still_fits_sql(partition), partition, managed);

comment on function lethe_private.is_ready(oid, lethe.managed_tables, jsonb) is 'True when a partition is over and, at the first look, all due.';

-- The first look. It locks nothing, and where the sweeper may not read a partition it stays: lethe.missing_rights names the grant.
create or replace function lethe_private.ready_partitions(managed lethe.managed_tables, spec jsonb)
  returns table (partition oid, parent oid)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_root oid := lethe_private.host_table(managed.schema_name, managed.table_name);
begin
  for partition, parent in select w.partition, w.parent from lethe_private.whole_partitions(v_root) as w loop
    if has_table_privilege('lethe_sweeper', partition, 'select') and lethe_private.is_ready(partition, managed, spec) then
      return next;
    end if;
  end loop;
end
$$;

comment on function lethe_private.ready_partitions(lethe.managed_tables, jsonb) is 'Partitions that, at the first look, can be purged whole.';

-- For lethe.preview: what would be run, in full, so that a DBA can do it where Lethe may not.
create or replace function lethe_private.preview_partitions(managed lethe.managed_tables, program jsonb)
  returns table (step text, statement text)
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_spec jsonb := program #> '{purge,partitions}';
  v_ready record;
  v_name text;
begin
  if v_spec is null then
    return;
  end if;
  return query values ('partitions: first look', v_spec ->> 'ready'), ('partitions: look again, under the lock', v_spec ->> 'read');
  for v_ready in select r.partition, r.parent from lethe_private.ready_partitions(managed, v_spec) as r loop
    v_name := lethe_private.host_name(v_ready.partition);
    return query select format('partitions: %s %s%s', v_spec ->> 'how', v_name,
        case when lethe_private.has_delete_trigger(v_ready.partition) then ' (row by row: a trigger on DELETE)'
             when not lethe_private.may_drop(v_ready.partition) then ' (row by row: lethe.missing_rights has the grant)' else '' end),
      array_to_string(array[format('lock table %s in exclusive mode', v_name)]
        || case v_spec ->> 'how' when 'detach concurrently' then '{}' else array[format('lock table only %s in access exclusive mode', lethe_private.host_name(v_ready.parent))] end
        || lethe_private.partition_statements(v_ready.partition, v_ready.parent, v_spec ->> 'how'), E';\n');
  end loop;
end
$$;

comment on function lethe_private.preview_partitions(lethe.managed_tables, jsonb) is
  'The looks at partitions, and for each that is ready the statements that purge it whole.';

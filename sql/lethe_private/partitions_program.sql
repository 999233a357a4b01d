-- The keyed root of a whole partition, over its keys in the order of the key itself. As for a batch where a key
-- must be written as text; where all its columns have values of one length, their bytes are hashed column by
-- column: no text is made or sorted, and an index on the key has the rows in order already.
create or replace function lethe_private.partition_root_sql(alias text, table_oid oid, key_columns text[])
  returns table (root text, in_order_of text)
  language sql
  stable
begin atomic
  select
    case when bool_and(h.type_name = any (array['int2', 'int4', 'int8', 'date', 'timestamp', 'timestamptz', 'uuid', 'oid'])) then
      format('encode(sha256($3 || sha256($2 || coalesce(%s, ''''))), ''hex'')',
        string_agg(format('string_agg(%s(%s.%I), '''')', case h.type_name when 'uuid' then 'uuid_send' else h.type_name || case when h.type_name in ('date', 'timestamp', 'timestamptz') then '_send' else 'send' end end,
          alias, h.name), ' || ' order by k.n))
    else lethe_private.root_sql(lethe_private.key_sql(alias, table_oid, key_columns)) end,
    case when bool_and(h.type_name = any (array['int2', 'int4', 'int8', 'date', 'timestamp', 'timestamptz', 'uuid', 'oid'])) then
      string_agg(format('%s.%I', alias, h.name), ', ' order by k.n) end
  from unnest(key_columns) with ordinality as k (name, n)
  join lethe_private.host_columns as h on h.relation = table_oid and h.name = k.name;
end;

comment on function lethe_private.partition_root_sql(text, oid, text[]) is
  'The keyed root over the keys of a partition, and the order in which it reads them; null: it sorts by itself.';

-- What is asked of a partition before it goes whole. In the texts {from} is the partition:
--   ready   it has rows, the first of them all leave, and it is over: a row of today would not go there.
--           The first rows only: a partition of which one row leaves seldom has its first thousand due.
--   read    counts its rows and those that stay; the keyed root
create or replace function lethe_private.partitions_program(
  managed lethe.managed_tables,
  table_oid oid,
  owner text,
  purge lethe_private.action_parts[],
  held text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_stays text := format('(%s) is not true or %s', concat_ws(' and ', nullif(owner, 'true'), lethe_private.any_due_sql(purge)), held);
  v_root text;
  v_order text;
begin
  -- A clock that is computed from these rows has to remember them, one by one.
  if managed.partitions = 'delete' or exists (select from lethe_private.clocks_over(managed)) then
    return '{}';
  end if;
  select r.root, r.in_order_of into v_root, v_order
  from lethe_private.partition_root_sql('c', table_oid, managed.key_columns) as r;
  return jsonb_build_object('partitions', jsonb_build_object(
    'how', managed.partitions,
    'flag', purge[1].flag,
    'ready', format($sql$select to_jsonb(exists (select from {from} as c)
  and not exists (select from (select c.* from {from} as c limit 1000) as c
    where %s)), null::oid, null::tid[]$sql$, v_stays),
    'read', format($sql$select jsonb_build_object('rows', count(*), 'stay', count(*) filter (where %s),
    'root', %s), null::oid, null::tid[]
from %s as c$sql$, v_stays, v_root, case when v_order is null then '{from}' else format('(select c.* from {from} as c order by %s)', v_order) end)));
end
$$;

comment on function lethe_private.partitions_program(lethe.managed_tables, oid, text, lethe_private.action_parts[], text) is
  'The statements that decide whether a partition can be purged whole: {"partitions": {"how", "flag", "ready", "read"}}; empty where rows are to be deleted.';

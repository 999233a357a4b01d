create or replace function lethe_private.seed_sql(pad text)
  returns text
  language sql
  immutable
return format('(''x'' || encode(substr(sha256(%s), 1, 8), ''hex''))::bit(64)::bigint', pad);

comment on function lethe_private.seed_sql(text) is 'SQL of a seed of 64 bits, drawn from one pad of a controller''s key.';

-- The keyed root of a whole partition. As for a batch where a key must be written as text. Where all its columns have
-- values of one length: each key is hashed with two seeds drawn from the controller's key, the hashes of all keys are put
-- together by exclusive-or, and what comes out is hashed under the key with their number. So no text is made, nothing is
-- sorted, and several processes can share the reading.
create or replace function lethe_private.partition_root_sql(alias text, table_oid oid, key_columns text[])
  returns text
  language sql
  stable
begin atomic
  with hashed as (
    select k.n, case
        when h.type_name in ('int2', 'int4', 'int8', 'oid') then format('hashint8extended(%s.%I::bigint, {seed})', alias, h.name)
        when h.type_name in ('date', 'timestamp') then format('timestamp_hash_extended(%s.%I::timestamp, {seed})', alias, h.name)
        when h.type_name = 'timestamptz' then format('timestamp_hash_extended(%s.%I at time zone ''UTC'', {seed})', alias, h.name)
        when h.type_name = 'uuid' then format('uuid_hash_extended(%s.%I, {seed})', alias, h.name)
      end as hash
    from unnest(key_columns) with ordinality as k (name, n)
    join lethe_private.host_columns as h on h.relation = table_oid and h.name = k.name
  ), nested as (
    -- Each column's hash is the seed of the next.
    select replace(replace(coalesce(min(x.hash) filter (where x.n = 4), '{seed}'), '{seed}', coalesce(min(x.hash) filter (where x.n = 3), '{seed}')),
      '{seed}', replace(coalesce(min(x.hash) filter (where x.n = 2), '{seed}'), '{seed}', min(x.hash) filter (where x.n = 1))) as hash
    from hashed as x
    having count(*) <= 4 and count(x.hash) = count(*)
  )
  select coalesce((
      select format('encode(lethe.keyed_hash(concat_ws('','', count(*), bit_xor(%s), bit_xor(%s)), $2, $3), ''hex'')',
        replace(n.hash, '{seed}', lethe_private.seed_sql('$2')), replace(n.hash, '{seed}', lethe_private.seed_sql('$3')))
      from nested as n),
    lethe_private.root_sql(lethe_private.key_sql(alias, table_oid, key_columns)));
end;

comment on function lethe_private.partition_root_sql(text, oid, text[]) is
  'SQL of the keyed root over the keys of a partition, in whatever order they are read.';

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
begin
  -- A clock that is computed from these rows has to remember them, one by one.
  if managed.partitions = 'delete' or exists (select from lethe_private.clocks_over(managed)) then
    return '{}';
  end if;
  return jsonb_build_object('partitions', jsonb_build_object(
    'how', managed.partitions,
    'flag', purge[1].flag,
    'ready', format($sql$select to_jsonb(exists (select from {from} as c)
  and not exists (select from (select c.* from {from} as c limit 1000) as c
    where %s)), null::oid, null::tid[]$sql$, v_stays),
    'read', format($sql$select jsonb_build_object('rows', count(*), 'stay', count(*) filter (where %s),
    'root', %s), null::oid, null::tid[]
from {from} as c$sql$, v_stays, lethe_private.partition_root_sql('c', table_oid, managed.key_columns))));
end
$$;

comment on function lethe_private.partitions_program(lethe.managed_tables, oid, text, lethe_private.action_parts[], text) is
  'The statements that decide whether a partition can be purged whole: {"partitions": {"how", "flag", "ready", "read"}}; empty where rows are to be deleted.';

-- Of some of the rows, by position, what they have in some columns, under the names given.
create or replace function lethe_private.known_at(rows lethe_private.reached_row[], positions int[], columns text[], names text[])
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
  set enable_nestloop = off
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('lethe$n', r.n)
      || (select jsonb_object_agg(x.name, r.facts -> x.c) from unnest(columns, names) as x (c, name))), '[]')
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
    join unnest(positions) as p (n) on p.n = r.n
    where r.facts ?& columns);
end
$$;

comment on function lethe_private.known_at(lethe_private.reached_row[], int[], text[], text[]) is
  'Rows reached as the statements of reach_sql.sql take them, each with its position.';

-- Rows that refer to what was reached, or are referred to by it, and were not reached themselves: somebody else's.
-- Answers {"rows": how many, "of": [positions of the rows reached that have one]}. What lethe_sweeper may not read it
-- cannot count: then "rows" is null, and all of the rows asked about are taken to have one.
create or replace function lethe_private.outside(
  rows lethe_private.reached_row[],
  positions int[],
  managed lethe.managed_tables,
  columns text[],
  other oid,
  other_columns text[]
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_other lethe.managed_tables;
  v_known jsonb;
  v_keys jsonb := '[]';
  v_facts jsonb;
begin
  if not lethe_private.is_readable(other) then
    return jsonb_build_object('rows', null, 'of', to_jsonb(positions));
  end if;
  v_known := lethe_private.known_at(rows, positions, columns, columns);
  if v_known = '[]' then
    return '{"rows": 0, "of": []}';
  end if;
  select m.* into v_other from lethe.managed_tables as m join lethe_private.managed_relations as r on r.table_id = m.id where r.relation = other;
  if found then
    select coalesce(jsonb_agg(r.key), '[]') into v_keys from unnest(rows) as r where r.table_id = v_other.id and r.mirror_id is null;
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(format(
      $sql$select jsonb_build_object('rows', count(*), 'of', coalesce(jsonb_agg(distinct p."lethe$n"), '[]')), null::oid, null::tid[]
from %s
join %s as c on %s%s$sql$,
      lethe_private.known_rows_sql(v_oid, columns), lethe_private.host_name(other),
      lethe_private.matches_sql(other, other_columns, v_oid, columns),
      case when v_keys <> '[]' then format(E'\nwhere %s not in (select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb -> ''keys''))',
        lethe_private.key_sql('c', other, v_other.key_columns)) else '' end),
    managed, null, convert_to(jsonb_build_object('rows', v_known, 'keys', v_keys)::text, 'UTF8')) as r;
  return v_facts;
-- What PostgreSQL says of a value that it cannot read quotes it: one that was archived before its column became another type.
exception when data_exception then
  raise exception using errcode = 'LE421',
    message = format('rows of %s cannot be compared with those of %s', lethe_private.host_name(other), lethe_private.plain_name(managed)),
    hint = 'columns that refer to one another must have types that PostgreSQL compares';
end
$$;

comment on function lethe_private.outside(lethe_private.reached_row[], int[], lethe.managed_tables, text[], oid, text[]) is
  'Rows of another table that were not reached, and that match some that were. Raises LE421.';

create or replace function lethe_private.is_readable(relation oid)
  returns boolean
  language sql
  stable
begin atomic
  select has_schema_privilege('lethe_sweeper', c.relnamespace, 'usage') and has_table_privilege('lethe_sweeper', c.oid, 'select')
    and (not c.relrowsecurity or (select r.rolbypassrls or r.rolsuper from pg_roles as r where r.rolname = 'lethe_sweeper'))
  from pg_catalog.pg_class as c
  where c.oid = is_readable.relation;
end;

comment on function lethe_private.is_readable(oid) is 'True when lethe_sweeper may read all of a table.';

-- The same of the archive.
create or replace function lethe_private.outside_archived(
  rows lethe_private.reached_row[], positions int[], columns text[], other lethe.managed_tables, other_columns text[], controller lethe.controllers
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_mirror_oid oid;
  v_known jsonb;
  v_facts jsonb;
  v_all jsonb := '[]';
begin
  v_known := lethe_private.known_at(rows, positions, columns, other_columns);
  if v_known = '[]' then
    return v_all;
  end if;
  for v_mirror in
    select m.* from lethe_private.mirrors as m
    where m.table_id = other.id and m.kind = 'rows' and lethe_private.mirror_has(m.id, other_columns)
  loop
    v_mirror_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    select r.facts into v_facts from lethe_private.run_on_archive(format(
        $sql$select coalesce(jsonb_agg(distinct p."lethe$n"), '[]'), null::oid, null::tid[]
from %s
join lethe_archive.%I as c on %s and c."lethe$controller" = %s
where c."lethe$key" not in (select jsonb_array_elements_text(convert_from($2, 'UTF8')::jsonb -> 'keys'))$sql$,
        lethe_private.known_rows_sql(v_mirror_oid, other_columns), v_mirror.name,
        lethe_private.archive_matches_sql(v_mirror_oid, other_columns, lethe_private.host_table(other.schema_name, other.table_name)), controller.id),
      null, convert_to(jsonb_build_object('rows', v_known, 'keys', (
        select coalesce(jsonb_agg(r.key), '[]') from unnest(rows) as r where r.table_id = other.id and r.mirror_id = v_mirror.id))::text, 'UTF8')) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.outside_archived(lethe_private.reached_row[], int[], text[], lethe.managed_tables, text[], lethe.controllers) is
  'Positions of rows reached that match archived rows that were not.';

-- Rows that are known by their keys: where reach.sql begins, and values that were archived of rows reached.

-- The columns of a key, as JSON of which PostgreSQL makes them again: the reverse of key_sql. In two statements, since a
-- key of text or uuid is no JSON, and PostgreSQL may work out a branch of a CASE that is not taken.
create or replace function lethe_private.key_facts(relation oid, key_columns text[], key text)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(key_columns) = 1 and exists (
    select from lethe_private.host_columns as h
    where h.relation = key_facts.relation and h.name = key_columns[1] and h.type_category in ('N', 'S', 'U'))
  then
    return jsonb_build_object(key_columns[1], key_facts.key);
  end if;
  return (
    select jsonb_object_agg(h.name, case when h.type_name = 'timestamptz'
      then to_jsonb((key_facts.key::jsonb ->> (k.n - 1)::int) || 'Z') else key_facts.key::jsonb -> (k.n - 1)::int end)
    from unnest(key_columns) with ordinality as k (name, n)
    join lethe_private.host_columns as h on h.relation = key_facts.relation and h.name = k.name);
end
$$;

comment on function lethe_private.key_facts(oid, text[], text) is 'The values of a key''s columns, from the one text that key_sql writes.';

create or replace function lethe_private.reach_roots(
  type lethe.subject_types, controller lethe.controllers, keys text[], lock boolean, columns jsonb, links lethe.links[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_known jsonb;
  v_facts jsonb;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = type.table_id;
  v_oid := lethe_private.resolve_table(format('%I.%I', v_managed.schema_name, v_managed.table_name));
  -- One may be named twice; it is found for the first.
  select jsonb_agg(lethe_private.key_facts(v_oid, v_managed.key_columns, k.key) || jsonb_build_object('lethe$n', k.n)) into v_known
  from (select x.key, min(x.n) as n from unnest(keys) with ordinality as x (key, n) group by x.key) as k;
  if v_known is null then
    return '{}';
  end if;
  select r.facts into v_facts from lethe_private.run_as_sweeper(lethe_private.found_sql(
      lethe_private.host_name(v_oid),
      lethe_private.known_rows_sql(v_oid, v_managed.key_columns),
      lethe_private.matches_sql(v_oid, v_managed.key_columns, v_oid, v_managed.key_columns),
      lethe_private.key_sql('c', v_oid, v_managed.key_columns),
      lethe_private.ours_sql(v_managed, v_oid, controller),
      lethe_private.facts_sql(v_managed, v_oid, controller, columns -> v_managed.id::text, links), lock),
    v_managed, null, convert_to(jsonb_build_object('rows', v_known)::text, 'UTF8')) as r;
  return lethe_private.as_reached(v_facts, v_managed.id, null, 'root', null)
    || lethe_private.reach_archived(v_managed, array['rows', 'values'], array(
      select (k.n, v_managed.id, null, k.key, 'root', null, null, null, null, null, null, null)::lethe_private.reached_row
      from unnest(keys) with ordinality as k (key, n)), controller, columns, links);
end
$$;

comment on function lethe_private.reach_roots(lethe.subject_types, lethe.controllers, text[], boolean, jsonb, lethe.links[]) is
  'The root rows with these keys, live and archived. Raises LE102 where the table is gone.';

create or replace function lethe_private.reach_archived(
  managed lethe.managed_tables, mirror_kinds text[], rows lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[]
)
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_oid oid;
  v_known bytea := convert_to(jsonb_build_object('rows', (
    select coalesce(jsonb_agg(jsonb_build_object('lethe$n', r.n, 'lethe$key', r.key)), '[]')
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)))::text, 'UTF8');
  v_facts jsonb;
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_mirror in
    select m.* from lethe_private.mirrors as m where m.table_id = managed.id and m.kind = any (mirror_kinds)
  loop
    v_oid := lethe_private.host_table('lethe_archive', v_mirror.name);
    select r.facts into v_facts from lethe_private.run_on_archive(lethe_private.found_sql(
        format('lethe_archive.%I', v_mirror.name),
        lethe_private.known_rows_sql(v_oid, array['lethe$key']),
        -- A value's root is its own row, and roots are indexed.
        'c."lethe$key" = p."lethe$key"' || case v_mirror.kind when 'values' then ' and c."lethe$root" = p."lethe$key"' else '' end,
        'c."lethe$key"', format('c."lethe$controller" = %s', controller.id),
        lethe_private.facts_sql(managed, v_oid, controller, columns -> managed.id::text, links), false),
      null, v_known) as r;
    v_all := v_all || array(
      select (r.subject, managed.id, v_mirror.id, f ->> 0, r.kind, null, f -> 2, null, null, null, null, null)::lethe_private.reached_row
      from jsonb_array_elements(v_facts) as f
      join unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n) on r.n = (f ->> 1)::int);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.reach_archived(lethe.managed_tables, text[], lethe_private.reached_row[], lethe.controllers, jsonb, lethe.links[]) is
  'What the archive has under the keys of these rows, in mirrors of rows or of values.';

create or replace function lethe_private.reach_values(reached lethe_private.reached_row[], controller lethe.controllers, columns jsonb, links lethe.links[])
  returns lethe_private.reached_row[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_all lethe_private.reached_row[] := '{}';
begin
  for v_managed in
    select t.* from lethe.managed_tables as t
    where t.id in (select r.table_id from unnest(reached) as r)
      and exists (select from lethe_private.mirrors as m where m.table_id = t.id and m.kind = 'values')
  loop
    v_all := v_all || lethe_private.reach_archived(v_managed, array['values'],
      array(select r from unnest(reached) as r where r.table_id = v_managed.id), controller, columns, links);
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.reach_values(lethe_private.reached_row[], lethe.controllers, jsonb, lethe.links[]) is
  'The values that were archived of rows just found.';

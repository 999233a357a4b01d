-- Who of an entry is in this database: the root rows whose key, or one of whose identifiers, has the hash that the
-- entry has. Every root row is hashed once for all entries; hashes are compared where the rows are, so that nothing
-- of a row leaves for it. The key of the ledger is passed as $3, what is wanted as $2.
create or replace function lethe_private.replay_match_sql("from" text, key text, root text, identifier text, identifiers text[], "where" text)
  returns text
  language sql
  immutable
return format($sql$
  select coalesce(jsonb_agg(jsonb_build_object('key', f.key, 'root', f.root, 'identifiers', to_jsonb(f.identifiers))), '[]'), null::oid, null::tid[]
  from (
    select x.key, x.root, x.identifiers
    from (
      select %1$s as key, lethe_private.ledger_hash(%2$L || %1$s, $3) as root, array_remove(array[%3$s]::text[], null) as identifiers
      from %4$s as c
      where %5$s
      offset 0
    ) as x
    cross join lateral unnest(x.identifiers || x.root) as h (hash)
    join (select jsonb_array_elements_text(convert_from($2, 'UTF8')::jsonb) as hash) as w on w.hash = h.hash
    group by x.key, x.root, x.identifiers
  ) as f$sql$,
  key, root,
  -- Only what begins as a telephone number does is asked whether it is one: that takes longer than the hash.
  (select string_agg(format($sql$
      lethe_private.ledger_hash(%1$L || nullif(case when %2$s ~ '^[\s\u00A0\u2007\u202F\uFEFF]*[0-9+(]'
        then lethe_private.identifier_key(%2$s) else lethe_private.normalise_identifier(%2$s) end, ''), $3)$sql$, identifier, i), ', ')
   from unnest(identifiers) as i),
  "from", "where");

comment on function lethe_private.replay_match_sql(text, text, text, text, text[], text) is
  'Statement that finds rows by the hashes of their key and identifiers.';

create or replace function lethe_private.replay_match(type lethe.subject_types, controller lethe.controllers, pads bytea, wanted jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_oid oid;
  v_root text;
  v_identifier text := lethe_private.ledger_identifier(type.name);
  v_hashes bytea;
  v_mirror lethe_private.mirrors;
  v_facts jsonb;
  v_all jsonb;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = type.table_id;
  v_oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_root := lethe_private.ledger_root(v_managed);
  select convert_to(coalesce(jsonb_agg(distinct h), '[]')::text, 'UTF8') into v_hashes
  from jsonb_array_elements(wanted) as w cross join lateral jsonb_array_elements((w -> 'roots') || (w -> 'identifiers')) as h;
  select r.facts into v_all from lethe_private.run_as_sweeper(lethe_private.replay_match_sql(
    lethe_private.host_name(v_oid), lethe_private.key_sql('c', v_oid, v_managed.key_columns), v_root, v_identifier,
    array(select lethe_private.unmasked_sql(v_managed, v_oid, controller, i) from unnest(type.identifiers) as i),
    lethe_private.controller_sql('c', v_managed, v_oid, controller)), v_managed, null, v_hashes, pads) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = v_managed.id loop
    select r.facts into v_facts from lethe_private.run_on_archive(lethe_private.replay_match_sql(
      format('lethe_archive.%I', v_mirror.name), 'c."lethe$key"', v_root, v_identifier, array(
        select format('c.%I::text', m.column_name) from lethe_private.mirror_columns as m
        where m.mirror_id = v_mirror.id and m.holds_value and m.column_name = any (type.identifiers)),
      format('c."lethe$controller" = %s', controller.id)), null, v_hashes, pads) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
exception when insufficient_privilege then
  raise exception using errcode = 'LE501',
    message = format('lethe_sweeper may not read %s', lethe_private.plain_name(v_managed)),
    hint = 'select * from lethe.missing_rights() lists the grants';
end
$$;

comment on function lethe_private.replay_match(lethe.subject_types, lethe.controllers, bytea, jsonb) is
  'The root rows, live and archived, that fit what is wanted: key, and hashes of key and identifiers. Raises LE501.';

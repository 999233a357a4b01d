create or replace function lethe_private.add_held_keys(table_id int, hold_id int, keys jsonb)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe_private.held_keys (hold_id, table_id, key)
  select distinct add_held_keys.hold_id, add_held_keys.table_id, k
  from jsonb_array_elements_text(keys) as k
  where not exists (
    select from lethe_private.held_keys as x
    where x.hold_id = add_held_keys.hold_id and x.table_id = add_held_keys.table_id and x.key = k);
end;

comment on function lethe_private.add_held_keys(int, int, jsonb) is 'Puts keys on the list of a hold.';

-- Live rows are asked each time whether they belong to a person under a hold. The archive cannot ask: Lethe's
-- owner, who alone reads it, may not read the host's tables. But what is in it does not change, and nothing of a
-- person under a hold comes in later. So when the hold is placed, archived rows that belong to the person are put on
-- the list of its keys, link by link from the root downwards; and with them live rows whose parent is in the archive.
create or replace function lethe_private.reach_archive(hold_id int, subject text, controller lethe.controllers)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_step record;
  v_live jsonb;
  v_archived jsonb;
begin
  for v_step in
    select l.columns, l.to_columns, c as child, p as parent,
      exists (select from lethe_private.mirrors as m where m.table_id = c.id) as archives,
      exists (select from lethe_private.mirrors as m where m.table_id = p.id) as parent_archives
    from lethe_private.person_links(subject) as x
    join lethe.links as l on l.id = x.link_id
    join lethe.managed_tables as c on c.id = l.table_id
    join lethe.managed_tables as p on p.id = l.to_table_id
    order by x.depth, l.id
  loop
    continue when not v_step.archives and not v_step.parent_archives;
    v_live := case when v_step.archives then lethe_private.held_values(v_step.parent, hold_id, v_step.to_columns) else '[]' end;
    v_archived := lethe_private.archived_values(v_step.parent, hold_id, v_step.to_columns);
    perform lethe_private.hold_archived(v_step.child, hold_id, controller, v_step.columns, v_live || v_archived);
    if v_archived <> '[]' then
      perform lethe_private.hold_live(v_step.child, hold_id, controller, v_step.columns, v_archived);
    end if;
  end loop;
  -- Values archived of rows that are live, once it is known which these are.
  perform lethe_private.hold_values(m, hold_id)
  from lethe.managed_tables as m
  where m.id in (select x.table_id from lethe_private.person_links(subject) as x)
    and exists (select from lethe_private.mirrors as r where r.table_id = m.id and r.kind = 'values');
end
$$;

comment on function lethe_private.reach_archive(int, text, lethe.controllers) is
  'Puts what is archived of a person on the list of its hold''s keys.';

create or replace function lethe_private.as_array_sql(columns text[])
  returns text
  language sql
  immutable
return (select format('jsonb_build_array(%s)', string_agg(format('c.%I::text', x.name), ', ' order by x.n)) from unnest(columns) with ordinality as x (name, n));

comment on function lethe_private.as_array_sql(text[]) is 'SQL of the texts of some columns of c, as one jsonb array.';

create or replace function lethe_private.held_values(managed lethe.managed_tables, hold_id int, columns text[])
  returns jsonb
  language sql
  volatile
begin atomic
  select r.facts
  from (select lethe_private.host_table(managed.schema_name, managed.table_name) as oid) as t
  cross join lateral lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(distinct %s), ''[]''), null::oid, null::tid[] from %s as c where %s',
      lethe_private.as_array_sql(columns), lethe_private.host_name(t.oid),
      lethe_private.held_by_sql('c', managed, t.oid, array[held_values.hold_id])), managed) as r;
end;

comment on function lethe_private.held_values(lethe.managed_tables, int, text[]) is 'What the live rows that a hold reaches have in some columns.';

create or replace function lethe_private.archived_values(managed lethe.managed_tables, hold_id int, columns text[])
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_facts jsonb;
  v_all jsonb := '[]';
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    continue when not lethe_private.mirror_has(v_mirror.id, columns);
    select r.facts into v_facts from lethe_private.run_on_archive(format(
      'select coalesce(jsonb_agg(distinct %s), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
      'where c."lethe$key" in (select k.key from lethe_private.held_keys as k where k.hold_id = %s and k.table_id = %s)',
      lethe_private.as_array_sql(columns), v_mirror.name, hold_id, managed.id)) as r;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.archived_values(lethe.managed_tables, int, text[]) is
  'What the archived rows that a hold names have in some columns.';

create or replace function lethe_private.mirror_has(mirror_id int, columns text[])
  returns boolean
  language sql
  stable
return not exists (
  select from unnest(columns) as x
  where x not in (select c.column_name from lethe_private.mirror_columns as c where c.mirror_id = mirror_has.mirror_id));

comment on function lethe_private.mirror_has(int, text[]) is 'True when a mirror keeps all of these columns.';

create or replace function lethe_private.hold_archived(managed lethe.managed_tables, hold_id int, controller lethe.controllers, columns text[], wanted jsonb)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror lethe_private.mirrors;
  v_facts jsonb;
begin
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id loop
    continue when not lethe_private.mirror_has(v_mirror.id, columns);
    select r.facts into v_facts from lethe_private.run_on_archive(format(
      'select coalesce(jsonb_agg(distinct c."lethe$key"), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
      'where c."lethe$controller" = %s and %s in (select jsonb_array_elements(convert_from($2, ''UTF8'')::jsonb))',
      v_mirror.name, controller.id, lethe_private.as_array_sql(columns)), null, convert_to(wanted::text, 'UTF8')) as r;
    perform lethe_private.add_held_keys(managed.id, hold_id, v_facts);
  end loop;
end
$$;

comment on function lethe_private.hold_archived(lethe.managed_tables, int, lethe.controllers, text[], jsonb) is
  'Names the archived rows that have one of the wanted values.';

create or replace function lethe_private.hold_live(managed lethe.managed_tables, hold_id int, controller lethe.controllers, columns text[], wanted jsonb)
  returns void
  language sql
  volatile
begin atomic
  select lethe_private.add_held_keys(managed.id, hold_live.hold_id, r.facts)
  from (select lethe_private.host_table(managed.schema_name, managed.table_name) as oid) as t
  cross join lateral lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(%s), ''[]''), null::oid, null::tid[] from %s as c where %s and %s in (select jsonb_array_elements(convert_from($2, ''UTF8'')::jsonb))',
      lethe_private.key_sql('c', t.oid, managed.key_columns), lethe_private.host_name(t.oid),
      lethe_private.controller_sql('c', managed, t.oid, controller), lethe_private.as_array_sql(columns)),
    managed, null, convert_to(wanted::text, 'UTF8')) as r;
end;

comment on function lethe_private.hold_live(lethe.managed_tables, int, lethe.controllers, text[], jsonb) is
  'Names the live rows that have one of the wanted values.';

create or replace function lethe_private.hold_values(managed lethe.managed_tables, hold_id int)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_mirror lethe_private.mirrors;
  v_keys jsonb;
  v_facts jsonb;
begin
  select r.facts into v_keys from lethe_private.run_as_sweeper(
    format('select coalesce(jsonb_agg(%s), ''[]''), null::oid, null::tid[] from %s as c where %s',
      lethe_private.key_sql('c', v_oid, managed.key_columns), lethe_private.host_name(v_oid),
      lethe_private.held_by_sql('c', managed, v_oid, array[hold_id])), managed) as r;
  for v_mirror in select m.* from lethe_private.mirrors as m where m.table_id = managed.id and m.kind = 'values' loop
    select r.facts into v_facts from lethe_private.run_on_archive(format(
      'select coalesce(jsonb_agg(distinct c."lethe$key"), ''[]''), null::oid, null::tid[] from lethe_archive.%I as c '
      'where c."lethe$key" in (select jsonb_array_elements_text(convert_from($2, ''UTF8'')::jsonb))', v_mirror.name),
      null, convert_to(v_keys::text, 'UTF8')) as r;
    perform lethe_private.add_held_keys(managed.id, hold_id, v_facts);
  end loop;
end
$$;

comment on function lethe_private.hold_values(lethe.managed_tables, int) is
  'Names the live rows that a hold reaches and of which values are archived.';

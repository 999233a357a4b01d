-- What is in the archive goes on obeying the rules: its term ends, its columns are purged and anonymized. The
-- mirrors are the engine's own tables: no trigger, no reference, no other writer but lethe.open_archive.
-- So these statements run as Lethe's owner, who alone may read them; lethe_sweeper has no part in it.
--
-- Shape: {"discover": text, "mirrors": {oid: {"look", "purge", "columns", "emptied"}}}; see compile.sql for marks.

-- A predicate was read over the source's types. Where the archive keeps one of them as text, it is turned
-- back for the predicate's sake.
create or replace function lethe_private.archived_condition(alias text, relation oid, condition text)
  returns text
  language sql
  stable
begin atomic
  select case
    when not exists (
      select from lethe_private.mirror_columns as c
      where c.mirror_id = m.id and c.mirror_type = 'text' and c.source_type not in ('text', 'character varying')
        and strpos(condition, quote_ident(c.column_name)) > 0)
    then condition
    else format('(select %s from (select %s) as m)', condition, (
      select string_agg(case when c.mirror_type = 'text' and c.source_type <> 'text'
        then format('%1$s.%2$I::%3$s as %2$I', alias, c.column_name, c.source_type)
        else format('%1$s.%2$I', alias, c.column_name) end, ', ')
      from lethe_private.mirror_columns as c
      where c.mirror_id = m.id and strpos(condition, quote_ident(c.column_name)) > 0))
  end
  from lethe_private.mirrors as m
  join pg_catalog.pg_class as r on r.relname = m.name and r.oid = archived_condition.relation;
end;

comment on function lethe_private.archived_condition(text, oid, text) is 'A predicate as it reads over an archived row.';

create or replace function lethe_private.archived_held_sql(alias text, table_id int, today date)
  returns text
  language sql
  stable
return format('exists (select from lethe_private.held as h where h.table_id = %1$s) and exists (select from lethe_private.held as h '
  'where h.table_id = %1$s and (h.key is null or h.key = %2$s."lethe$key") and (h.ends_on is null or h.ends_on >= date %3$L))',
  table_id, alias, today);

comment on function lethe_private.archived_held_sql(text, int, date) is 'True when an archived row is under a hold.';

-- Rows that came along with a table's rows, in any mirror: found by the name of the record they belong to.
create or replace function lethe_private.companions_sql(mirror_name text, alias text, of_alias text)
  returns text
  language sql
  immutable
return format('lethe_archive.%1$I as %2$s where %2$s."lethe$root_table" = %3$s."lethe$root_table" and %2$s."lethe$root" = %3$s."lethe$root" '
  'and %2$s."lethe$archived_at" = %3$s."lethe$archived_at"', mirror_name, alias, of_alias);

comment on function lethe_private.companions_sql(text, text, text) is 'The rows of a mirror that belong to the same record as another row.';

-- A column that is archived stays as it is once it is there, until it is purged; and a mirror of values holds
-- other columns only to date those. Their flags are not those of the live table's rules.
create or replace function lethe_private.archived_actions(
  managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date
)
  returns setof lethe_private.action_parts
  language sql
  stable
begin atomic
  select 'a' || substr(a.flag, 2), a.rule, a.phase, a.column_name, a.due, a.unclocked, a.needed, a.test, a.new_value
  from lethe_private.actions('c', managed, lethe_private.host_table('lethe_archive', mirror.name), controller, today) as a
  where a.phase = 'purge'
     or a.phase = 'columns' and not lethe_private.archives(a) and exists (
       select from lethe_private.mirror_columns as m
       where m.mirror_id = mirror.id and m.column_name = a.column_name and m.holds_value);
end;

comment on function lethe_private.archived_actions(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date) is
  'The actions in force on one mirror of a managed table, for one controller and one local day.';

create or replace function lethe_private.mirror_program(
  managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_own text := format('c."lethe$controller" = %s', controller.id);
  v_held text := lethe_private.archived_held_sql('c', managed.id, today);
  v_actions lethe_private.action_parts[];
  v_purge lethe_private.action_parts;
  v_columns lethe_private.action_parts[];
  v_companions text[];
  v_free text;
begin
  select array_agg(a) into v_actions from lethe_private.archived_actions(managed, mirror, controller, today) as a;
  if v_actions is null then
    return null;
  end if;
  select a.* into v_purge from unnest(v_actions) as a where a.phase = 'purge';
  select array_agg(a) into v_columns from unnest(v_actions) as a where a.phase = 'columns';

  -- A hold on what came along keeps the whole record.
  select array_agg(m.name order by m.name) into v_companions
  from lethe_private.mirrors as m
  join lethe_private.mirror_roots as r on r.mirror_id = m.id
  where mirror.kind = 'rows' and r.root_table_id = managed.id and m.id <> mirror.id and m.table_id <> managed.id;
  select string_agg(format(E'\n    and not exists (select from %s and c."lethe$root_table" = %s and %s)', lethe_private.companions_sql(m.name, 'k', 'c'), managed.id,
      lethe_private.archived_held_sql('k', m.table_id, today)), '') into v_free
  from lethe_private.mirrors as m where m.name = any (v_companions);

  return jsonb_build_object(
    'discover', lethe_private.discover_sql(format('lethe_archive.%I', mirror.name),
      format(E'%s\n    and %s\n    and not (%s)', v_own, lethe_private.any_due_sql(v_actions), v_held), v_actions, null, false,
      (select s.batch_rows from lethe.settings as s)),
    'look', lethe_private.look_sql(format('lethe_archive.%I', mirror.name), format(E'%s\n    and %s', v_own, lethe_private.any_due_sql(v_actions)),
      v_actions, format('(%s)%s', v_held, coalesce(' or not (' || substr(v_free, 10) || ')', '')), null, null),
    'purge', case when v_purge.flag is not null then lethe_private.mirror_purge_sql(mirror.name, v_purge,
      format(E'%s\n    and (%s)\n    and not (%s)%s', v_own, v_purge.due, v_held, v_free), v_companions, managed.id) end,
    'columns', case when v_columns is not null then replace(lethe_private.act_sql(
      format(E'%s\n    and %s\n    and not (%s)', v_own, lethe_private.any_due_sql(v_columns), v_held),
      v_columns, 'c."lethe$key"', false, null, null), '{here}', '') end,
    'emptied', case when mirror.kind = 'values' and v_columns is not null then lethe_private.mirror_emptied_sql(mirror, v_columns,
      format(E'%s\n    and not (%s)', v_own, v_held)) end);
end
$$;

comment on function lethe_private.mirror_program(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date) is
  'The statements over one mirror; null when no rule reaches it.';

create or replace function lethe_private.mirror_purge_sql(mirror_name text, purge lethe_private.action_parts, condition text, companions text[], root_table_id int)
  returns text
  language sql
  stable
return format($sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1)
    and %s
  returning c."lethe$key" as key, c."lethe$root", c."lethe$root_table", c."lethe$archived_at"
)%s
select jsonb_build_object('rows', count(*), 'root', %s, '%s', count(*)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$,
  condition,
  coalesce((select string_agg(format(E', along_%s as (\n  delete from lethe_archive.%I as k using gone as g\n'
      '  where k."lethe$root_table" = g."lethe$root_table" and k."lethe$root" = g."lethe$root" and k."lethe$archived_at" = g."lethe$archived_at"\n    and g."lethe$root_table" = %s\n)', n, x, root_table_id), '')
    from unnest(companions) with ordinality as u (x, n)), ''),
  lethe_private.root_sql('a.key'), purge.flag);

comment on function lethe_private.mirror_purge_sql(text, lethe_private.action_parts, text, text[], int) is
  'Purges a batch of archived rows with all that was archived along with them.';

create or replace function lethe_private.mirror_emptied_sql(mirror lethe_private.mirrors, columns lethe_private.action_parts[], condition text)
  returns text
  language sql
  stable
begin atomic
  select format($sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1)
    and %s
    and %s
  returning c."lethe$key" as key, %s
)
select %s as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$,
    condition,
    (select string_agg(format('(c.%I is null%s)', m.column_name, coalesce(' or coalesce(' || p.due || ', false)', '')), E'\n    and ')
     from lethe_private.mirror_columns as m
     left join unnest(columns) as p (flag, rule, phase, column_name, due, unclocked, needed, test, new_value) on p.column_name = m.column_name
     where m.mirror_id = mirror.id and m.holds_value),
    string_agg(format('c.%I is not null as %s', a.column_name, a.flag), ', '),
    lethe_private.object_sql(array['''rows'', count(*)', '''root'', ' || lethe_private.root_sql('a.key')]
      || array_agg(format('%L, count(*) filter (where a.%s)', a.flag, a.flag))))
  from unnest(columns) as a;
end;

comment on function lethe_private.mirror_emptied_sql(lethe_private.mirrors, lethe_private.action_parts[], text) is
  'Deletes archived values of which none would be left, with the key that dated them.';

create or replace function lethe_private.archived_program(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language sql
  stable
begin atomic
  with programs as (
    select lethe_private.host_table('lethe_archive', m.name)::text as target, m.name, lethe_private.mirror_program(managed, m, controller, today) as program
    from lethe_private.mirrors as m
    where m.table_id = managed.id
  )
  select case when count(*) > 0 then jsonb_build_object(
    'discover', string_agg(format('select * from (%s) as %I', p.program ->> 'discover', p.name), E'\nunion all\n' order by p.name),
    'mirrors', jsonb_object_agg(p.target, (p.program - 'discover') || jsonb_build_object('name', p.name))) end
  from programs as p
  where p.program is not null;
end;

comment on function lethe_private.archived_program(lethe.managed_tables, lethe.controllers, date) is
  'The statements over a table''s archive; null when there is none, or no rule that reaches it.';

-- Rules that reach the archive, for the evidence: on lines of their own.
create or replace function lethe_private.archived_rules(managed lethe.managed_tables, controller lethe.controllers, today date)
  returns jsonb
  language sql
  stable
begin atomic
  select coalesce(jsonb_agg(distinct jsonb_build_object('flag', a.flag, 'rule', a.rule, 'phase', 'archived',
    'table_name', format('%I.%I (archive)', managed.schema_name, managed.table_name))), '[]')
  from lethe_private.mirrors as m
  cross join lateral lethe_private.archived_actions(managed, m, controller, today) as a
  where m.table_id = managed.id;
end;

comment on function lethe_private.archived_rules(lethe.managed_tables, lethe.controllers, date) is
  'The rules of a table that reach its archive, as a program lists them.';

-- As Lethe's owner. Nothing of the host's runs here; names are qualified all the same.
create or replace function lethe_private.run_on_archive(statement text, tids tid[] default null, inner_pad bytea default null, outer_pad bytea default null)
  returns table (facts jsonb, target oid, found_tids tid[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
  set row_security = off
  set bytea_output = hex
  set extra_float_digits = 1
  set intervalstyle = postgres
  set jit = off
as $$
begin
  return query execute statement using tids, inner_pad, outer_pad;
end
$$;

comment on function lethe_private.run_on_archive(text, tid[], bytea, bytea) is 'Runs one statement over the archive.';

create or replace function lethe_private.sweep_archived(program jsonb, batch lethe_private.worklist, pads lethe_private.controller_keys)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror jsonb := program #> array['archived', 'mirrors', batch.target::text];
  v_from jsonb := jsonb_build_object('from', format('lethe_archive.%I', v_mirror ->> 'name'), 'here', '');
  v_step text;
  v_facts jsonb;
  v_all jsonb := '{"rows": 0}';
begin
  foreach v_step in array array['purge', 'emptied', 'columns'] loop
    continue when v_mirror ->> v_step is null;
    select r.facts into v_facts
    from lethe_private.run_on_archive(lethe_private.fill(v_mirror ->> v_step, v_from), batch.tids, pads.inner_pad, pads.outer_pad) as r;
    continue when v_facts -> 'rows' = '0';
    v_all := v_all || v_facts || jsonb_build_object(
      'rows', (v_all ->> 'rows')::bigint + (v_facts ->> 'rows')::bigint,
      'root', concat_ws(' ', v_all ->> 'root', v_facts ->> 'root'));
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.sweep_archived(jsonb, lethe_private.worklist, lethe_private.controller_keys) is
  'Sweeps one batch of archived rows. Returns {"rows", "root", "rN": rows per rule}.';

create or replace function lethe_private.look_archived(program jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mirror jsonb;
  v_facts jsonb;
  v_all jsonb := '{}';
begin
  for v_mirror in select m.value from jsonb_each(nullif(program #> '{archived,mirrors}', 'null')) as m loop
    select r.facts into v_facts
    from lethe_private.run_on_archive(format('select (%s), null::oid, null::tid[]', v_mirror ->> 'look')) as r;
    select coalesce(jsonb_object_agg(f.key, jsonb_build_object(
        'due', (f.value ->> 'due')::bigint + coalesce((v_all #>> array[f.key, 'due'])::bigint, 0),
        'held', (f.value ->> 'held')::bigint + coalesce((v_all #>> array[f.key, 'held'])::bigint, 0),
        'kept', 0)), '{}')
        || jsonb_build_object('rows', (v_facts ->> 'rows')::bigint + coalesce((v_all ->> 'rows')::bigint, 0))
      into v_facts
    from jsonb_each(v_facts - 'rows') as f;
    v_all := v_all || v_facts;
  end loop;
  return v_all;
end
$$;

comment on function lethe_private.look_archived(jsonb) is 'Counts what is due and held in a table''s archive, from the data as it stands.';

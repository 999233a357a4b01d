-- What is in the archive goes on obeying the rules: its term ends, its columns are purged and anonymized. The
-- mirrors are the engine's own tables: no trigger, no reference, no other writer but lethe.open_archive.
-- So these statements run as Lethe's owner, who alone may read them; lethe_sweeper has no part in it.
--
-- Shape: {"discover": text, "mirrors": {oid: {"look", "purge", "columns", "emptied"}}}; see compile.sql for marks.

-- A hold's predicate over archived rows: asked of what was archived. A mirror that cannot answer it is held whole,
-- which placing a hold refuses (LE408) and a later change of the policy can still bring about.
create or replace function lethe_private.archived_answer(mirror lethe_private.mirrors, condition text)
  returns text
  language sql
  stable
begin atomic
  select case when bool_and(coalesce(c.mirror_type = coalesce(lethe_private.mirror_type(h), c.mirror_type), false)) is not false then
    lethe_private.archived_condition(archived_answer.condition) end
  from lethe.managed_tables as t
  cross join lateral (
    select x.name from lethe_private.host_columns as x where x.relation = lethe_private.host_table(t.schema_name, t.table_name)
    union
    select x.column_name from lethe_private.mirror_columns as x where x.mirror_id = mirror.id
  ) as n
  left join lethe_private.mirror_columns as c on c.mirror_id = mirror.id and c.column_name = n.name
  left join lethe_private.host_columns as h on h.relation = lethe_private.host_table(t.schema_name, t.table_name) and h.name = n.name
  where t.id = mirror.table_id and lethe_private.names_column(archived_answer.condition, n.name);
end;

comment on function lethe_private.archived_answer(lethe_private.mirrors, text) is
  'A predicate as it is asked of a mirror; null when the mirror has no answer.';

create or replace function lethe_private.archived_held_sql(alias text, mirror lethe_private.mirrors, today date, exemptions boolean default true)
  returns text
  language sql
  stable
return (
  select '(' || string_agg(x.part, ' or ') || ')'
  from (
    select format('exists (select from lethe_private.held as h where h.table_id = %1$s) and exists (select from lethe_private.held as h '
      'where h.table_id = %1$s and (h.key is null or h.key = %2$s."lethe$key") and (h.ends_on is null or h.ends_on >= date %3$L)%4$s)',
      mirror.table_id, alias, today, case when exemptions then '' else ' and h.hold_id is not null' end) as part
    union all
    select format('exists (select from (select %s.*) as h0 where %s)', alias, concat_ws(' and ',
      coalesce(format('h0."lethe$controller" = %s', h.controller_id), 'true'),
      '(' || lethe_private.archived_answer(mirror, c.condition) || ')'))
    from lethe_private.held_conditions as c
    join lethe.holds as h on h.id = c.hold_id
    where c.table_id = mirror.table_id and c.hold_id in (select f from lethe_private.holds_in_force(today) as f)
  ) as x);

comment on function lethe_private.archived_held_sql(text, lethe_private.mirrors, date, boolean) is
  'True when an archived row is under a hold (or, with exemptions, was put back and is to be left alone).';

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

-- A mirror is never altered, so a rule that counts by a column which was not there, or of another type, when its rows
-- were archived has no answer in it. Nor has a clock over other rows whose days were not taken along.
create or replace function lethe_private.unanswered(managed lethe.managed_tables, mirror lethe_private.mirrors)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found boolean;
  v_name text;
begin
  execute format('select exists (select from lethe_archive.%I)', mirror.name) into v_found;
  if not v_found then
    return null;
  end if;
  for v_name in
    select distinct n.name
    from lethe.rules as r
    join lethe.terms as t on t.rule_id = r.id
    cross join lateral (
      select s from unnest(t.since) as s
      union
      select h.name from lethe_private.host_columns as h
      where h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and lethe_private.names_column(t.condition, h.name)
    ) as n (name)
    where r.table_id = managed.id and r.action <> 'archive'
      and (r.column_name is null or exists (
        select from lethe_private.mirror_columns as c
        where c.mirror_id = mirror.id and c.column_name = r.column_name and c.holds_value))
      and not exists (
        select from lethe_private.mirror_columns as c
        join lethe_private.host_columns as h on h.relation = lethe_private.host_table(managed.schema_name, managed.table_name) and h.name = c.column_name
        where c.mirror_id = mirror.id and c.column_name = n.name and c.mirror_type = lethe_private.mirror_type(h))
  loop
    if not lethe_private.is_linked(v_name) then
      return v_name;
    end if;
    execute format('select exists (select from lethe_archive.%I as m where m."lethe$root_table" = $1 and not coalesce(m."lethe$clocks", ''{}'') ? $2)', mirror.name)
      into v_found using managed.id, v_name;
    if v_found then
      return v_name;
    end if;
  end loop;
  return null;
end
$$;

comment on function lethe_private.unanswered(lethe.managed_tables, lethe_private.mirrors) is
  'A column or clock that a rule counts by and that rows of a mirror have no answer to; null when there is none.';

create or replace function lethe_private.mirror_actions(
  managed lethe.managed_tables, mirror lethe_private.mirrors, controller lethe.controllers, today date
)
  returns lethe_private.action_parts[]
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_action lethe_private.action_parts;
  v_actions lethe_private.action_parts[] := '{}';
begin
  for v_action in select * from lethe_private.archived_actions(managed, mirror, controller, today) loop
    -- What came along with a row ends with it, and not by itself.
    if v_action.phase = 'purge' then
      v_action.due := format('(%s) and c."lethe$root_table" = %s', v_action.due, managed.id);
      v_action.test := format('(%s)', v_action.due);
    end if;
    v_actions := v_actions || v_action;
  end loop;
  return v_actions;
end
$$;

comment on function lethe_private.mirror_actions(lethe.managed_tables, lethe_private.mirrors, lethe.controllers, date) is
  'What archived_actions says, where only rows that were archived for themselves end by themselves.';

create or replace function lethe_private.companion_mirrors(managed lethe.managed_tables, mirror lethe_private.mirrors)
  returns text[]
  language sql
  stable
begin atomic
  select array_agg(m.name order by m.name)
  from lethe_private.mirrors as m
  join lethe_private.mirror_roots as r on r.mirror_id = m.id
  where mirror.kind = 'rows' and r.root_table_id = managed.id and m.id <> mirror.id and m.table_id <> managed.id;
end;

comment on function lethe_private.companion_mirrors(lethe.managed_tables, lethe_private.mirrors) is
  'Where the rows are that were archived along with those of a mirror; null when there are none.';

-- A hold on what came along keeps the whole record.
create or replace function lethe_private.companions_free_sql(managed lethe.managed_tables, companions text[], today date)
  returns text
  language sql
  stable
begin atomic
  select string_agg(format(E'\n    and not exists (select from %s and c."lethe$root_table" = %s and %s)', lethe_private.companions_sql(m.name, 'k', 'c'), managed.id,
    lethe_private.archived_held_sql('k', m, today)), '')
  from lethe_private.mirrors as m where m.name = any (companions);
end;

comment on function lethe_private.companions_free_sql(lethe.managed_tables, text[], date) is
  'That nothing which came along with an archived row is held, as one more condition ("and …"); null when nothing came along.';

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
  v_held text := lethe_private.archived_held_sql('c', mirror, today);
  v_actions lethe_private.action_parts[];
  v_purge lethe_private.action_parts;
  v_columns lethe_private.action_parts[];
  v_companions text[];
  v_free text;
begin
  if lethe_private.unanswered(managed, mirror) is not null then
    return jsonb_build_object('failure', 'LE905');
  end if;
  v_actions := lethe_private.mirror_actions(managed, mirror, controller, today);
  if v_actions = '{}' then
    return null;
  end if;
  select a.* into v_purge from unnest(v_actions) as a where a.phase = 'purge';
  select array_agg(a) into v_columns from unnest(v_actions) as a where a.phase = 'columns';

  v_companions := lethe_private.companion_mirrors(managed, mirror);
  v_free := lethe_private.companions_free_sql(managed, v_companions, today);

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
select jsonb_build_object('rows', count(*), 'root', %s, '%s', count(*), 'children', jsonb_build_array(%s)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$,
  condition,
  coalesce((select string_agg(format(E', along_%s as (\n  delete from lethe_archive.%I as k using gone as g\n'
      '  where k."lethe$root_table" = g."lethe$root_table" and k."lethe$root" = g."lethe$root" and k."lethe$archived_at" = g."lethe$archived_at"\n    and g."lethe$root_table" = %s\n  returning 1\n)', n, x, root_table_id), '')
    from unnest(companions) with ordinality as u (x, n)), ''),
  lethe_private.root_sql('a.key'), purge.flag,
  (select string_agg(format('jsonb_build_object(''table'', %L, ''rule'', ''with parent'', ''rows'', (select count(*) from along_%s))',
      format('%I.%I (archive)', t.schema_name, t.table_name), u.n), ', ')
   from unnest(companions) with ordinality as u (x, n)
   join lethe_private.mirrors as m on m.name = u.x
   join lethe.managed_tables as t on t.id = m.table_id));

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
    'discover', string_agg(format('select * from (%s) as %I', p.program ->> 'discover', p.name), E'\nunion all\n' order by p.name)
      filter (where p.program ? 'discover'),
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

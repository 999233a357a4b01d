-- A table that refers to itself: a row that stays keeps the row it refers to, and so on upwards. The set
-- is found by following the references from what stays. Written for one batch ($1: tid[]), or, to look
-- ahead, for all due rows of the table.
create or replace function lethe_private.staying_sql(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  batch boolean,
  phases text[]
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_due text;
  v_due_child text;
  v_held text := lethe_private.held_sql('c', managed, table_oid, today);
  v_stays text;
  v_untouchable text := lethe_private.untouchable_sql('s', managed, table_oid, controller, today);
  v_refs text;
  v_fks text;
begin
  v_due := format('%s and (%s)', lethe_private.controller_sql('c', managed, table_oid, controller),
    lethe_private.due_to_leave_sql('c', managed, table_oid, controller, today, phases, batch));
  v_due_child := format('%s and (%s) and not %s', lethe_private.controller_sql('s', managed, table_oid, controller),
    lethe_private.due_to_leave_sql('s', managed, table_oid, controller, today, phases, true),
    lethe_private.held_sql('s', managed, table_oid, today));

  select
    string_agg(format(
      'exists (select from %s as s where %s and (s.tableoid, s.ctid) <> (c.tableoid, c.ctid) and not coalesce(%s%s, false))',
      lethe_private.host_name(table_oid), lethe_private.reference_sql('s', r.child_columns, 'c', r.parent_columns),
      case when batch then 's.tableoid = c.tableoid and s.ctid = any ($1) and ' else '' end, v_due_child), ' or '),
    string_agg(format('jsonb_build_array(%s, %s)', r.n, (select string_agg(format('c.%I', x), ', ') from unnest(r.parent_columns) as x)), ', '),
    string_agg(format('jsonb_build_array(%s, %s)', r.n, (select string_agg(format('c.%I', x), ', ') from unnest(r.child_columns) as x)), ', ')
    into v_stays, v_refs, v_fks
  from (
    select *, row_number() over () as n from lethe_private.references_to(table_oid) as r
    where r.child = table_oid and r.on_purge <> 'unlink'
  ) as r;
  -- A reference that would be set to null, in a row that must not change.
  select concat_ws(' or ', v_stays, string_agg(format('exists (select from %s as s where %s and (%s))',
      lethe_private.host_name(table_oid), lethe_private.reference_sql('s', r.child_columns, 'c', r.parent_columns), v_untouchable), ' or '))
    into v_stays
  from lethe_private.references_to(table_oid) as r
  where r.child = table_oid and r.on_purge = 'unlink';
  if v_stays = '' then
    return null;
  end if;

  return format(
    'with recursive due as materialized ('
      'select c.tableoid as target, c.ctid as tid, %1$s or %2$s as stays, array[%3$s] as refs, array[%4$s] as fks '
      'from %5$s as c where %6$s%7$s), '
    'staying as ('
      'select d.target, d.tid, f.fk from due as d cross join unnest(d.fks) as f (fk) where d.stays '
      'union '
      'select d.target, d.tid, f.fk from staying as s '
      'join (select d.target, d.tid, d.fks, unnest(d.refs) as ref from due as d) as d on d.ref = s.fk '
      'cross join unnest(d.fks) as f (fk)) ',
    v_held,
    concat_ws(' or ', lethe_private.kept_sql('c', table_oid, controller, today, not batch), v_stays),
    coalesce(v_refs, 'null::jsonb'), coalesce(v_fks, 'null::jsonb'),
    case when batch then '{from}' else lethe_private.host_name(table_oid) end,
    case when batch then 'c.ctid = any ($1){here} and ' else '' end,
    v_due);
end
$$;

comment on function lethe_private.staying_sql(lethe.managed_tables, oid, lethe.controllers, date, boolean, text[]) is
  'The WITH clause that finds the rows due in the given phases which stay because of references within their own table; null when it has none.';

-- Rows that go with their parents and that others refer to are locked like the parents, from the top down:
-- a grandchild that appears meanwhile would otherwise be swept away by a cascade nobody declared.
create or replace function lethe_private.lock_children(table_oid oid, depth int default 0, joins text default '', path oid[] default '{}')
  returns setof text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_child text := 'k' || depth + 1;
  v_joins text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r
    where r.on_purge = 'with parent' and r.child <> all (path)
      and exists (select from lethe_private.references_to(r.child))
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    v_joins := format('%s join %s as %s on %s', joins, lethe_private.host_name(v_reference.child), v_child,
      lethe_private.reference_sql(v_child, v_reference.child_columns, case depth when 0 then 'c' else 'k' || depth end, v_reference.parent_columns));
    return next format($sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c%s where c.ctid = any ($1){here} for update of %s) as c$sql$, v_joins, v_child);
    return query select * from lethe_private.lock_children(v_reference.child, depth + 1, v_joins, path || table_oid);
  end loop;
end
$$;

comment on function lethe_private.lock_children(oid, int, text, oid[]) is
  'Statements that lock what would go with a batch of rows ($1: tid[]) and is referred to itself.';

-- What goes before the parents do, deepest first: rows declared "with parent" whose foreign key does
-- not cascade by itself, and references declared "unlink". Cascades are left to PostgreSQL, which is
-- faster at them; they are counted from its own statistics. With a root, whose rows are archived, no row is
-- left to a cascade: each is moved by name, with the key of the root it belongs to.
create or replace function lethe_private.before_leaving(
  table_oid oid,
  controller lethe.controllers,
  today date,
  root lethe.managed_tables default null,
  depth int default 0,
  joins text default '',
  path oid[] default '{}'
)
  returns table (table_name text, rule text, statement text, count_statement text)
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_parent text := case depth when 0 then 'c' else 'k' || depth end;
  v_child text := 'k' || depth + 1;
  v_managed lethe.managed_tables;
  v_name text;
  v_on text;
  v_count text;
  v_columns text;
  v_memory text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r
    where r.on_purge <> 'keep' and r.child <> all (path)
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    v_name := lethe_private.host_name(v_reference.child);
    v_on := lethe_private.reference_sql(v_child, v_reference.child_columns, v_parent, v_reference.parent_columns);
    v_count := format('select to_jsonb(count(*)) from {from} as c%s join %s as %s on %s where {leaves}', joins, v_name, v_child, v_on);
    if v_reference.on_purge = 'unlink' then
      return query select v_name, 'unlink ' || array_to_string(v_reference.child_columns, ', '), format(
        'with changed as (update %s as %s set %s from {from} as c%s where c.ctid = any ($1){here} and %s returning 1) select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from changed',
        v_name, v_child, (select string_agg(format('%I = null', x), ', ') from unnest(v_reference.child_columns) as x), joins,
        -- A leaving row that refers to another one is left as it is: changing it would move it.
        v_on || case when v_reference.child = table_oid
          then format(' and not (%1$s.ctid = any ($1) and %1$s.tableoid = c.tableoid)', v_child) else '' end), v_count;
      continue;
    end if;
    return query select * from lethe_private.before_leaving(
      v_reference.child, controller, today, root, depth + 1, format('%s join %s as %s on %s', joins, v_name, v_child, v_on), path || table_oid);
    -- A clock that counts since these rows outlives them: what a cascade takes is remembered before it does. Where the
    -- parent is purged as well nobody will ask; where it is archived, its clock is kept with it a moment later.
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_reference.managed_id;
    v_columns := lethe_private.leaving_columns_sql(v_child, v_managed, v_reference.child, root.id is null);
    v_memory := lethe_private.leaving_sql(v_managed, v_reference.child, controller,
      case when root.id is null then table_oid end, v_reference.child_columns);
    if root.id is not null then
      return query select v_name, 'archived with parent'::text, format(
        E'with gone as (\n  delete from %1$s as %2$s using {from} as c%3$s\n  where c.ctid = any ($1){here} and %4$s\n'
        '  returning %5$s%6$s\n), kept as (\n  %7$s\n)%8$s\n'
        'select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from gone',
        v_name, v_child, joins, v_on,
        lethe_private.archived_row_sql(v_child, v_managed, v_reference.child, controller, today,
          lethe_private.key_sql('c', lethe_private.host_table(root.schema_name, root.table_name), root.key_columns)),
        v_columns, lethe_private.archive_sql(v_managed, v_reference.child, root.id, controller.id), v_memory), v_count;
      continue;
    end if;
    return query select v_name, 'with parent'::text, case
      when not v_reference.cascades then format(
        'with gone as (delete from %s as %s using {from} as c%s where c.ctid = any ($1){here} and %s returning 1%s)%s select jsonb_build_object(''rows'', count(*)) as facts, null::oid as target, null::tid[] as tids from gone',
        v_name, v_child, joins, v_on, v_columns, v_memory)
      when v_memory <> '' then format(
        E'-- the rows themselves go by the foreign key with ON DELETE CASCADE\nwith gone as (select 1%s from {from} as c%s join %s as %s on %s where c.ctid = any ($1){here})%s select jsonb_build_object(''rows'', 0) as facts, null::oid as target, null::tid[] as tids',
        v_columns, joins, v_name, v_child, v_on, v_memory)
      end, v_count;
  end loop;
end
$$;

comment on function lethe_private.before_leaving(oid, lethe.controllers, date, lethe.managed_tables, int, text, oid[]) is
  'Statements over a batch of leaving rows ($1: tid[]), and what counts them beforehand; a null statement, or one that only remembers, marks a table that PostgreSQL''s own cascade empties.';

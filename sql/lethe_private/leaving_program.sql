-- How many rows of other tables would go, or be unlinked, with the rows that leave: for the plan.
create or replace function lethe_private.children_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text,
  phase text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, false, array[phase]);
  v_root lethe.managed_tables := case when phase = 'archive' then managed end;
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, true);
  v_leaves text := case
    when v_staying is not null then
      '(c.tableoid, c.ctid) in (select d.target, d.tid from due as d where (d.target, d.tid) not in (select x.target, x.tid from staying as x))'
    else condition || coalesce(E'\n    and not (' || v_kept || ')', '')
  end;
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object('table', b.table_name, 'rule', b.rule, 'statement',
      coalesce(v_staying, '') || lethe_private.fill(b.count_statement, jsonb_build_object('from', lethe_private.host_name(table_oid), 'leaves', v_leaves)))), '[]')
    from lethe_private.before_leaving(table_oid, controller, today, v_root) as b);
end
$$;

comment on function lethe_private.children_program(lethe.managed_tables, oid, lethe.controllers, date, text, text) is
  'The statements that count what would follow the leaving rows: [{"table", "rule", "statement"}].';

-- A row goes, or moves into the archive, in one statement; $1: tid[]. Clocks that were computed from it remember it.
create or replace function lethe_private.delete_sql(
  managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, key text, action lethe_private.action_parts, condition text
)
  returns text
  language sql
  stable
return format($sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1){here}%s
  returning %s%s
)%s%s
select jsonb_build_object('rows', count(*), 'root', %s, '%s', count(*)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$,
  coalesce(E'\n    and ' || condition, ''),
  case action.phase when 'archive' then lethe_private.archived_row_sql('c', managed, table_oid, controller, today, key) else key || ' as key' end,
  lethe_private.leaving_columns_sql('c', managed, table_oid, action.phase <> 'archive'),
  case action.phase when 'archive' then format(E', kept as (\n  %s\n)', lethe_private.archive_sql(managed, table_oid, managed.id, controller.id)) else '' end,
  lethe_private.leaving_sql(managed, table_oid, controller),
  lethe_private.root_sql(case action.phase when 'archive' then 'a."lethe$key"' else 'a.key' end),
  action.flag);

comment on function lethe_private.delete_sql(lethe.managed_tables, oid, lethe.controllers, date, text, lethe_private.action_parts, text) is
  'The statement that deletes a batch of rows, and archives them where that is the action.';

create or replace function lethe_private.lock_sql()
  returns text
  language sql
  immutable
return $sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c where c.ctid = any ($1){here} for update) as c$sql$;

comment on function lethe_private.lock_sql() is 'Locks the rows of a batch, so that no row which refers to them can appear.';

-- Purging or archiving rows that others refer to takes several statements in one transaction. The parents are
-- locked first and looked at again in a second statement: a new child takes a share lock on its
-- parent, so after our lock none can appear, and the second statement sees all that were committed
-- before it. (In one statement a child committed meanwhile would be missed.)
create or replace function lethe_private.leaving_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text,
  key text,
  action lethe_private.action_parts
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, true, array[action.phase]);
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, false);
  v_referenced boolean := exists (select from lethe_private.references_to(table_oid));
  -- Rows that refer to each other in a circle can only go in one statement. Those that fell into several
  -- batches are gathered into one when nothing else is left.
  v_together text := case when v_staying is not null then lethe_private.staying_sql(managed, table_oid, controller, today, false, array[action.phase])
    || $sql$select jsonb_build_object('rows', count(*)) as facts, d.target, array_agg(d.tid order by d.tid) as tids
from due as d
where not exists (select from staying as x where (x.target, x.tid) = (d.target, d.tid))
group by d.target$sql$ end;
  v_root lethe.managed_tables := case when action.phase = 'archive' then managed end;
  v_delete text := lethe_private.delete_sql(managed, table_oid, controller, today, key, action, case when not v_referenced then condition end);
  v_marks jsonb := jsonb_build_object('flag', action.flag, 'cascades', lethe_private.cascade_mark(table_oid))
    || case when action.phase = 'archive' then jsonb_build_object('shape', lethe_private.shape_of(managed)) else '{}' end;
begin
  if not v_referenced then
    return v_marks || jsonb_build_object('delete', v_delete);
  end if;
  return v_marks || jsonb_build_object(
    'lock', lethe_private.lock_sql(),
    'pick', case
      when v_staying is not null then
        v_staying || 'select null::jsonb as facts, null::oid as target, array_agg(d.tid) as tids from due as d where d.tid not in (select x.tid from staying as x)'
      else format($sql$select null::jsonb as facts, null::oid as target, array_agg(c.ctid) as tids
from {from} as c
where c.ctid = any ($1){here}
    and %s%s$sql$,
        condition, coalesce(E'\n    and not (' || v_kept || ')', ''))
    end,
    'together', v_together,
    'lock_children', (select coalesce(jsonb_agg(l), '[]') from lethe_private.lock_children(table_oid) as l),
    'before', (select coalesce(jsonb_agg(to_jsonb(b) - 'count_statement'), '[]') from lethe_private.before_leaving(table_oid, controller, today, v_root) as b),
    'children', lethe_private.children_program(managed, table_oid, controller, today, condition, action.phase),
    'delete', v_delete);
end
$$;

comment on function lethe_private.leaving_program(lethe.managed_tables, oid, lethe.controllers, date, text, text, lethe_private.action_parts) is
  'The statements that purge or archive a batch of rows: "delete" alone where nothing refers to the table, else lock, pick, before, delete.';

-- How many rows of other tables would go, or be unlinked, with the rows that leave: for the plan.
create or replace function lethe_private.children_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, false);
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
    from lethe_private.before_purge(table_oid, controller) as b);
end
$$;

comment on function lethe_private.children_program(lethe.managed_tables, oid, lethe.controllers, date, text) is
  'The statements that count what would follow the leaving rows: [{"table", "rule", "statement"}].';

create or replace function lethe_private.lock_sql()
  returns text
  language sql
  immutable
return $sql$select jsonb_build_object('rows', count(*)) as facts, null::oid as target, null::tid[] as tids
from (select from {from} as c where c.ctid = any ($1){here} for update) as c$sql$;

comment on function lethe_private.lock_sql() is 'Locks the rows of a batch, so that no row which refers to them can appear.';

-- A purge with rows that refer to it takes several statements in one transaction. The parents are
-- locked first and looked at again in a second statement: a new child takes a share lock on its
-- parent, so after our lock none can appear, and the second statement sees all that were committed
-- before it. (In one statement a child committed meanwhile would be missed.)
create or replace function lethe_private.purge_program(
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  condition text,
  key text
)
  returns jsonb
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_staying text := lethe_private.staying_sql(managed, table_oid, controller, today, true);
  v_kept text := lethe_private.kept_sql('c', table_oid, controller, today, false);
  v_referenced boolean := exists (select from lethe_private.references_to(table_oid));
  -- Rows that refer to each other in a circle can only go in one statement. Those that fell into several
  -- batches are gathered into one when nothing else is left.
  v_together text := case when v_staying is not null then lethe_private.staying_sql(managed, table_oid, controller, today, false)
    || $sql$select jsonb_build_object('rows', count(*)) as facts, d.target, array_agg(d.tid order by d.tid) as tids
from due as d
where not exists (select from staying as x where (x.target, x.tid) = (d.target, d.tid))
group by d.target$sql$ end;
  v_columns text := lethe_private.leaving_columns_sql('c', managed, table_oid);
  v_memory text := lethe_private.leaving_sql(managed, table_oid, controller);
  v_delete text := $sql$with gone as (
  delete from {from} as c
  where c.ctid = any ($1){here}%s
  returning %s as key%s
)%s
select jsonb_build_object('rows', count(*), 'root', %s, 'r1', count(*)) as facts,
  null::oid as target, null::tid[] as tids
from gone as a$sql$;
begin
  if not v_referenced then
    return jsonb_build_object('cascades', lethe_private.cascade_mark(table_oid), 'delete', format(v_delete, E'\n    and ' || condition, key, v_columns, v_memory, lethe_private.root_sql('a.key')));
  end if;
  return jsonb_build_object(
    'cascades', lethe_private.cascade_mark(table_oid),
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
    'before', (select coalesce(jsonb_agg(to_jsonb(b) - 'count_statement'), '[]') from lethe_private.before_purge(table_oid, controller) as b),
    'children', lethe_private.children_program(managed, table_oid, controller, today, condition),
    'delete', format(v_delete, '', key, v_columns, v_memory, lethe_private.root_sql('a.key')));
end
$$;

comment on function lethe_private.purge_program(lethe.managed_tables, oid, lethe.controllers, date, text, text) is
  'The statements that purge a batch of rows: "delete" alone where nothing refers to the table, else lock, pick, before, delete.';

-- A row leaves only if nothing that stays refers to it. Over one row of a table, true when something
-- does:
--   keep         a referencing row exists (looking ahead: one that is not itself leaving);
--   with parent  a referencing row exists that is held or another controller's, or is itself kept by one
--                of its own children;
--   unlink       a referencing row exists that is held or another controller's, since unlinking would
--                change it.
-- References of a table to itself are for leaving_sql: they need the whole set of leaving rows.
--
-- The planner plans each EXISTS in two ways, to choose at run time, and what is nested in it anew in each: twice as long
-- with every table on the way, minutes for ten. OFFSET 0 leaves it one way. Where it is nested that is the one wanted:
-- the index of the reference, row by row.
create or replace function lethe_private.kept_sql(
  alias text,
  table_oid oid,
  controller lethe.controllers,
  today date,
  look_ahead boolean,
  path oid[] default '{}'
)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_reference record;
  v_child text := 'k' || cardinality(path) + 1;
  v_one_way text := case when path = '{}' then '' else ' offset 0' end;
  v_managed lethe.managed_tables;
  v_stays text;
  v_kept text;
  v_sql text;
begin
  for v_reference in
    select * from lethe_private.references_to(table_oid) as r where r.child <> table_oid
    order by lethe_private.host_name(r.child), r.child_columns
  loop
    select m.* into v_managed from lethe.managed_tables as m where m.id = v_reference.managed_id;
    v_stays := case
      when v_reference.child = any (path || table_oid) then 'true'
      when v_reference.on_purge = 'keep' and not look_ahead then 'true'
      when v_reference.on_purge = 'keep' then
        'not coalesce(' || lethe_private.leaves_sql(v_child, v_managed, v_reference.child, controller, today, path || table_oid) || ', false)'
      else lethe_private.untouchable_sql(v_child, v_managed, v_reference.child, controller, today)
    end;
    v_sql := concat_ws(' or ', v_sql, format('exists (select from %s as %s where %s%s%s)',
      lethe_private.host_name(v_reference.child), v_child,
      lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns),
      case when v_stays in ('true', 'not coalesce(false, false)') then '' else ' and (' || v_stays || ')' end, v_one_way));
    -- Asked apart from the holds, which are as good as never there.
    v_kept := case when v_reference.on_purge = 'with parent' and v_stays <> 'true' then
      lethe_private.kept_sql(v_child, v_reference.child, controller, today, look_ahead, path || table_oid) end;
    if v_kept is not null then
      v_sql := v_sql || format(' or exists (select from %s as %s where %s and (%s)%s)',
        lethe_private.host_name(v_reference.child), v_child,
        lethe_private.reference_sql(v_child, v_reference.child_columns, alias, v_reference.parent_columns), v_kept, v_one_way);
    end if;
  end loop;
  return v_sql;
end
$$;

comment on function lethe_private.kept_sql(text, oid, lethe.controllers, date, boolean, oid[]) is
  'True when a row that stays refers to the row; null when nothing can refer to it.';

create or replace function lethe_private.untouchable_sql(alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date)
  returns text
  language sql
  stable
return case
  when not lethe_private.has_controller(managed, controller) then 'true'
  else concat_ws(' or ',
    nullif(lethe_private.controller_sql(alias, managed, table_oid, controller) || ' is not true', 'true is not true'),
    lethe_private.held_sql(alias, managed, table_oid, today))
end;

comment on function lethe_private.untouchable_sql(text, lethe.managed_tables, oid, lethe.controllers, date) is
  'True when a row may neither go nor change with another one: it is held, or is not the controller''s.';

create or replace function lethe_private.due_to_leave_sql(
  alias text, managed lethe.managed_tables, table_oid oid, controller lethe.controllers, today date, phases text[], batch boolean
)
  returns text
  language sql
  stable
begin atomic
  select string_agg(format('(%s)', a.due), ' or ' order by a.phase desc)
  from lethe_private.actions(alias, managed, table_oid, controller, today, batch) as a
  where a.phase = any (phases);
end;

comment on function lethe_private.due_to_leave_sql(text, lethe.managed_tables, oid, lethe.controllers, date, text[], boolean) is
  'True when the row itself is due for purge or for the archive, whichever of the two is asked about; null when no rule says so.';

create or replace function lethe_private.leaves_sql(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  path oid[]
)
  returns text
  language sql
  stable
begin atomic
  select coalesce((
    select format('%s and (%s) and not %s%s',
      lethe_private.controller_sql(alias, managed, table_oid, controller),
      l.due,
      lethe_private.held_sql(alias, managed, table_oid, today),
      coalesce(' and not (' || lethe_private.kept_sql(alias, table_oid, controller, today, true, path) || ')', ''))
    from lethe_private.due_to_leave_sql(alias, managed, table_oid, controller, today, array['purge', 'archive'], true) as l (due)
    where managed.id is not null and l.due is not null), 'false');
end;

comment on function lethe_private.leaves_sql(text, lethe.managed_tables, oid, lethe.controllers, date, oid[]) is
  'True when the row will itself leave in this cycle.';

-- All that a controller's rules do to one managed table, as expressions over one row. What is due for purge
-- is not archived any more. batch: to be asked of a few rows and not of all; it makes a difference where a clock is
-- computed from other rows.
create or replace function lethe_private.actions(
  alias text,
  managed lethe.managed_tables,
  table_oid oid,
  controller lethe.controllers,
  today date,
  batch boolean default false
)
  returns setof lethe_private.action_parts
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule record;
  v_parts lethe_private.rule_parts;
  v_action lethe_private.action_parts;
  v_column lethe_private.host_columns;
  v_method lethe.methods;
  v_purge text;
begin
  for v_rule in
    select r.id, r.column_name, r.action, h.position, h.name is not null as is_there,
      (select p.id from lethe.rules as p
       where p.table_id = r.table_id and p.column_name is not distinct from r.column_name and p.action = 'purge') as purge_id
    from lethe.rules as r
    left join lethe_private.host_columns as h on h.relation = table_oid and h.name = r.column_name
    where r.table_id = managed.id and r.action <> 'minimum'
    order by r.column_name is not null, r.column_name is null and r.action <> 'purge', h.position, r.action
  loop
    -- In the archive a row may lack a column that its source has by now.
    continue when v_rule.column_name is not null and not v_rule.is_there;
    v_parts := lethe_private.rule_sql(alias, managed, table_oid, controller, today, v_rule.id, batch);
    continue when v_parts.due is null;
    v_action := row('r' || v_rule.id, concat_ws(': ', v_rule.column_name, v_rule.action),
      case when v_rule.column_name is null then v_rule.action else 'columns' end,
      v_rule.column_name, v_parts.due, v_parts.unclocked, 'true', null, 'null');
    if v_rule.action = 'archive' and v_rule.purge_id is not null then
      v_purge := (lethe_private.rule_sql(alias, managed, table_oid, controller, today, v_rule.purge_id, batch)).due;
      v_action.due := concat_ws(' and not ', format('(%s)', v_parts.due), case when v_purge is not null then format('coalesce(%s, false)', v_purge) end);
    end if;

    if v_rule.column_name is not null then
      select h.* into v_column from lethe_private.host_columns as h
      where h.relation = table_oid and h.name = v_rule.column_name;
      v_action.needed := format('%s.%I is not null', alias, v_column.name);
    end if;

    if v_rule.column_name is not null and v_rule.action <> 'purge' then
      select m.* into v_method
      from lethe_private.effective_terms(managed.id, controller.id) as t
      join lethe.methods as m on m.name = t.method
      where t.rule_id = v_rule.id
      limit 1;
      select
        format('not (%s)', lethe_private.method_sql(v_method.recogniser, alias, v_column, v_method, t.parameters)),
        format('(%s)::%s', lethe_private.method_sql(v_method.mask, alias, v_column, v_method, t.parameters), v_column.type)
        into v_action.needed, v_action.new_value
      from lethe_private.effective_terms(managed.id, controller.id) as t
      where t.rule_id = v_rule.id
      limit 1;
    end if;
    v_action.test := case when v_action.needed = 'true' then format('(%s)', v_action.due)
      else format('(%s and %s)', v_action.due, v_action.needed) end;
    return next v_action;
  end loop;
end
$$;

comment on function lethe_private.actions(text, lethe.managed_tables, oid, lethe.controllers, date, boolean) is
  'The actions in force on a managed table for one controller and one local day, those on the row first.';

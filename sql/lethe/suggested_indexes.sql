-- The index that makes a daily cycle cost what is due and not what is stored: the clock of the rows that
-- are not masked yet. One a table, for its rules on columns; a row purge wants a plain index on its clock.
create or replace function lethe.suggested_indexes("table" text)
  returns table (statement text)
  language plpgsql
  stable
  security definer  -- reads the policy
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_managed lethe.managed_tables := lethe_private.get_managed("table");
  v_oid oid := lethe_private.host_table(v_managed.schema_name, v_managed.table_name);
  v_controller lethe.controllers;
  v_alias text := 'lethe_index';
begin
  select c.* into v_controller from lethe.controllers as c where lethe_private.has_controller(v_managed, c) order by c.id limit 1;
  return query
    select format('create index concurrently %I on %s (%s) where %s', left(v_managed.table_name, 50) || '_lethe_due',
      lethe_private.host_name(v_oid), min(t.columns), string_agg(distinct replace(a.needed, v_alias || '.', ''), ' or '))
    from lethe_private.actions(v_alias, v_managed, v_oid, v_controller, current_date) as a
    join lethe.rules as r on r.table_id = v_managed.id and r.column_name = a.column_name and r.action <> 'minimum'
    cross join lateral (
      -- A clock over other rows is looked up by what they refer to.
      select coalesce((select quote_ident(s) from unnest(e.since) as s where not lethe_private.is_linked(s) limit 1),
        (select (select string_agg(quote_ident(x), ', ') from unnest(c.parent_columns) as x)
         from lethe_private.linked_clocks(v_managed, e.since) as c limit 1)) as columns
      from lethe_private.effective_terms(v_managed.id, v_controller.id) as e where e.rule_id = r.id limit 1) as t
    where a.phase = 'columns'
    having count(*) > 0;
  return query
    select distinct format('create index concurrently on %s (%s, %I)', lethe_private.host_name(x.oid),
      (select string_agg(quote_ident(c), ', ') from unnest(x.child_columns) as c), x.column_name)
    from (
      select c.*, lethe_private.host_table(m.schema_name, m.table_name) as oid
      from lethe_private.effective_terms(v_managed.id, v_controller.id) as e
      cross join lateral lethe_private.linked_clocks(v_managed, e.since) as c
      join lethe.managed_tables as m on m.id = c.child_id
    ) as x
    where not lethe_private.has_leading_index(x.oid, array(
      select h.position from lethe_private.host_columns as h
      where h.relation = x.oid and h.name = any (x.child_columns || x.column_name)));
  return query
    select format('create index concurrently on %s (%I)', lethe_private.host_name(v_oid), e.since[1])
    from lethe_private.effective_terms(v_managed.id, v_controller.id) as e
    join lethe.rules as r on r.id = e.rule_id and r.column_name is null and r.action <> 'minimum'
    where lethe_private.plain_clock_index(v_managed, v_oid, v_controller) is distinct from e.since[1]
      and not lethe_private.is_linked(e.since[1])
    limit 1;
end
$$;

comment on function lethe.suggested_indexes(text) is
  'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';

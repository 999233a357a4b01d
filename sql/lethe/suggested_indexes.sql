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
    select format('create index concurrently %I on %s (%I) where %s', left(v_managed.table_name, 50) || '_lethe_due',
      lethe_private.host_name(v_oid), min(t.clock), string_agg(distinct replace(a.needed, v_alias || '.', ''), ' or '))
    from lethe_private.actions(v_alias, v_managed, v_oid, v_controller, current_date) as a
    join lethe.rules as r on r.table_id = v_managed.id and r.column_name = a.column_name
    cross join lateral (
      select e.since[1] as clock from lethe_private.effective_terms(v_managed.id, v_controller.id) as e where e.rule_id = r.id limit 1) as t
    where a.phase = 'columns'
    having count(*) > 0
    union all
    select format('create index concurrently on %s (%I)', lethe_private.host_name(v_oid), e.since[1])
    from lethe_private.effective_terms(v_managed.id, v_controller.id) as e
    join lethe.rules as r on r.id = e.rule_id and r.column_name is null
    where lethe_private.plain_clock_index(v_managed, v_oid, v_controller) is distinct from e.since[1]
    limit 2;
end
$$;

comment on function lethe.suggested_indexes(text) is
  'Indexes that keep a daily cycle cheap, as statements for the table''s owner to review and run.';

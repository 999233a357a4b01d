-- Fills the worklist of one table''s phase and says how many rows it holds.
create or replace function lethe_private.discover(cycle_table lethe.cycle_tables, managed lethe.managed_tables, statement text)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found jsonb;
  v_rows bigint;
begin
  -- Addresses of many rows are sorted and put together here, once a table and not once a batch.
  perform set_config('work_mem', '64MB', true);
  -- The events of millions of rows are grouped in the order of an index in half the time that hashing them takes,
  -- which with so much memory the planner would choose.
  if lethe_private.has_linked_clock(managed) then
    perform set_config('enable_hashagg', 'off', true);
  end if;
  with found as (
    select r.facts, r.target, r.found_tids
    from lethe_private.run_as_sweeper(statement, managed) as r
    where cycle_table.phase <> 'archived'
    union all
    select r.facts, r.target, r.found_tids
    from lethe_private.run_on_archive(statement) as r
    where cycle_table.phase = 'archived'
  ), listed as (
    insert into lethe_private.worklist (cycle_id, table_id, target, tids, flags)
    select cycle_table.cycle_id, cycle_table.table_id, f.target, f.found_tids, f.facts ->> 'flags'
    from found as f
    returning 1
  )
  select coalesce(jsonb_object_agg(t.key, t.total), '{}'), coalesce(max(t.total) filter (where t.key = 'rows'), 0)
    into v_found, v_rows
  from (
    select e.key, sum(e.value::bigint)::bigint as total
    from found as f cross join jsonb_each_text(f.facts - 'flags') as e
    group by e.key
  ) as t;

  update lethe.cycle_tables as c
  set state = 'sweeping',
      pass = c.pass + 1,
      found_in_pass = v_rows,
      done_before_pass = c.rows_done,
      rows_found = case when c.round = 1 and c.pass = 0 then c.rows_found + v_rows else c.rows_found end,
      found = case when c.round = 1 and c.pass = 0 then c.found || (v_found - 'rows') else c.found end
  where c.cycle_id = cycle_table.cycle_id and c.table_id = cycle_table.table_id;
  return v_rows;
end
$$;

comment on function lethe_private.discover(lethe.cycle_tables, lethe.managed_tables, text) is
  'One search for all due rows of a table''s phase.';

-- What a worker needs to know beside the steps themselves: how fast it may go, what a cycle did, and
-- which tables it could not bring to their end. Figures, names of tables and SQLSTATEs; never a row.

create or replace function lethe.pace()
  returns numeric
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set jit = off
begin atomic
  select s.pause_ratio from lethe.settings as s;
end;

comment on function lethe.pace() is 'How long to pause after a batch, as a multiple of the time it took.';

-- Whoever drives a cycle over several connections cannot keep start_cycle's exclusive lock: the other
-- connections would meet it. A shared one still refuses everybody who wants the controller alone, and
-- lets batches through.
create or replace function lethe.share_controller(controller text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_controller lethe.controllers := lethe_private.get_controller(controller);
begin
  perform pg_advisory_lock_shared(lethe_private.lock_id(v_controller.id));
  perform pg_advisory_unlock(lethe_private.lock_id(v_controller.id));
end
$$;

comment on function lethe.share_controller(text) is
  'Turns what start_cycle(..., alone => true) took for this session into a shared lock, until the session ends or unlocks all. Raises LE101.';

create or replace function lethe.cycle_report(cycle_id bigint)
  returns table (
    table_name     text,
    rule           text,
    due            bigint,
    done           bigint,
    held           bigint,
    kept_by_child  bigint,
    skipped        bigint,
    skipped_why    jsonb,
    unclocked      bigint,
    left_over      bigint
  )
  language sql
  stable
  security definer
  set jit = off
begin atomic
  select e.table_name, e.rule, e.due, e.done, e.held, e.kept_by_child, e.skipped, e.skipped_why, e.unclocked, e.left_over
  from lethe.evidence as e
  where e.cycle_id = cycle_report.cycle_id
  order by e.table_name, e.rule;
end;

comment on function lethe.cycle_report(bigint) is 'The evidence of a cycle, for whoever runs it.';

create or replace function lethe.cycle_faults(cycle_id bigint)
  returns table (
    table_name   text,
    state        text,
    sqlstate     text,
    "constraint" text,
    left_over    bigint,
    skipped_why  jsonb
  )
  language sql
  stable
  security definer
  set jit = off
begin atomic
  select t.table_name, t.state, t.failure ->> 'sqlstate', t.failure ->> 'constraint',
    (select sum(e.left_over)::bigint from lethe.evidence as e
     where e.cycle_id = t.cycle_id and e.table_id = t.table_id),
    nullif(t.skipped, '{}')
  from lethe.cycle_tables as t
  where t.cycle_id = cycle_faults.cycle_id and t.state in ('failed', 'left over')
  union all
  select 'request ' || (f.value ->> 'request'), f.value ->> 'state', f.value #>> '{failure,sqlstate}', f.value #>> '{failure,constraint}', null, null
  from lethe.receipts as r
  cross join jsonb_array_elements(r.document -> 'requests') as f
  where r.cycle_id = cycle_faults.cycle_id
  order by 1;
end;

comment on function lethe.cycle_faults(bigint) is
  'The tables, and the requests, that keep a cycle from being complete, and why: SQLSTATE and constraint, or how many rows are left.';

-- One step of one table: a search, or one batch with its evidence. Called again and again, each call a
-- transaction of its own, by lethe.run_cycle and by the worker's tasks alike.
create or replace function lethe.sweep_step(cycle_id bigint, table_id int, paced boolean default false)
  returns lethe.sweep_progress
  language plpgsql
  volatile
  security definer  -- reads the controller's key and writes evidence, which its callers may not
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_started timestamptz := clock_timestamp();
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_controller lethe.controllers;
  v_table lethe.cycle_tables;
  v_program jsonb;
  v_batch lethe_private.worklist;
  v_state text;
begin
  -- Each statement of a batch must see what was committed before it: a hold, a child, a changed row.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LE405',
      message = format('a batch cannot run at isolation level %s', current_setting('transaction_isolation')),
      hint = 'begin the transaction with: set transaction isolation level read committed';
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = v_cycle.controller_id;
  if not pg_try_advisory_xact_lock_shared(lethe_private.lock_id(v_controller.id)) then
    return lethe_private.progress('busy', null, v_started);
  end if;
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id
  for update skip locked;
  if v_table.cycle_id is null then
    return lethe_private.progress(lethe_private.absent_table(v_cycle, sweep_step.table_id), null, v_started);
  elsif v_table.state = 'failed' then
    return lethe_private.progress('failed', v_table, v_started);
  elsif v_cycle.state <> 'open' or v_table.state not in ('waiting', 'sweeping') then
    return lethe_private.progress('done', v_table, v_started);
  elsif paced and not lethe_private.may_sweep_now(v_controller) then
    return lethe_private.progress('wait', v_table, v_started);
  end if;

  if not pg_try_advisory_xact_lock(lethe_private.table_lock_id(sweep_step.table_id)) then
    return lethe_private.progress('busy', v_table, v_started);
  end if;

  -- Tried and not waited for: whoever changes holds may take long to commit.
  if not pg_try_advisory_xact_lock_shared(lethe_private.holds_lock_id()) then
    return lethe_private.progress('busy', v_table, v_started);
  end if;
  perform set_config('lock_timeout', (extract(epoch from s.lock_timeout) * 1000)::bigint::text, true) from lethe.settings as s;
  v_program := lethe_private.program_of(v_cycle, v_table);
  if v_program is null then
    return lethe_private.progress('failed', v_table, v_started);
  end if;
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id;
  select w.* into v_batch from lethe_private.worklist as w
  where w.cycle_id = sweep_step.cycle_id and w.table_id = sweep_step.table_id
  order by w.attempts, w.batch
  limit 1;
  v_state := case when v_batch.batch is not null then lethe_private.take_batch(v_table, v_controller, v_program, v_batch)
    else lethe_private.search_again(v_table, v_program) end;

  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = sweep_step.cycle_id and t.table_id = sweep_step.table_id;
  return lethe_private.progress(v_state, v_table, v_started);
end
$$;

comment on function lethe.sweep_step(bigint, int, boolean) is
  'One batch of one table of a cycle. paced: not outside the time window, nor while replicas lag. After detach, run lethe.detach_statement. Call until the state is done or failed; after retry, wait or busy, pause first. Raises LE403, LE405.';

create or replace function lethe_private.absent_table(cycle lethe.cycles, table_id int)
  returns text
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from lethe.cycle_tables as t where t.cycle_id = cycle.id and t.table_id = absent_table.table_id) then
    raise exception using errcode = 'LE403',
      message = format('cycle %s has no table %s', cycle.id, coalesce(absent_table.table_id::text, '(null)')),
      hint = 'lethe.cycle_tables lists them';
  end if;
  return 'busy';
end
$$;

comment on function lethe_private.absent_table(lethe.cycles, int) is
  'Why a table''s row could not be locked: somebody sweeps it ("busy"), or it is not part of the cycle (LE403).';

create or replace function lethe_private.progress(state text, cycle_table lethe.cycle_tables, started timestamptz)
  returns lethe.sweep_progress
  language sql
  volatile
begin atomic
  select row(
    state,
    cycle_table.rows_done,
    coalesce((select sum(w.rows) from lethe_private.worklist as w
              where w.cycle_id = cycle_table.cycle_id and w.table_id = cycle_table.table_id), 0)::bigint,
    clock_timestamp() - started)::lethe.sweep_progress;
end;

comment on function lethe_private.progress(text, lethe.cycle_tables, timestamptz) is 'What a step reports.';

create or replace function lethe_private.add_skipped(skipped jsonb, phase text, cause text, rows bigint)
  returns jsonb
  language sql
  immutable
return case when rows = 0 then skipped else jsonb_set(
  jsonb_set(skipped, array[phase], coalesce(skipped -> phase, '{}')),
  array[phase, cause], to_jsonb(coalesce((skipped #>> array[phase, cause])::bigint, 0) + rows)) end;

comment on function lethe_private.add_skipped(jsonb, text, text, bigint) is 'Counts rows set aside under their cause.';

-- The batch and its evidence are committed together or not at all. An error undoes the batch alone and
-- is kept as SQLSTATE, constraint and table: its message and detail carry people's data.
create or replace function lethe_private.take_batch(
  cycle_table lethe.cycle_tables, controller lethe.controllers, program jsonb, batch lethe_private.worklist
)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_pads lethe_private.controller_keys;
  v_facts jsonb;
  v_cause jsonb;
  v_state text;
  v_constraint text;
  v_relation text;
  v_locked int := 0;
  v_last_attempt boolean := false;
begin
  begin
    select m.* into strict v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;
    select k.* into strict v_pads from lethe_private.controller_keys as k
    where k.controller_id = controller.id order by k.version desc limit 1;

    if batch.attempts > 1 and cycle_table.phase <> 'archived' then
      v_locked := cardinality(batch.tids);
      select coalesce(r.found_tids, '{}') into batch.tids
      from lethe_private.run_as_sweeper(lethe_private.place(program ->> 'unlocked',
        lethe_private.host_table(v_managed.schema_name, v_managed.table_name), batch.target), v_managed, batch.tids) as r;
      v_locked := v_locked - cardinality(batch.tids);
      -- The batch's own rows are free; what is locked is a row that would go or change with one of them.
      -- The batch is taken apart to find it, and nobody is waited for.
      v_last_attempt := batch.attempts + 1 >= (select s.attempts_max from lethe.settings as s);
      if v_last_attempt then
        perform set_config('lock_timeout', '50ms', true);
      end if;
    end if;
    v_facts := case cycle_table.phase
      when 'columns' then lethe_private.sweep_columns(v_managed, program, batch, v_pads)
      when 'archived' then lethe_private.sweep_archived(program, batch, v_pads)
      else lethe_private.sweep_leaving(v_managed, program -> cycle_table.phase, batch, v_pads)
    end;
  exception
    -- "others" leaves these two out. Where somebody cancels, the context of the error would hold what a
    -- trigger was just doing, row and all; an ASSERT in a trigger is one more way to refuse a row.
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled within a batch, which is undone',
        hint = 'call it again to go on; see statement_timeout if nobody canceled it';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
      v_cause := jsonb_strip_nulls(jsonb_build_object('sqlstate', v_state,
        'constraint', nullif(v_constraint, ''), 'table', nullif(v_relation, '')));
  end;
  if v_cause is not null and v_last_attempt and v_state = '55P03' then
    update lethe.cycle_tables as t
    set skipped = lethe_private.add_skipped(t.skipped, t.phase, '55P03', v_locked)
    where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
    return lethe_private.halve_batch(cycle_table, batch, v_cause);
  elsif v_cause is not null then
    return lethe_private.batch_failed(cycle_table, batch, v_cause);
  end if;

  if (v_facts ->> 'rows')::bigint > 0 then
    insert into lethe.evidence_batches (cycle_id, table_id, phase, rows_done, counts, root, key_version)
    values (cycle_table.cycle_id, cycle_table.table_id, cycle_table.phase, (v_facts ->> 'rows')::bigint,
      v_facts - 'rows' - 'root', v_facts ->> 'root', v_pads.version);
  end if;
  delete from lethe_private.worklist as w
  where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = take_batch.batch.batch;
  update lethe.cycle_tables as t
  set rows_done = t.rows_done + (v_facts ->> 'rows')::bigint, batches = t.batches + 1,
      skipped = lethe_private.add_skipped(t.skipped, t.phase, '55P03', v_locked)
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return 'swept';
end
$$;

comment on function lethe_private.take_batch(lethe.cycle_tables, lethe.controllers, jsonb, lethe_private.worklist) is
  'Sweeps one batch of the worklist. Returns swept, retry or failed.';

-- Three kinds of failure. Somebody holds a lock: later, from the third time on without the locked
-- rows, and at last without those whose children are locked. The database refuses some row (a constraint, a
-- trigger): the batch is halved until that row stands alone, and the others go on. Anything else: the
-- table cannot be swept as it is.
create or replace function lethe_private.batch_failed(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings lethe.settings;
  v_class text := left(cause ->> 'sqlstate', 2);
begin
  select s.* into v_settings from lethe.settings as s;
  if v_class = '40' or cause ->> 'sqlstate' in ('55P03', '55006') then
    if batch.attempts + 1 >= v_settings.attempts_max then
      return lethe_private.table_failed(cycle_table, cause);
    end if;
    update lethe_private.worklist as w set attempts = w.attempts + 1
    where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = batch_failed.batch.batch;
    return 'retry';
  end if;

  if v_class not in ('21', '22', '23', '27', '44', 'P0') and v_class <> '09' then
    return lethe_private.table_failed(cycle_table, cause);
  end if;
  return lethe_private.halve_batch(cycle_table, batch, cause);
end
$$;

comment on function lethe_private.batch_failed(lethe.cycle_tables, lethe_private.worklist, jsonb) is
  'What to do after an error: try again later (retry), halve the batch (swept), or give the table up (failed).';

create or replace function lethe_private.halve_batch(cycle_table lethe.cycle_tables, batch lethe_private.worklist, cause jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_size int := cardinality(batch.tids);
  v_name text := concat_ws(' ', cause ->> 'sqlstate', cause ->> 'constraint');
begin
  if (select s.skipped_rows_max from lethe.settings as s) <= (
    select sum(n.value::bigint) from jsonb_each(cycle_table.skipped) as p cross join jsonb_each_text(p.value) as n)
  then
    return lethe_private.table_failed(cycle_table, cause);
  end if;

  delete from lethe_private.worklist as w
  where w.cycle_id = batch.cycle_id and w.table_id = batch.table_id and w.batch = halve_batch.batch.batch;
  if v_size = 1 then
    update lethe.cycle_tables as t
    set skipped = lethe_private.add_skipped(t.skipped, t.phase, v_name, 1)
    where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
    return 'swept';
  end if;
  insert into lethe_private.worklist (cycle_id, table_id, target, tids, flags, attempts)
  values (batch.cycle_id, batch.table_id, batch.target, batch.tids[:v_size / 2], batch.flags, batch.attempts),
         (batch.cycle_id, batch.table_id, batch.target, batch.tids[v_size / 2 + 1:], batch.flags, batch.attempts);
  return 'swept';
end
$$;

comment on function lethe_private.halve_batch(lethe.cycle_tables, lethe_private.worklist, jsonb) is
  'Takes a batch apart to find the row that cannot be changed, which is skipped once it stands alone; too many of them fail the table.';

create or replace function lethe_private.table_failed(cycle_table lethe.cycle_tables, cause jsonb)
  returns text
  language sql
  volatile
begin atomic
  delete from lethe_private.worklist as w
  where w.cycle_id = cycle_table.cycle_id and w.table_id = cycle_table.table_id;
  update lethe.cycle_tables as t
  set state = 'failed', failure = cause
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id
  returning 'failed'::text;
end;

comment on function lethe_private.table_failed(lethe.cycle_tables, jsonb) is
  'Gives a table up for this cycle, with the cause. The next cycle finds its rows again.';

create or replace function lethe_private.next_phase(phase text, program jsonb)
  returns text
  language sql
  immutable
begin atomic
  with phases as (
    select p, n from unnest(array['purge', 'archive', 'columns', 'archived']) with ordinality as x (p, n)
  )
  select p.p
  from phases as p
  where p.n > (select x.n from phases as x where x.p = next_phase.phase) and jsonb_typeof(program -> p.p) = 'object'
  order by p.n
  limit 1;
end;

comment on function lethe_private.next_phase(text, jsonb) is
  'What a table is swept for next: rows to purge, rows to archive, columns, what is in its archive; null after the last.';

-- The worklist is empty. Search, or, where the last pass changed nothing more, go on to the next phase.
create or replace function lethe_private.search_again(cycle_table lethe.cycle_tables, program jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_managed lethe.managed_tables;
  v_statement text := program #>> array[cycle_table.phase, 'discover'];
  v_together boolean;
  v_found bigint := 0;
  v_state text;
begin
  select m.* into strict v_managed from lethe.managed_tables as m where m.id = cycle_table.table_id;

  if cycle_table.phase = 'purge' and cycle_table.pass = 0 then
    v_state := lethe_private.purge_partition(cycle_table, v_managed, program);
    if v_state is not null then
      return v_state;
    end if;
  end if;

  -- The last pass changed nothing: what is left is kept, or goes all at once or not at all. Tried once.
  v_together := cycle_table.pass > 0 and cycle_table.rows_done = cycle_table.done_before_pass and cycle_table.found_in_pass > 0;
  if v_together then
    v_statement := program #>> array[cycle_table.phase, 'together'];
  end if;
  -- A pass that changed each row it had found leaves nothing to a second one. What was written meanwhile
  -- is found by verification, which reads all of it again in any case.
  if v_statement is not null and (cycle_table.pass = 0 or v_together
    or (cycle_table.rows_done > cycle_table.done_before_pass
      and (cycle_table.found_in_pass = 0 or cycle_table.rows_done - cycle_table.done_before_pass < cycle_table.found_in_pass)))
  then
    begin
      v_found := lethe_private.discover(cycle_table, v_managed, v_statement);
    exception when others then
      get stacked diagnostics v_state = returned_sqlstate;
    end;
    if left(v_state, 2) = '40' or v_state = '55P03' then
      update lethe.cycle_tables as t set attempts = t.attempts + 1
      where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
      if cycle_table.attempts + 1 < (select s.attempts_max from lethe.settings as s) then
        return 'retry';
      end if;
    end if;
    if v_state is not null then
      return lethe_private.table_failed(cycle_table, jsonb_build_object('sqlstate', v_state));
    elsif v_found > 0 and v_together then
      update lethe.cycle_tables as t set found_in_pass = 0
      where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
      return 'discovered';
    elsif v_found > 0 and (v_found < cycle_table.found_in_pass or cycle_table.pass < (select s.rounds_max from lethe.settings as s)) then
      return 'discovered';
    end if;
    -- As many rows are due as before although they were changed: something undoes what we do. Verification
    -- will say what is left.
    delete from lethe_private.worklist as w
    where w.cycle_id = cycle_table.cycle_id and w.table_id = cycle_table.table_id;
  end if;

  update lethe.cycle_tables as t
  set phase = coalesce(lethe_private.next_phase(t.phase, program), t.phase),
      state = case when lethe_private.next_phase(t.phase, program) is null then 'swept' else 'sweeping' end,
      pass = 0,
      done_before_pass = t.rows_done
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return case when lethe_private.next_phase(cycle_table.phase, program) is null then 'done' else 'discovered' end;
end
$$;

comment on function lethe_private.search_again(lethe.cycle_tables, jsonb) is
  'Discovers due rows once more, or ends the phase. Returns discovered, retry, failed or done.';

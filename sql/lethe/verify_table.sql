-- Reads the data again. What a statement said it did counts for nothing here: a trigger or a rewrite rule
-- may have swallowed it, an application may have written since.
create or replace function lethe.verify_table(cycle_id bigint, table_id int)
  returns boolean
  language plpgsql
  volatile
  security definer  -- writes evidence for a worker
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_table lethe.cycle_tables;
  v_managed lethe.managed_tables;
  v_program jsonb;
  v_look jsonb;
  v_unclocked jsonb;
  v_left bigint;
begin
  select t.* into v_table from lethe.cycle_tables as t
  where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id for update;
  -- The cycle cannot end, and be sealed, before this has committed.
  select c.* into v_cycle from lethe.cycles as c where c.id = verify_table.cycle_id for share;
  if not found then
    perform lethe_private.absent_table(v_cycle, verify_table.table_id);
  elsif v_cycle.state <> 'open' or v_table.state in ('waiting', 'sweeping', 'verified') then
    return v_table.state = 'verified';
  end if;

  select m.* into v_managed from lethe.managed_tables as m where m.id = v_table.table_id;
  if v_table.state = 'failed' and v_managed.id is null then
    return false;
  end if;
  v_program := lethe_private.program_of(v_cycle, v_table);
  if v_program is null then
    return false;
  elsif v_program -> 'rules' = '[]' then
    update lethe.cycle_tables as t set state = 'verified'
    where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id and t.state <> 'failed';
    return v_table.state <> 'failed';
  end if;
  begin
    v_look := lethe_private.count_as_sweeper(v_program ->> 'look', v_managed) || lethe_private.look_archived(v_program);
    v_unclocked := lethe_private.count_as_sweeper(v_program ->> 'unclocked', v_managed);
    if v_program ->> 'forget' is not null then
      perform r.facts from lethe_private.run_as_sweeper(v_program ->> 'forget', v_managed) as r;
    end if;
  exception when others then
    v_look := null;
    v_unclocked := null;
    perform lethe_private.table_failed(v_table, jsonb_build_object('sqlstate', sqlstate));
  end;

  perform lethe_private.write_evidence(v_table, v_program, v_look, v_unclocked);
  select sum(e.left_over) into v_left from lethe.evidence as e
  where e.cycle_id = verify_table.cycle_id and e.table_id = verify_table.table_id;

  if v_look is null or v_table.state = 'failed' then
    return false;
  elsif v_left > 0 and v_table.round < (select s.rounds_max from lethe.settings as s)
    and (v_table.round = 1 or v_table.rows_done > v_table.done_before_round)
  then
    -- Written meanwhile, or kept by a child that has left since: once more from the beginning.
    update lethe.cycle_tables as t
    set state = 'waiting', phase = 'purge', pass = 0, round = t.round + 1,
        done_before_round = t.rows_done, done_before_pass = t.rows_done, skipped = '{}'
    where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id;
    return false;
  end if;
  update lethe.cycle_tables as t
  set state = case when v_left > 0 then 'left over' else 'verified' end
  where t.cycle_id = verify_table.cycle_id and t.table_id = verify_table.table_id;
  return v_left = 0;
end
$$;

comment on function lethe.verify_table(bigint, int) is
  'Re-reads one swept table and writes its evidence. True: nothing due is left. False: it waits to be swept again, is left over, or failed. Raises LE403.';

create or replace function lethe_private.write_evidence(cycle_table lethe.cycle_tables, program jsonb, look jsonb, unclocked jsonb)
  returns void
  language sql
  volatile
begin atomic
  insert into lethe.evidence as e
    (cycle_id, table_name, rule, table_id, due, done, held, kept_by_child, skipped, skipped_why, unclocked, left_over)
  select
    cycle_table.cycle_id, coalesce(r.table_name, cycle_table.table_name), r.rule, cycle_table.table_id,
    greatest(coalesce((cycle_table.found ->> r.flag)::bigint, 0)
      + case r.phase when 'purge' then coalesce((cycle_table.found ->> 'partitions')::bigint, 0) else 0 end, l.left_over) + coalesce((look #>> array[r.flag, 'held'])::bigint, 0),
    coalesce((select sum((b.counts ->> r.flag)::bigint) from lethe.evidence_batches as b
              where b.cycle_id = cycle_table.cycle_id and b.table_id = cycle_table.table_id and b.phase = r.phase), 0),
    coalesce((look #>> array[r.flag, 'held'])::bigint, 0),
    coalesce((look #>> array[r.flag, 'kept'])::bigint, 0),
    least(s.skipped, l.left_over),
    case when least(s.skipped, l.left_over) > 0 then cycle_table.skipped -> r.phase end,
    coalesce((unclocked ->> r.flag)::bigint, 0),
    l.left_over
  from jsonb_to_recordset(program -> 'rules') as r (flag text, rule text, phase text, table_name text)
  cross join lateral (
    select coalesce(sum(n.value::bigint), 0)::bigint as skipped
    from jsonb_each_text(cycle_table.skipped -> r.phase) as n) as s
  cross join lateral (
    select (look #>> array[r.flag, 'due'])::bigint - (look #>> array[r.flag, 'held'])::bigint
      - (look #>> array[r.flag, 'kept'])::bigint as left_over) as l
  on conflict (cycle_id, table_name, rule) do update
  set due = excluded.due, done = excluded.done, held = excluded.held, kept_by_child = excluded.kept_by_child,
      skipped = excluded.skipped, skipped_why = excluded.skipped_why, unclocked = excluded.unclocked, left_over = excluded.left_over;

  -- Rows of other tables that went, or were unlinked, with this table's rows.
  insert into lethe.evidence as e (cycle_id, table_name, rule, table_id, due, done, left_over)
  select cycle_table.cycle_id, c."table", c.rule || ' ' || cycle_table.table_name,
    cycle_table.table_id, sum(c.rows), sum(c.rows), 0
  from lethe.evidence_batches as b
  cross join jsonb_to_recordset(b.counts -> 'children') as c ("table" text, rule text, rows bigint)
  where b.cycle_id = cycle_table.cycle_id and b.table_id = cycle_table.table_id
  group by c."table", c.rule
  having sum(c.rows) > 0
  on conflict (cycle_id, table_name, rule) do update set due = excluded.due, done = excluded.done;
end;

comment on function lethe_private.write_evidence(lethe.cycle_tables, jsonb, jsonb, jsonb) is
  'Puts what was found, done and re-read into lethe.evidence, rule by rule.';

-- An erasure that was to be carried out and could not be: as loud as a table that could not be swept.
create or replace function lethe_private.failed_requests(controller_id int)
  returns table (request bigint, failure jsonb)
  language sql
  stable
begin atomic
  select r.id, r.failure
  from lethe.requests as r
  where r.controller_id = failed_requests.controller_id and r.kind = 'erasure' and r.failure is not null
    and r.state in ('approved', 'delayed', 'executed', 'blocked')
  order by r.id;
end;

comment on function lethe_private.failed_requests(int) is 'Erasures of a controller that failed when they were last tried.';

create or replace function lethe.finish_cycle(cycle_id bigint)
  returns text
  language plpgsql
  volatile
  security definer  -- closes the cycle for a worker
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_cycle lethe.cycles := lethe_private.get_cycle(cycle_id);
  v_open int;
begin
  -- Waits for verifications under way, which would write evidence after the seal.
  select c.* into v_cycle from lethe.cycles as c where c.id = finish_cycle.cycle_id for no key update;
  if v_cycle.state <> 'open' then
    return v_cycle.state;
  end if;
  select count(*) into v_open from lethe.cycle_tables as t
  where t.cycle_id = finish_cycle.cycle_id and t.state in ('waiting', 'sweeping', 'swept');
  if v_open > 0 then
    return 'open';
  end if;

  update lethe.cycles as c
  set state = case when exists (
        select from lethe.cycle_tables as t
        where t.cycle_id = finish_cycle.cycle_id and t.state <> 'verified')
        or exists (select from lethe_private.failed_requests(c.controller_id)) then 'incomplete' else 'complete' end,
      finished_at = clock_timestamp()
  where c.id = finish_cycle.cycle_id
  returning * into v_cycle;
  delete from lethe.partition_purges as p where p.cycle_id = finish_cycle.cycle_id and p.how = 'waiting';
  delete from lethe_private.worklist as w where w.cycle_id = finish_cycle.cycle_id;
  delete from lethe_private.exemptions as e where e.until < v_cycle.local_date - 7;
  delete from lethe_private.compiled as p where p.cycle_id = finish_cycle.cycle_id;
  perform lethe_private.purge_packages();
  perform lethe_private.purge_suppressions();
  perform lethe_private.remember_relations();
  perform lethe_private.write_guards();
  perform lethe_private.forget_hold_reasons();
  perform lethe_private.write_receipt(v_cycle);
  perform lethe_private.seal_controller(v_cycle.controller_id);
  return v_cycle.state;
end
$$;

comment on function lethe.finish_cycle(bigint) is
  'Closes a cycle whose tables are all verified, left over or failed: complete, or incomplete (also where an erasure could not be carried out), with its receipt, and sealed; open while some are not. Raises LE403, LE405.';

-- Erasures go on by themselves: approved and not executed yet, delayed by a hold that is over, blocked until a day that has
-- come, executed and not looked at again. Every driver of a cycle takes them, one a transaction, before it sweeps.
create or replace function lethe.requests_to_complete(controller text default null)
  returns setof bigint
  language plpgsql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  if requests_to_complete.controller is not null then
    perform lethe_private.get_controller(requests_to_complete.controller);
  end if;
  return query
    select r.id
    from lethe.requests as r
    join lethe.controllers as c on c.id = r.controller_id
    where r.kind = 'erasure' and c.name = coalesce(requests_to_complete.controller, c.name)
      and (lethe_private.acts_for(c.id) or lethe_private.is_one_of(array['lethe_worker']))
      and (r.state in ('approved', 'executed')
        or r.state = 'blocked' and r.completes_on <= lethe_private.today(c.time_zone)
        or r.state = 'delayed' and not exists (select from lethe_private.holds_in_force() as f where f = any (r.delayed_by)))
    order by r.id;
end
$$;

comment on function lethe.requests_to_complete(text) is
  'Erasures for which something is to be done today, of one controller or all. Raises LE101.';

-- One step in one transaction: executes, or looks again and certifies. Returns the new state; failed: nothing was done, and
-- the cause is in lethe.requests.failure.
create or replace function lethe.advance_request(request bigint)
  returns text
  language plpgsql
  volatile
  security definer  -- as lethe.execute_request
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests;
  v_state text; v_constraint text; v_relation text;
begin
  perform lethe_private.assert_read_committed();
  v_request := lethe_private.get_request(advance_request.request);
  if v_request.state <> 'executed' then
    return case when v_request.state in ('approved', 'delayed', 'blocked') then lethe_private.try_to_execute(v_request.id) else v_request.state end;
  end if;
  begin
    return lethe.verify_request(v_request.id);
  exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
    perform lethe_private.fail_request(v_request.id, v_state, v_relation, v_constraint, null);
    return 'failed';
  end;
end
$$;

comment on function lethe.advance_request(bigint) is
  'The next step of an erasure that waits for nobody; call it until the state is no longer executed. Raises LE114, LE405.';

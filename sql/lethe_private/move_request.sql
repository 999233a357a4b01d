-- One request, locked until the transaction ends, if the login may see it: what is done with it is done once.
create or replace function lethe_private.get_request(id bigint)
  returns lethe.requests
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
begin
  select r.* into v_request from lethe.requests as r where r.id = get_request.id for no key update;
  if not found or not (lethe_private.acts_for(v_request.controller_id) or lethe_private.is_one_of(array['lethe_worker'])) then
    raise exception using errcode = 'LE114',
      message = format('request %s does not exist, or is of a controller you do not act for', get_request.id),
      hint = 'lethe request list';
  end if;
  return v_request;
end
$$;

comment on function lethe_private.get_request(bigint) is 'A request, locked. Raises LE114.';

-- The role that was set, in the API and elsewhere; else the login. A definer's function changes neither.
create or replace function lethe_private.is_one_of(roles text[])
  returns boolean
  language sql
  stable
return lethe_private.is_operator() or exists (
  select from unnest(roles) as r
  where pg_has_role(coalesce(nullif(current_setting('role'), 'none'), session_user)::name, r::name, 'usage'));

comment on function lethe_private.is_one_of(text[]) is 'True when the caller has one of the roles, or is an operator.';

create or replace function lethe_private.move_request(request lethe.requests, to_state text, reason text default null)
  returns lethe.requests
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests;
  v_move lethe.request_moves;
begin
  select m.* into v_move from lethe.request_moves as m
  where m.kind = request.kind and m.from_state = request.state and m.to_state = move_request.to_state;
  if not found then
    raise exception using errcode = 'LE411',
      message = format('request %s is %s and cannot become %s', request.id, request.state, move_request.to_state),
      hint = coalesce('from here it can become ' || (
        select string_agg(m.to_state, ', ' order by m.to_state) from lethe.request_moves as m
        where m.kind = request.kind and m.from_state = request.state), 'nothing follows this state');
  elsif not lethe_private.is_one_of(v_move.moved_by) then
    raise exception using errcode = 'LE502',
      message = format('you may not move request %s from %s to %s', request.id, request.state, move_request.to_state),
      hint = format('it takes %s: see lethe.request_moves', array_to_string(v_move.moved_by, ' or '));
  end if;
  update lethe.requests as r
  set state = move_request.to_state,
      -- What was agreed to was another plan.
      approved_by = case when move_request.to_state not in ('received', 'planned') then r.approved_by end,
      approved_at = case when move_request.to_state not in ('received', 'planned') then r.approved_at end,
      verified_at = case when move_request.to_state <> 'executed' then r.verified_at end,
      -- What failed has been done since.
      failure = case when move_request.to_state not in ('blocked', 'completed') then r.failure end,
      ended_at = case when exists (select from lethe.request_states as s where s.name = move_request.to_state and not s.is_open)
        then coalesce(r.ended_at, clock_timestamp()) end
  where r.id = request.id
  returning r.* into v_request;
  insert into lethe.request_events (request_id, event, from_state, to_state, reason)
  values (request.id, 'moved', request.state, move_request.to_state, move_request.reason);
  if move_request.to_state = 'executed' or request.kind <> 'erasure' and move_request.to_state = 'completed' then
    perform lethe_private.notify_recipients(request.id);
  end if;
  -- Who it was is known as long as something is left to do, and no longer.
  if request.kind <> 'erasure' and move_request.to_state = 'completed' then
    perform lethe_private.forget_identifiers(request.id);
    delete from lethe_private.request_roots as r where r.request_id = request.id;
  end if;
  return v_request;
end
$$;

comment on function lethe_private.move_request(lethe.requests, text, text) is
  'Moves a request, if its kind, its state and the caller allow it, writes that down, and has recipients told once it is done. Raises LE411, LE502.';

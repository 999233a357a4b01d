-- What officers and agents do with a request. Which state follows which, and who may say so, is in lethe.request_moves.
-- Reasons are kept and read by auditors: they name the matter, never the person.
--
--   select lethe.approve_request(7);                        -- a plan that was looked at: approve_request(7, plan_mark)
--   select lethe.pause_request(7, 'a copy of the card was asked for');
--   select lethe.refuse_request(8, 'Art. 17(3)(e): claim 2026/31');

-- An erasure is approved as it was planned. Whoever gives the mark of the plan they looked at cannot approve another.
create or replace function lethe.approve_request(request bigint, plan_mark text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  if v_request.kind = 'erasure' and v_request.state in ('received', 'planned') then
    perform lethe_private.assert_plan_approvable(v_request, approve_request.plan_mark);
  end if;
  perform lethe_private.move_request(v_request, 'approved');
  update lethe.requests as r
  set approved_by = session_user, approved_at = clock_timestamp()
  where r.id = v_request.id;
end
$$;

comment on function lethe.approve_request(bigint, text) is
  'Agrees to a request; to an erasure as it was planned. plan_mark: lethe.requests.plan_mark as it was seen. Raises LE114, LE411, LE415, LE502.';

create or replace function lethe_private.assert_plan_approvable(request lethe.requests, plan_mark text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if request.plan is null then
    raise exception using errcode = 'LE415',
      message = format('request %s has no plan that could be approved', request.id),
      hint = format('lethe request plan %1$s, or select lethe.plan_request(%1$s)', request.id);
  elsif jsonb_array_length(coalesce(nullif(request.plan -> 'refusals', 'null'), '[]')) > 0 then
    raise exception using errcode = 'LE415',
      message = format('the plan of request %s has %s refusals and cannot be approved', request.id, jsonb_array_length(request.plan -> 'refusals')),
      hint = format('lethe request show %s names each and its remedy; then plan it again', request.id);
  elsif assert_plan_approvable.plan_mark <> request.plan_mark then
    raise exception using errcode = 'LE415',
      message = format('the plan of request %s is another than the one that was seen', request.id),
      hint = format('lethe request show %s: look at it again', request.id);
  end if;
end
$$;

comment on function lethe_private.assert_plan_approvable(lethe.requests, text) is
  'Raises LE415 where an erasure has no plan, one with refusals, or another than the one that was seen.';

create or replace function lethe.refuse_request(request bigint, ground text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests, nor who a person is
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  perform lethe_private.assert_reason(v_request, refuse_request.ground, 'refused without a ground');
  perform lethe_private.move_request(v_request, 'refused', btrim(refuse_request.ground));
  perform lethe_private.forget_asker(v_request.id);
end
$$;

comment on function lethe.refuse_request(bigint, text) is
  'Refuses a request, with its ground (GDPR Art. 12(4)), and forgets who asked. Raises LE114, LE411, LE417, LE502.';

create or replace function lethe.withdraw_request(request bigint, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests, nor who a person is
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  perform lethe_private.assert_reason(v_request, withdraw_request.reason, 'withdrawn without a reason');
  perform lethe_private.move_request(v_request, 'withdrawn', btrim(withdraw_request.reason));
  perform lethe_private.forget_asker(v_request.id);
end
$$;

comment on function lethe.withdraw_request(bigint, text) is
  'Ends a request that the person has taken back, and forgets who asked. Raises LE114, LE411, LE417, LE502.';

-- The clock stands still while it is doubted who is asking (Art. 12(6)).
create or replace function lethe.pause_request(request bigint, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  perform lethe_private.assert_reason(v_request, pause_request.reason, 'paused without a reason');
  perform lethe_private.move_request(v_request, 'paused', btrim(pause_request.reason));
  update lethe.requests as r set paused_at = clock_timestamp() where r.id = v_request.id;
end
$$;

comment on function lethe.pause_request(bigint, text) is
  'Stops the clock of a request while it is doubted who is asking. Raises LE114, LE411, LE417, LE502.';

-- What was planned is planned anew: the rows have gone on changing.
create or replace function lethe.resume_request(request bigint)
  returns date
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
  v_days int := lethe_private.days_paused(v_request);
  v_due date;
begin
  perform lethe_private.move_request(v_request, 'received');
  update lethe.requests as r
  set paused_at = null, paused_days = r.paused_days + v_days, due_on = r.due_on + v_days,
      plan = null, plan_mark = null, planned_at = null,
      reminded_at = case when v_days = 0 then r.reminded_at end,
      escalated_at = case when v_days = 0 then r.escalated_at end
  where r.id = v_request.id
  returning r.due_on into v_due;
  return v_due;
end
$$;

comment on function lethe.resume_request(bigint) is
  'Goes on with a request that was paused; it is due as many days later. Returns the new last day. Raises LE114, LE411, LE502.';

create or replace function lethe_private.days_paused(request lethe.requests)
  returns int
  language sql
  stable
begin atomic
  select coalesce(greatest(0, lethe_private.today(c.time_zone) - (request.paused_at at time zone c.time_zone)::date), 0)
  from lethe.controllers as c where c.id = request.controller_id;
end;

comment on function lethe_private.days_paused(lethe.requests) is
  'For how many local days a request has been paused, this time; 0 when it is not.';

-- Art. 12(3): two further months where that is necessary, once, and the person is told of it within the first.
create or replace function lethe.extend_request(request bigint, reason text)
  returns date
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
  v_zone text := (select c.time_zone from lethe.controllers as c where c.id = v_request.controller_id);
  v_due date := least(
    (v_request.due_on + interval '2 months')::date,
    ((v_request.received_at at time zone v_zone)::date + interval '3 months')::date + v_request.paused_days);
begin
  if not lethe_private.is_one_of(array['lethe_officer']) then
    raise exception using errcode = 'LE502',
      message = format('you may not extend request %s', v_request.id),
      hint = 'it takes lethe_officer';
  end if;
  perform lethe_private.assert_reason(v_request, extend_request.reason, 'extended without a reason');
  if v_request.state not in ('received', 'paused', 'planned', 'approved', 'delayed') then
    raise exception using errcode = 'LE416',
      message = format('request %s is %s: there is no answer to be put off', v_request.id, v_request.state),
      hint = 'an answer that is still to be given can be put off, once';
  elsif v_request.extended_at is not null then
    raise exception using errcode = 'LE416',
      message = format('request %s has been extended already', v_request.id),
      hint = 'two months are given once (GDPR Art. 12(3))';
  elsif lethe_private.today(v_zone) > v_request.due_on + lethe_private.days_paused(v_request) then
    raise exception using errcode = 'LE416',
      message = format('request %s was due on %s and cannot be extended any more', v_request.id, v_request.due_on),
      hint = 'the person is told of an extension before the first month is over (GDPR Art. 12(3)); answer at once';
  end if;
  update lethe.requests as r
  set extended_at = clock_timestamp(), due_on = v_due, reminded_at = null, escalated_at = null
  where r.id = v_request.id;
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'extended', btrim(extend_request.reason));
  return v_due;
end
$$;

comment on function lethe.extend_request(bigint, text) is
  'Gives two months more, once, before the first month is over; never beyond three months from receipt, pauses aside. Returns the new last day. Raises LE114, LE416, LE417, LE502.';

create or replace function lethe_private.assert_reason(request lethe.requests, reason text, refused text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(assert_reason.reason, '') !~ '\S' then
    raise exception using errcode = 'LE417',
      message = format('request %s cannot be %s', request.id, assert_reason.refused),
      hint = 'say why, and name the matter, not the person: it is kept';
  end if;
end
$$;

comment on function lethe_private.assert_reason(lethe.requests, text, text) is 'Raises LE417 where no reason is given.';

-- A request that is refused or withdrawn needs nothing of the person any more.
create or replace function lethe_private.forget_asker(request_id bigint)
  returns void
  language sql
  volatile
begin atomic
  delete from lethe_private.request_roots as r where r.request_id = forget_asker.request_id;
  delete from lethe_private.request_identifiers as i where i.request_id = forget_asker.request_id;
  delete from lethe_private.packages as p where p.request_id = forget_asker.request_id;
end;

comment on function lethe_private.forget_asker(bigint) is 'Deletes all that says who a request is about.';

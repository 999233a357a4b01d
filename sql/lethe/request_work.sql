-- What is to be done next, and by nobody in particular: a worker asks now and then, so that a job that was lost costs
-- some minutes and nothing else. Ids alone.
create or replace function lethe.request_work(controller text default null)
  returns table (request bigint, step text, notification bigint)
  language plpgsql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_all boolean := lethe_private.is_one_of(array['lethe_worker']);
  v_agent boolean := not lethe_private.is_one_of(array['lethe_officer', 'lethe_worker']);
begin
  if request_work.controller is not null then
    perform lethe_private.get_controller(request_work.controller);
  end if;
  return query
    select r.id, lethe_private.next_step(r), null::bigint
    from lethe.requests as r join lethe.controllers as c on c.id = r.controller_id
    where c.name = coalesce(request_work.controller, c.name)
      and (v_all or lethe_private.acts_for(c.id))
      and r.state in ('received', 'approved', 'delayed', 'executed', 'blocked')
      and lethe_private.next_step(r) is not null
      and not (v_agent and r.kind = 'erasure' and r.state <> 'received')
    union all
    select n.request_id, 'notify', n.id
    from lethe.notifications as n
    join lethe.requests as r on r.id = n.request_id
    join lethe.controllers as c on c.id = r.controller_id
    where n.state = 'waiting' and not v_agent and c.name = coalesce(request_work.controller, c.name)
      and (v_all or lethe_private.acts_for(c.id))
    order by 1, 3 nulls first;
end
$$;

comment on function lethe.request_work(text) is
  'What is to be done now, and may be done by you, with the requests of the controllers you act for, of all for a worker: plan, execute or verify a request, or notify a recipient of it. Raises LE101.';

-- A person decides between planned and approved, and about every state that is not named here; and what is answered by a
-- person (access, portability, rectification) is ended by that person.
create or replace function lethe_private.next_step(request lethe.requests)
  returns text
  language sql
  stable
begin atomic
  select case
    when request.state = 'received' and request.kind = 'erasure' then 'plan'
    when request.state = 'approved' and request.kind in ('erasure', 'restriction', 'objection') then 'execute'
    when request.state = 'executed' then 'verify'
    when request.state = 'blocked' and request.completes_on <= lethe_private.today(c.time_zone) then 'execute'
    when request.state = 'delayed' and not exists (select from lethe_private.holds_in_force() as f where f = any (request.delayed_by)) then 'execute'
  end
  from lethe.controllers as c where c.id = request.controller_id;
end;

comment on function lethe_private.next_step(lethe.requests) is
  'plan, execute or verify, where that is to be done without anybody deciding anything; else null.';

-- Ten days before the last one a reminder, three days before it, and when it has passed, an escalation; each once.
create or replace function lethe.requests_to_remind()
  returns table (request bigint, kind text, controller text, due_on date, days_left int, level text)
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set jit = off
begin atomic
  select r.id, r.kind, c.name, r.due_on, lethe_private.days_left(r),
    case when lethe_private.days_left(r) <= 3 then 'escalation' else 'reminder' end
  from lethe.requests as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe.request_states as s on s.name = r.state
  where s.is_open and r.state <> 'paused' and r.escalated_at is null
    and lethe_private.days_left(r) <= case when r.reminded_at is null then 10 else 3 end
  order by lethe_private.days_left(r), r.id;
end;

comment on function lethe.requests_to_remind() is
  'Open requests of which somebody should be reminded: a reminder from ten days before the last day on, an escalation from three.';

create or replace function lethe.note_reminder(request bigint, level text)
  returns boolean
  language plpgsql
  volatile
  security definer  -- nobody may write requests
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe.requests as r
  set reminded_at = coalesce(r.reminded_at, clock_timestamp()),
      escalated_at = case note_reminder.level when 'escalation' then clock_timestamp() end
  where r.id = note_reminder.request and r.escalated_at is null and (note_reminder.level = 'escalation' or r.reminded_at is null);
  return found;
end
$$;

comment on function lethe.note_reminder(bigint, text) is
  'Notes that somebody is reminded now; false when that was done already.';

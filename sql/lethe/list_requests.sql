-- While it is paused it loses none.
create or replace function lethe_private.days_left(request lethe.requests)
  returns int
  language sql
  stable
begin atomic
  select request.due_on + lethe_private.days_paused(request) - lethe_private.today(c.time_zone)
  from lethe.controllers as c, lethe.request_states as s
  where c.id = request.controller_id and s.name = request.state and s.is_open;
end;

comment on function lethe_private.days_left(lethe.requests) is
  'Days of the controller until a request is due: 0 on its last day, below zero when overdue, null when it is answered.';

create or replace function lethe.list_requests("all" boolean default false)
  returns table (
    id            bigint,
    controller    text,
    kind          text,
    subject       text,
    roots         int,
    state         text,
    received_on   date,
    due_on        date,
    days_left     int,
    extended      boolean,
    opened_by     name,
    completes_on  date,
    recipients    text,
    failure       jsonb
  )
  language sql
  stable
  security definer  -- agents do not read lethe.controllers
  set jit = off
begin atomic
  select r.id, c.name, r.kind, r.subject, r.roots, r.state,
    (r.received_at at time zone c.time_zone)::date, r.due_on, lethe_private.days_left(r),
    r.extended_at is not null, r.opened_by, r.completes_on,
    (select string_agg(format('%s %s', n.number, n.state), ', ' order by n.state)
     from (select x.state, count(*) as number from lethe.notifications as x where x.request_id = r.id group by x.state) as n),
    r.failure
  from lethe.requests as r
  join lethe.controllers as c on c.id = r.controller_id
  join lethe.request_states as s on s.name = r.state
  where lethe_private.acts_for(r.controller_id) and (list_requests."all" or s.is_open)
  order by s.is_open desc, lethe_private.days_left(r), r.id;
end;

comment on function lethe.list_requests(boolean) is
  'Requests of the controllers you act for that are open, the most urgent first; with all, those that have ended, too. days_left: below zero when overdue, null when answered.';

-- Everything that may be shown of a request, in one document. Who the person is, is not in it.
create or replace function lethe.request_report(request bigint)
  returns jsonb
  language plpgsql
  stable
  security definer  -- agents do not read lethe.controllers
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests;
  v_controller lethe.controllers;
begin
  select r.* into v_request from lethe.requests as r where r.id = request_report.request;
  if not found or not lethe_private.acts_for(v_request.controller_id) then
    raise exception using errcode = 'LE114',
      message = format('request %s does not exist, or is of a controller you do not act for', coalesce(request_report.request::text, '(null)')),
      hint = 'lethe request list';
  end if;
  select c.* into v_controller from lethe.controllers as c where c.id = v_request.controller_id;
  return to_jsonb(v_request) - array['controller_id', 'plan'] || jsonb_build_object(
    'controller', v_controller.name,
    'received_on', (v_request.received_at at time zone v_controller.time_zone)::date,
    'days_left', lethe_private.days_left(v_request),
    'plan', v_request.plan,
    'events', (
      select coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'by', e.by, 'event', e.event, 'from', e.from_state, 'to', e.to_state, 'reason', e.reason) order by e.id), '[]')
      from lethe.request_events as e where e.request_id = v_request.id),
    'findings', (
      select coalesce(jsonb_agg(to_jsonb(f) - 'request_id' order by f.n), '[]')
      from lethe.request_findings as f where f.request_id = v_request.id),
    'notifications', (
      select coalesce(jsonb_agg(to_jsonb(n) - array['request_id', 'recipient_id'] || jsonb_build_object('recipient', p.name) order by n.id), '[]')
      from lethe.notifications as n join lethe.recipients as p on p.id = n.recipient_id where n.request_id = v_request.id),
    'certificates', (
      select coalesce(jsonb_agg(jsonb_build_object('number', x.number, 'issued_at', x.issued_at, 'document', x.document) order by x.number), '[]')
      from lethe.certificates as x where x.request_id = v_request.id));
end
$$;

comment on function lethe.request_report(bigint) is
  'A request with its events, plan, findings, notifications and certificates; never who the person is. Raises LE114.';

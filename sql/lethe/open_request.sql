-- What a person asks for is written down here first, whoever is told: an officer, an agent, an application.
--
--   select lethe.open_request('erasure', 'contact', identifier => 'ada@example.org', controller => 'north');
--   select lethe.open_request('access', 'contact', key => '4711', received_on => '2026-11-02');
--
-- The answer is due 30 days from receipt and never later than one calendar month (GDPR Art. 12(3); 31 January: 28 or
-- 29 February), counted in days of the controller.
create or replace function lethe_private.answer_due(received_on date)
  returns date
  language sql
  immutable
return least(received_on + 30, (received_on + interval '1 month')::date);

comment on function lethe_private.answer_due(date) is 'The last day to answer a request that was received on a day.';

create or replace function lethe_private.requests_lock_id(controller_id int)
  returns bigint
  language sql
  immutable
return (x'4c455451'::bigint << 32) + controller_id;  -- "LETQ"

comment on function lethe_private.requests_lock_id(int) is
  'The advisory lock under which requests of a controller are opened, one after the other: none is opened twice.';

create or replace function lethe.open_request(
  kind text,
  subject text,
  key text default null,
  identifier text default null,
  controller text default null,
  received_at timestamptz default now(),
  received_on date default null,
  identified_by text default null
)
  returns bigint
  language plpgsql
  volatile
  security definer  -- nobody may write requests, nor read who a person is
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type lethe.subject_types := lethe_private.requested_type(open_request.kind, open_request.subject, open_request.identified_by);
  v_managed lethe.managed_tables;
  v_controller lethe.controllers;
  v_received_at timestamptz;
  v_keys text[];
  v_id bigint;
begin
  select m.* into v_managed from lethe.managed_tables as m where m.id = v_type.table_id;
  v_controller := lethe_private.request_controller(v_type, v_managed, open_request.controller);
  v_received_at := coalesce(open_request.received_on::timestamp at time zone v_controller.time_zone, open_request.received_at, now());
  if num_nonnulls(open_request.key, open_request.identifier) <> 1 or open_request.identifier is not null and v_type.identifiers = '{}' then
    raise exception using errcode = 'LE412',
      message = format('a request of a %s names neither a key nor an identifier, or both', v_type.name),
      hint = 'give the key of its row, or what stands in one of: ' || coalesce(nullif(array_to_string(v_type.identifiers, ', '), ''), '(none declared)');
  elsif not isfinite(v_received_at) or v_received_at > clock_timestamp() then
    raise exception using errcode = 'LE413',
      message = 'a request cannot have been received in the future, nor never',
      hint = 'received_at is a moment that has passed; received_on a day, where the controller is';
  end if;
  perform pg_advisory_xact_lock(lethe_private.requests_lock_id(v_controller.id));
  v_keys := lethe_private.find_person(v_type, v_managed, v_controller, open_request.key, open_request.identifier);
  if v_keys = '{}' then
    raise exception using errcode = 'LE412',
      message = format('no %s of controller %s is known by this %s', v_type.name, v_controller.name,
        case when open_request.key is null then 'identifier' else 'key' end),
      hint = 'identifiers are compared whole; a key is written as one text, one of several columns as a JSON array: ["a", 1]';
  end if;
  perform lethe_private.assert_not_open(open_request.kind, v_managed, v_controller, v_keys);

  insert into lethe.requests (controller_id, kind, subject, received_at, due_on, roots)
  values (v_controller.id, open_request.kind, v_type.name, v_received_at,
    lethe_private.answer_due((v_received_at at time zone v_controller.time_zone)::date), cardinality(v_keys))
  returning id into v_id;
  insert into lethe_private.request_roots (request_id, n, table_id, key)
  select v_id, k.n, v_managed.id, k.key from unnest(v_keys) with ordinality as k (key, n);
  insert into lethe.request_events (request_id, event, to_state) values (v_id, 'opened', 'received');
  -- Later the row may have another address, or none.
  if open_request.kind not in ('access', 'portability') then
    perform lethe_private.keep_identifiers(v_id);
  end if;
  return v_id;
end
$$;

comment on function lethe.open_request(text, text, text, text, text, timestamptz, date, text) is
  'Opens a request of a person, who is named by the key of its row or by an identifier (identified_by: in this column alone); all root rows that fit. received_on: the day where the controller is, instead of received_at. Returns its id. Raises LE101, LE106, LE109, LE412, LE413, LE414, LE441, LE501, LE502.';

create or replace function lethe_private.requested_type(kind text, subject text, identified_by text)
  returns lethe.subject_types
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
begin
  if not lethe_private.is_one_of(array['lethe_officer', 'lethe_agent']) then
    raise exception using errcode = 'LE502',
      message = 'you may not open requests',
      hint = 'it takes lethe_officer or lethe_agent';
  elsif not exists (select from lethe.request_moves as m where m.kind = requested_type.kind) then
    raise exception using errcode = 'LE106',
      message = format('%s is no kind of request', coalesce(quote_literal(requested_type.kind), 'null')),
      hint = (select string_agg(distinct m.kind, ', ') from lethe.request_moves as m);
  end if;
  select s.* into v_type from lethe.subject_types as s where s.name = requested_type.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %s does not exist', coalesce(quote_literal(requested_type.subject), 'null')),
      hint = 'lethe.subject_types lists them';
  elsif requested_type.identified_by is not null and requested_type.identified_by <> all (v_type.identifiers) then
    raise exception using errcode = 'LE412',
      message = format('a %s is not known by %s', v_type.name, requested_type.identified_by),
      hint = 'by the key of its row, or by: ' || coalesce(nullif(array_to_string(v_type.identifiers, ', '), ''), '(none declared)');
  elsif requested_type.identified_by is not null then
    v_type.identifiers := array[requested_type.identified_by];
  end if;
  return v_type;
end
$$;

comment on function lethe_private.requested_type(text, text, text) is
  'The subject type of a request, its identifiers narrowed to the one that was named. Raises LE106, LE109, LE412, LE502.';

create or replace function lethe_private.request_controller(type lethe.subject_types, managed lethe.managed_tables, controller text)
  returns lethe.controllers
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_found lethe.controllers[] := case
    when request_controller.controller is not null then array[lethe_private.get_controller(request_controller.controller)]
    else array(select c from lethe.controllers as c where lethe_private.has_controller(managed, c)) end;
begin
  if cardinality(v_found) <> 1 then
    raise exception using errcode = 'LE412',
      message = format('a request of a %s does not say of which controller', type.name),
      hint = format('name the controller: %s has rows of several', lethe_private.plain_name(managed));
  end if;
  perform lethe_private.assert_may_change(v_found[1].id);
  if not lethe_private.has_controller(managed, v_found[1]) then
    raise exception using errcode = 'LE412',
      message = format('controller %s has no %s', v_found[1].name, type.name),
      hint = format('lethe.managed_tables says whose rows %s has', lethe_private.plain_name(managed));
  end if;
  return v_found[1];
end
$$;

comment on function lethe_private.request_controller(lethe.subject_types, lethe.managed_tables, text) is
  'The controller of whom something is asked. Raises LE101, LE412, LE502.';

-- One that is about fewer rows does not stand in the way: what it leaves out would never be answered.
create or replace function lethe_private.assert_not_open(kind text, managed lethe.managed_tables, controller lethe.controllers, keys text[])
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_open bigint;
begin
  select min(r.id) into v_open
  from lethe.requests as r join lethe.request_states as s on s.name = r.state
  where r.controller_id = controller.id and r.kind = assert_not_open.kind and s.is_open
    and not exists (
      select from unnest(keys) as k
      where not exists (
        select from lethe_private.request_roots as o where o.request_id = r.id and o.table_id = managed.id and o.key = k));
  if v_open is not null then
    raise exception using errcode = 'LE414',
      message = format('request %s of this person, for %s, is open already', v_open, assert_not_open.kind),
      hint = format('go on with it (lethe request show %s), or withdraw it first', v_open);
  end if;
end
$$;

comment on function lethe_private.assert_not_open(text, lethe.managed_tables, lethe.controllers, text[]) is
  'Raises LE414 where an open request of the same kind is about these root rows.';

-- What a replay does again it does as a request, so that it is planned, done in one transaction and certified like any
-- other; the officer who approved it did so before the backup was put back. One that is open already is gone on with.
create or replace function lethe_private.replay_request(
  kind text, type lethe.subject_types, controller lethe.controllers, key text, received_at timestamptz, number bigint
)
  returns bigint
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request bigint;
  v_state text;
begin
  select r.id, r.state into v_request, v_state
  from lethe.requests as r
  join lethe.request_states as s on s.name = r.state and s.is_open
  where r.kind = replay_request.kind and r.controller_id = controller.id and r.subject = type.name
    and exists (
      select from lethe_private.request_roots as o
      where o.request_id = r.id and o.table_id = type.table_id and o.key = replay_request.key)
    -- Not one that would take further rows with it, which no entry names.
    and not exists (
      select from lethe_private.request_roots as o
      where o.request_id = r.id
        and not exists (
          select from lethe_private.replay_matches as m
          where m.number = replay_request.number and m.table_id = o.table_id and m.key = o.key
            and m.by_key and (m.by_identifier or replay_request.kind <> 'erasure'))
        and not exists (
          select from lethe_private.replay_finding_keys as k join lethe.replay_findings as f on f.id = k.finding_id
          where k.table_id = o.table_id and k.key = o.key and f.decision = 'erase'))
  order by r.id
  limit 1
  for no key update of r;
  if v_request is null then
    v_request := lethe.open_request(replay_request.kind, type.name, key => replay_request.key, controller => controller.name, received_at => replay_request.received_at);
    v_state := 'received';
  elsif v_state = 'paused' then
    perform lethe.resume_request(v_request);
    v_state := 'received';
  end if;
  if replay_request.kind = 'erasure' then
    perform lethe.plan_request(v_request);
    perform lethe.approve_request(v_request);
  elsif v_state = 'received' then
    perform lethe.approve_request(v_request);
  end if;
  insert into lethe.request_events (request_id, event, reason)
  values (v_request, 'replayed', format('replay of ledger entry %s', replay_request.number));
  return v_request;
end
$$;

comment on function lethe_private.replay_request(text, lethe.subject_types, lethe.controllers, text, timestamptz, bigint) is
  'An approved request about one root row, for an entry of the ledger. Raises what opening, planning and approving raise.';

-- Rows of which somebody has decided already, or that a law keeps after an erasure that is known here.
create or replace function lethe_private.replay_explained_by(table_id int, key text)
  returns bigint
  language sql
  stable
begin atomic
  select r.id
  from lethe_private.request_roots as o
  join lethe.requests as r on r.id = o.request_id
  where o.table_id = replay_explained_by.table_id and o.key = replay_explained_by.key
    and r.kind = 'erasure' and r.state in ('delayed', 'executed', 'blocked', 'completed')
  order by r.id desc
  limit 1;
end;

comment on function lethe_private.replay_explained_by(int, text) is
  'The erasure that has reached a root row already: what is there of it a law or a hold keeps. Null: none has.';

create or replace function lethe_private.replay_is_explained(table_id int, key text)
  returns boolean
  language sql
  stable
return lethe_private.replay_explained_by(replay_is_explained.table_id, replay_is_explained.key) is not null;

comment on function lethe_private.replay_is_explained(int, text) is 'True of a root row that an erasure has reached already.';

create or replace function lethe_private.replay_type(subject text)
  returns lethe.subject_types
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_type lethe.subject_types;
begin
  select s.* into v_type from lethe.subject_types as s where s.name = replay_type.subject;
  if not found then
    raise exception using errcode = 'LE109',
      message = format('subject type %L, of which the ledger speaks, does not exist', replay_type.subject),
      hint = 'the backup has an older policy: lethe policy apply the one that was in force, then lethe replay again';
  end if;
  return v_type;
end
$$;

comment on function lethe_private.replay_type(text) is 'The subject type that an entry names. Raises LE109.';

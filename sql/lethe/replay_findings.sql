create or replace function lethe_private.replay_undecided()
  returns setof int
  language sql
  stable
begin atomic
  select f.id from lethe.replay_findings as f
  where f.decision is null and exists (select from lethe_private.replay_finding_keys as k where k.finding_id = f.id);
end;

comment on function lethe_private.replay_undecided() is 'Findings of the replay under way that nobody has decided.';

-- With the row they are about: nobody could decide without looking at it.
create or replace function lethe.list_replay_findings()
  returns table (
    id int, number bigint, entry_at timestamptz, controller text, subject text, how text, failure jsonb,
    table_name text, key text, decision text, decided_by name, state text
  )
  language sql
  stable
  security definer  -- nobody may read the keys
begin atomic
  select f.id, f.number, f.entry_at, c.name, f.subject, f.how, f.failure, lethe_private.plain_name(m), k.key, f.decision, f.decided_by, r.state
  from lethe.replay_findings as f
  join lethe_private.replay_finding_keys as k on k.finding_id = f.id
  join lethe.managed_tables as m on m.id = k.table_id
  join lethe.controllers as c on c.id = f.controller_id
  left join lethe.requests as r on r.id = f.request_id
  where lethe_private.acts_for(f.controller_id)
  order by f.id;
end;

comment on function lethe.list_replay_findings() is
  'What a replay has found and a person decides, of the controllers you act for, with the key of each row. Emptied when the replay has ended; lethe.replay_findings keeps what was decided.';

create or replace function lethe.decide_replay_finding(id int, decision text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write findings
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_finding lethe.replay_findings;
begin
  select f.* into v_finding from lethe.replay_findings as f
  where f.id = decide_replay_finding.id and exists (select from lethe_private.replay_finding_keys as k where k.finding_id = f.id)
  for update;
  if v_finding.id is null or not lethe_private.acts_for(v_finding.controller_id) or v_finding.request_id is not null then
    raise exception using errcode = 'LE457',
      message = format('finding %s of a replay does not exist, has been carried out, or is of a controller you do not act for', coalesce(decide_replay_finding.id::text, '(null)')),
      hint = 'lethe replay --list, or select * from lethe.list_replay_findings()';
  elsif decide_replay_finding.decision is null or decide_replay_finding.decision not in ('erase', 'keep') then
    raise exception using errcode = 'LE457',
      message = format('finding %s of a replay can be decided in two ways only', v_finding.id),
      hint = 'erase: it is of the person who was forgotten; keep: it is somebody else''s, or the person has come back';
  end if;
  update lethe.replay_findings as f
  set decision = decide_replay_finding.decision, decided_by = session_user, decided_at = clock_timestamp()
  where f.id = v_finding.id;
end
$$;

comment on function lethe.decide_replay_finding(int, text) is
  'Decides a finding of a replay: erase or keep; the next lethe replay carries it out. Raises LE457.';

create or replace function lethe.replay_to_erase()
  returns table (id int, request_id bigint)
  language sql
  stable
  security definer  -- nobody may read the keys
begin atomic
  select f.id, f.request_id
  from lethe.replay_findings as f
  join lethe_private.replay_finding_keys as k on k.finding_id = f.id
  left join lethe.requests as r on r.id = f.request_id
  where f.decision = 'erase' and f.how <> 'failed' and coalesce(r.state not in ('delayed', 'executed', 'blocked', 'completed'), true)
  order by f.id;
end;

comment on function lethe.replay_to_erase() is 'Findings that were decided to be erased, and are not yet.';

-- Somebody has decided; from here on it is an erasure like any other, with an entry of its own. Null: another one has reached
-- the row meanwhile.
create or replace function lethe.replay_open(finding int)
  returns bigint
  language plpgsql
  volatile
  security definer  -- nobody may read the keys
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_finding lethe.replay_findings;
  v_row lethe_private.replay_finding_keys;
  v_controller lethe.controllers;
  v_reached bigint;
begin
  perform lethe_private.assert_may_change(null);
  select f.* into v_finding from lethe.replay_findings as f where f.id = replay_open.finding for update;
  if v_finding.request_id is null then
    select k.* into strict v_row from lethe_private.replay_finding_keys as k where k.finding_id = v_finding.id;
    v_reached := lethe_private.replay_explained_by(v_row.table_id, v_row.key);
    select c.* into v_controller from lethe.controllers as c where c.id = v_finding.controller_id;
    v_finding.request_id := coalesce(v_reached, lethe_private.replay_request(
      'erasure', lethe_private.replay_type(v_finding.subject), v_controller, v_row.key, v_finding.entry_at, v_finding.number));
    update lethe.replay_findings as f set request_id = v_finding.request_id where f.id = v_finding.id;
  end if;
  return case when v_reached is null then v_finding.request_id end;
end
$$;

comment on function lethe.replay_open(int) is
  'Opens and approves the request by which a finding is erased. Returns its id; null where another request has reached the row. Raises LE502, and what opening a request raises.';

-- A hold kept them when their turn came, and has been released since.
create or replace function lethe.replay_delayed()
  returns setof bigint
  language sql
  stable
  security definer  -- nobody may read what holds keep
begin atomic
  select r.id
  from lethe.requests as r
  where r.kind = 'erasure' and r.state = 'delayed' and lethe_private.next_step(r) = 'execute'
    and exists (select from lethe.request_events as e where e.request_id = r.id and e.event = 'replayed')
  order by r.id;
end;

comment on function lethe.replay_delayed() is 'Requests of replays that were delayed by a hold, and can be executed by now.';

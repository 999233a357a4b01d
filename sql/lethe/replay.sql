-- After a backup was put back, what the ledger knows and this database does not is done again. src/ledger/replay.ts
-- reads the ledger and calls these, each a transaction, in this order; killed anywhere and begun again it ends the same.

create or replace function lethe.begin_replay()
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_may_change(null);
  update lethe_private.ledger_state as s set replaying = true where not s.replaying;
end
$$;

comment on function lethe.begin_replay() is 'Closes the gate until finish_replay opens it. Raises LE502.';

create or replace function lethe.replay_match(subject text, controller text, pads bytea, wanted jsonb)
  returns int
  language plpgsql
  volatile
  security definer  -- reads the archive, and host tables as lethe_sweeper
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_type lethe.subject_types := lethe_private.replay_type(subject);
  v_controller lethe.controllers := lethe_private.get_controller(controller);
  v_rows jsonb;
  v_count int;
begin
  perform lethe_private.assert_may_change(null);
  v_rows := lethe_private.replay_match(v_type, v_controller, pads, wanted);
  delete from lethe_private.replay_matches as m
  where m.number in (select (w ->> 'number')::bigint from jsonb_array_elements(wanted) as w);
  with hashes as materialized (
    select (w ->> 'number')::bigint as number, false as is_root, h
    from jsonb_array_elements(wanted) as w cross join lateral jsonb_array_elements_text(w -> 'identifiers') as h
    union all
    select (w ->> 'number')::bigint, true, h
    from jsonb_array_elements(wanted) as w cross join lateral jsonb_array_elements_text(w -> 'roots') as h
  ), found as (
    select r ->> 'key' as key, true as is_root, r ->> 'root' as h from jsonb_array_elements(v_rows) as r
    union all
    select r ->> 'key', false, h from jsonb_array_elements(v_rows) as r cross join lateral jsonb_array_elements_text(r -> 'identifiers') as h
  ), matches as (
    select w.number, f.key, bool_or(w.is_root) as by_key, bool_or(not w.is_root) as by_identifier
    from hashes as w join found as f using (h, is_root)
    group by w.number, f.key
  )
  insert into lethe_private.replay_matches (number, subject, controller_id, table_id, key, by_key, by_identifier)
  select m.number, v_type.name, v_controller.id, v_type.table_id, m.key, m.by_key, m.by_identifier
  from matches as m;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function lethe.replay_match(text, text, bytea, jsonb) is
  'Looks for the people of some entries, [{number, roots, identifiers}], all in one pass, and keeps what fits. Returns how many rows fit. Raises LE101, LE109, LE501, LE502.';

-- What a person has to decide: the record was there before the backup was made although it had been forgotten, or
-- it has come since; or the key has been given to somebody else. Sequences have gone back with the database, so a key alone,
-- where no identifier is known that would say whose it is, may be that of somebody who has come since.
create or replace function lethe.replay_find(entries jsonb)
  returns int
  language plpgsql
  volatile
  security definer  -- nobody may read what fits
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_count int;
begin
  perform lethe_private.assert_may_change(null);
  with entries as materialized (
    select (e ->> 'number')::bigint as number, (e ->> 'at')::timestamptz as at, (e ->> 'replays')::boolean as replays
    from jsonb_array_elements(replay_find.entries) as e
  ), fits as materialized (
    select m.*, e.at, e.replays, e.replays and m.by_key and m.by_identifier as is_erased
    from lethe_private.replay_matches as m join entries as e on e.number = m.number
  ), found as (
    select distinct on (f.table_id, f.key) f.*, nextval(pg_get_serial_sequence('lethe.replay_findings', 'id')) as id
    from fits as f
    where (f.by_identifier or f.replays)
      and not exists (select from fits as x where x.table_id = f.table_id and x.key = f.key and x.is_erased)
      and not lethe_private.replay_is_explained(f.table_id, f.key)
      and not exists (select from lethe_private.replay_finding_keys as k where k.table_id = f.table_id and k.key = f.key)
    order by f.table_id, f.key, f.by_identifier desc, f.number desc
  ), findings as (
    insert into lethe.replay_findings (id, number, entry_at, controller_id, subject, how)
    overriding system value
    select f.id, f.number, f.at, f.controller_id, f.subject, case when f.by_identifier then 'identifier' else 'key' end
    from found as f
    returning id
  )
  insert into lethe_private.replay_finding_keys (finding_id, table_id, key)
  select f.id, f.table_id, f.key from found as f join findings as x on x.id = f.id;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

comment on function lethe.replay_find(jsonb) is
  'Turns what fits some entries, [{number, at, replays}], and is not to be erased again without asking, into findings. Returns how many are new. Raises LE502.';

-- One entry, one transaction: the old record is forgotten again, and that the entry is known here is written with it.
create or replace function lethe.replay_erase(number bigint, hash text, at timestamptz)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- nobody may read what fits
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_match lethe_private.replay_matches;
  v_controller lethe.controllers;
  v_states text[] := '{}';
  v_state text;
  v_table text;
  v_constraint text;
begin
  perform lethe_private.assert_may_change(null);
  for v_match in
    select m.* from lethe_private.replay_matches as m
    where m.number = replay_erase.number and m.by_key and m.by_identifier
      and not lethe_private.replay_is_explained(m.table_id, m.key)
      and not exists (
        select from lethe_private.replay_finding_keys as k join lethe.replay_findings as f on f.id = k.finding_id
        where k.table_id = m.table_id and k.key = m.key and f.decision = 'keep')
    order by m.key
  loop
    -- An erasure of the same entry may have reached it by now.
    continue when lethe_private.replay_is_explained(v_match.table_id, v_match.key);
    select c.* into v_controller from lethe.controllers as c where c.id = v_match.controller_id;
    v_states := v_states || lethe.execute_request(
      lethe_private.replay_request('erasure', lethe_private.replay_type(v_match.subject), v_controller, v_match.key, replay_erase.at, replay_erase.number),
      replay_erase.number, replay_erase.hash);
  end loop;
  perform lethe_private.know_entry(replay_erase.number, replay_erase.hash);
  delete from lethe.replay_findings as f where f.number = replay_erase.number and f.how = 'failed' and f.decision is distinct from 'keep';
  return jsonb_build_object('erased', cardinality(v_states), 'delayed', cardinality(array_positions(v_states, 'delayed')),
    'matched', exists (select from lethe_private.replay_matches as m where m.number = replay_erase.number));
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_table = table_name, v_constraint = constraint_name;
  if v_state = 'LE502' or v_match.number is null then
    raise;
  end if;
  return lethe_private.replay_failed(v_match, replay_erase.at, jsonb_strip_nulls(jsonb_build_object(
    'sqlstate', v_state, 'table', nullif(v_table, ''), 'constraint', nullif(v_constraint, ''))));
end
$$;

comment on function lethe.replay_erase(bigint, text, timestamptz) is
  'Forgets again whom an entry is about. Returns how many records, how many of them a hold delays, and whether any record fits at all; or the failure, which becomes a finding. Raises LE502.';

create or replace function lethe_private.replay_failed(match lethe_private.replay_matches, at timestamptz, failure jsonb)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_id int;
begin
  select k.finding_id into v_id from lethe_private.replay_finding_keys as k where k.table_id = match.table_id and k.key = match.key;
  if v_id is null then
    insert into lethe.replay_findings (number, entry_at, controller_id, subject, how, failure)
    values (match.number, replay_failed.at, match.controller_id, match.subject, 'failed', replay_failed.failure)
    returning id into v_id;
    insert into lethe_private.replay_finding_keys (finding_id, table_id, key) values (v_id, match.table_id, match.key);
  else
    update lethe.replay_findings as f
    set number = match.number, how = 'failed', failure = replay_failed.failure, decision = null, decided_by = null, decided_at = null
    where f.id = v_id;
  end if;
  return jsonb_build_object('finding', v_id, 'failure', replay_failed.failure);
end
$$;

comment on function lethe_private.replay_failed(lethe_private.replay_matches, timestamptz, jsonb) is
  'Makes a finding of a record that could not be erased.';

create or replace function lethe.finish_replay(number bigint, hash text)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_may_change(null);
  if exists (select from lethe_private.replay_undecided()) or exists (select from lethe.replay_to_erase()) then
    raise exception using errcode = 'LE451',
      message = 'the replay has findings that wait for a decision, or decisions that wait to be carried out',
      hint = 'lethe replay --list, lethe replay --decide ID=erase|keep, then lethe replay again';
  end if;
  perform lethe.settle_ledger(finish_replay.number, finish_replay.hash);
  update lethe_private.ledger_state as s set replaying = false;
  delete from lethe_private.replay_matches;
  delete from lethe_private.replay_finding_keys;
end
$$;

comment on function lethe.finish_replay(bigint, text) is
  'Opens the gate: everything up to an entry is known here, and nothing is left to decide. Raises LE451, LE502.';

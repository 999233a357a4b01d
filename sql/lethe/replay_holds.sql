-- Holds and restrictions, as an entry of the ledger says them. What the database had placed before the backup was
-- made, and shipped after, is there already: it is known by its number and moment.
create or replace function lethe.replay_hold(number bigint, hash text, entry jsonb, content jsonb)
  returns text
  language plpgsql
  volatile
  security definer  -- nobody may read what fits
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold int;
  v_outcome text := 'there already';
  v_holds int[];
begin
  perform lethe_private.assert_may_change(null);
  v_hold := lethe_private.same_hold((entry ->> 'hold')::int, content ->> 'placed_at');
  if v_hold is not null then
    v_holds := array[v_hold];
  elsif (content ->> 'ends_on')::date < lethe_private.controller_day((select c.id from lethe.controllers as c where c.name = entry ->> 'controller')) then
    v_outcome := 'over';
  else
    v_holds := lethe_private.place_again(replay_hold.number, entry, content);
    v_outcome := case when v_holds = '{}' then 'nobody' else 'placed' end;
  end if;
  insert into lethe_private.ledger_holds (hold_id, event, number)
  select h, entry ->> 'event', replay_hold.number from unnest(v_holds) as h
  on conflict do nothing;
  perform lethe_private.know_entry(replay_hold.number, replay_hold.hash);
  return v_outcome;
end
$$;

comment on function lethe.replay_hold(bigint, text, jsonb, jsonb) is
  'Places a hold or a restriction again: placed, there already, over (its last day has passed), nobody (not in this database). Raises what placing one raises.';

create or replace function lethe_private.same_hold(id int, placed_at text)
  returns int
  language sql
  stable
return (select h.id from lethe.holds as h where h.id = same_hold.id and lethe_private.utc_text(h.placed_at) = same_hold.placed_at);

comment on function lethe_private.same_hold(int, text) is 'The hold of that number, if it was placed at that moment.';

create or replace function lethe_private.place_again(number bigint, entry jsonb, content jsonb)
  returns int[]
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_controller lethe.controllers;
  v_type lethe.subject_types;
  v_key text;
  v_request bigint;
  v_holds int[] := '{}';
  v_reason text := content ->> 'reason';
  v_ends_on date := content ->> 'ends_on';
begin
  if content ->> 'kind' = 'rows' then
    return array[lethe.hold_rows(v_reason, content ->> 'table', content ->> 'when', v_ends_on, entry ->> 'controller')];
  elsif content ->> 'kind' = 'table' then
    return array[lethe.hold_table(v_reason, content ->> 'table', v_ends_on, entry ->> 'controller')];
  elsif content ->> 'kind' = 'keys' then
    return array[lethe_private.hold_keys_again(entry, content)];
  end if;
  v_controller := lethe_private.get_controller(entry ->> 'controller');
  v_type := lethe_private.replay_type(entry ->> 'subject');
  -- Rather too far than too short: what one identifier alone fits is held as well.
  for v_key in select m.key from lethe_private.replay_matches as m where m.number = place_again.number order by m.key loop
    if entry ->> 'event' = 'restriction' then
      v_request := lethe_private.replay_request('restriction', v_type, v_controller, v_key, (entry ->> 'received_at')::timestamptz, place_again.number);
      perform lethe.execute_request(v_request);
      v_holds := v_holds || array(select h.id from lethe.holds as h where h.request_id = v_request);
    else
      v_holds := v_holds || lethe.hold_person(v_reason, v_type.name, key => v_key, ends_on => v_ends_on, controller => v_controller.name);
    end if;
  end loop;
  return v_holds;
end
$$;

comment on function lethe_private.place_again(bigint, jsonb, jsonb) is 'The holds that an entry asks for, placed.';

create or replace function lethe_private.hold_keys_again(entry jsonb, content jsonb)
  returns int
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold int;
begin
  insert into lethe.holds (controller_id, reason, ends_on)
  select (select c.id from lethe.controllers as c where c.name = entry ->> 'controller'), content ->> 'reason', (content ->> 'ends_on')::date
  returning id into v_hold;
  insert into lethe_private.held_keys (hold_id, table_id, key)
  select v_hold, (lethe_private.get_managed(k ->> 0)).id, k ->> 1
  from jsonb_array_elements(coalesce(nullif(content -> 'keys', 'null'), '[]')) as k;
  perform lethe_private.write_guards();
  return v_hold;
end
$$;

comment on function lethe_private.hold_keys_again(jsonb, jsonb) is 'A hold on rows by key, as an entry has it.';

-- Who is restricted is told before that ends; that was done.
create or replace function lethe.replay_release(number bigint, hash text, entry jsonb, content jsonb)
  returns int
  language plpgsql
  volatile
  security definer  -- nobody may read the state of the ledger
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_hold lethe.holds;
  v_count int := 0;
begin
  perform lethe_private.assert_may_change(null);
  for v_hold in
    select h.* from lethe.holds as h
    where h.id in (
      select s.hold_id from lethe_private.ledger_holds as s where s.number = (entry ->> 'of')::bigint
      union select lethe_private.same_hold((entry ->> 'hold')::int, content ->> 'placed_at'))
    order by h.id
  loop
    if v_hold.released_at is null and v_hold.request_id is not null then
      perform lethe.note_told(v_hold.request_id, format('before the backup was put back: ledger entry %s', replay_release.number));
      perform lethe.lift_restriction(v_hold.request_id, coalesce(content ->> 'reason', 'lifted before'));
      v_count := v_count + 1;
    elsif v_hold.released_at is null then
      perform lethe.release_hold(v_hold.id, coalesce(content ->> 'reason', 'released before'));
      v_count := v_count + 1;
    end if;
    insert into lethe_private.ledger_holds (hold_id, event, number)
    values (v_hold.id, entry ->> 'event', replay_release.number) on conflict do nothing;
  end loop;
  perform lethe_private.know_entry(replay_release.number, replay_release.hash);
  return v_count;
end
$$;

comment on function lethe.replay_release(bigint, text, jsonb, jsonb) is
  'Releases again what an entry says was released. Returns how many holds. Raises what releasing one raises.';

-- Holds and restrictions are written to the ledger after they were committed: by lethe work every few minutes, by the
-- commands that place them, and before each erasure.

-- A hold that was released before it was ever written stays unwritten: a backup in which it is in force is on the safe side.
create or replace function lethe.holds_to_ship(pads bytea)
  returns setof jsonb
  language sql
  volatile
  security definer  -- nobody may read what a hold names
begin atomic
  select jsonb_build_object(
    'hold', h.id,
    'event', e.event,
    'of', p.number,
    'controller', c.name,
    'subject', h.subject,
    'request', h.request_id,
    'received_at', lethe_private.utc_text(r.received_at),
    'roots', case when p.number is null and h.kind = 'person' then lethe_private.ledger_roots(h.table_id, array(
      select k.key from lethe_private.held_keys as k where k.hold_id = h.id and k.table_id = h.table_id), pads) else '[]' end,
    'content', case when p.number is null then jsonb_build_object(
        'placed_at', lethe_private.utc_text(h.placed_at),
        'kind', h.kind, 'table', h.table_name, 'when', w."when", 'reason', h.reason, 'ends_on', h.ends_on,
        'keys', (
          select jsonb_agg(jsonb_build_array(lethe_private.plain_name(m), k.key)) from lethe_private.held_keys as k
          join lethe.managed_tables as m on m.id = k.table_id where k.hold_id = h.id and h.kind = 'keys'))
      else jsonb_build_object('placed_at', lethe_private.utc_text(h.placed_at), 'reason', h.release_reason) end)
  from lethe.holds as h
  cross join lateral (
    values (false, case when h.request_id is null then 'hold' else 'restriction' end),
      (true, case when h.request_id is null then 'hold released' else 'restriction lifted' end)
  ) as e (ends, event)
  left join lethe.controllers as c on c.id = h.controller_id
  left join lethe.requests as r on r.id = h.request_id
  left join lethe_private.held_conditions as w on w.hold_id = h.id
  left join lethe_private.ledger_holds as p on e.ends and p.hold_id = h.id and p.event in ('hold', 'restriction')
  where e.ends = (h.released_at is not null)
    and (not e.ends or p.number is not null)
    and not exists (select from lethe_private.ledger_holds as s where s.hold_id = h.id and s.event = e.event)
  order by h.id;
end;

comment on function lethe.holds_to_ship(bytea) is
  'Holds placed or released that are not in the ledger yet. The content may name a person: it is sealed, and never logged.';

create or replace function lethe.note_shipped(hold_id int, event text, number bigint, hash text)
  returns void
  language sql
  volatile
  security definer  -- nobody may write the state of the ledger
begin atomic
  insert into lethe_private.ledger_holds (hold_id, event, number)
  values (note_shipped.hold_id, note_shipped.event, note_shipped.number) on conflict do nothing;
  select lethe_private.know_entry(note_shipped.number, note_shipped.hash);
end;

comment on function lethe.note_shipped(int, text, bigint, text) is 'Remembers which entry of the ledger says what became of a hold.';

-- Written to the ledger, and then the writer was gone before it was noted here.
create or replace function lethe.recognise_hold(hold_id int, event text, placed_at text, number bigint, hash text)
  returns boolean
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from lethe.holds as h
    where h.id = recognise_hold.hold_id and lethe_private.utc_text(h.placed_at) = recognise_hold.placed_at
      and (recognise_hold.event in ('hold', 'restriction') or h.released_at is not null)) then
    return false;
  end if;
  perform lethe.note_shipped(recognise_hold.hold_id, recognise_hold.event, recognise_hold.number, recognise_hold.hash);
  return true;
end
$$;

comment on function lethe.recognise_hold(int, text, text, bigint, text) is
  'Notes which entry of the ledger is about a hold, if it is this database''s: that number, placed at that moment.';

-- The end of a restriction (GDPR Art. 18(3)): the person is told before, and that is written down.
--
--   select lethe.note_told(7, 'letter of 3 March');
--   select lethe.lift_restriction(7, 'the data were checked and are right');
create or replace function lethe.note_told(request bigint, how text)
  returns void
  language plpgsql
  volatile
  security definer  -- agents may not write events
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(note_told.request);
begin
  if coalesce(note_told.how, '') !~ '\S' then
    raise exception using errcode = 'LE462',
      message = format('it is not said how the person of request %s was told', v_request.id),
      hint = 'say how (a letter, a call), not who: it is kept';
  end if;
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'told', btrim(note_told.how));
end
$$;

comment on function lethe.note_told(bigint, text) is 'Writes down that the person was told, and how. Raises LE114, LE462.';

create or replace function lethe.lift_restriction(request bigint, reason text)
  returns void
  language plpgsql
  volatile
  security definer  -- officers and agents may not write the tables of holds
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests := lethe_private.get_request(lift_restriction.request);
  v_hold lethe.holds := lethe_private.restriction_of(v_request);
begin
  if coalesce(lift_restriction.reason, '') !~ '\S' then
    raise exception using errcode = 'LE462',
      message = format('no reason is given for lifting the restriction of request %s', v_request.id),
      hint = 'say why; the reason is kept';
  elsif not exists (
    select from lethe.request_events as e where e.request_id = v_request.id and e.event = 'told' and e.at >= v_hold.placed_at)
  then
    raise exception using errcode = 'LE462',
      message = format('the person of request %s has not been told that the restriction ends', v_request.id),
      hint = format('tell them first (GDPR Art. 18(3)), and then: lethe request told %1$s --how TEXT, or select lethe.note_told(%1$s, how)', v_request.id);
  end if;
  perform lethe_private.lock_hold(v_hold.id);
  perform lethe_private.end_hold(v_hold.id, lift_restriction.reason);
  insert into lethe.request_events (request_id, event, reason) values (v_request.id, 'restriction lifted', btrim(lift_restriction.reason));
end
$$;

comment on function lethe.lift_restriction(bigint, text) is
  'Ends the restriction of a request: what is overdue is done in the next cycle. The person has to have been told. Raises LE114, LE462.';

create or replace function lethe_private.restriction_of(request lethe.requests)
  returns lethe.holds
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold lethe.holds;
begin
  select h.* into v_hold from lethe.holds as h where h.request_id = request.id and h.released_at is null order by h.id limit 1;
  if not found then
    raise exception using errcode = 'LE462',
      message = format('request %s has no restriction in force', request.id),
      hint = 'select * from lethe.list_holds() shows those there are';
  end if;
  return v_hold;
end
$$;

comment on function lethe_private.restriction_of(lethe.requests) is 'The restriction of a request that is in force. Raises LE462.';

create or replace function lethe.restricted_rows(request bigint)
  returns table (table_name text, live bigint, archived bigint)
  language plpgsql
  volatile
  security definer  -- counts as lethe_sweeper, and in the archive, which nobody else reads
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold lethe.holds := lethe_private.restriction_of(lethe_private.get_request(restricted_rows.request));
begin
  return query select r.table_name, r.live, r.archived from lethe.held_rows(v_hold.id) as r;
end
$$;

comment on function lethe.restricted_rows(bigint) is
  'How many rows the restriction of a request reaches now, table by table, live and archived. Raises LE114, LE462, LE501.';

-- What src/ledger asks of the database around an erasure: an intent is written before, a completion after.

create or replace function lethe.ledger_state()
  returns table (ledger text, last_number bigint, last_hash text, required boolean, replaying boolean, known jsonb)
  language sql
  stable
  security definer  -- nobody may read the state of the ledger
begin atomic
  select s.ledger, s.last_number, s.last_hash, s.required, s.replaying,
    coalesce((select jsonb_object_agg(k.number, k.hash) from lethe_private.ledger_known as k where k.number > s.last_number), '{}')
  from lethe_private.ledger_state as s;
end;

comment on function lethe.ledger_state() is
  'Which ledger this database belongs to, up to which entry it knows everything, and which it knows beyond that.';

create or replace function lethe.adopt_ledger(ledger text, restored boolean default false)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  update lethe_private.ledger_state as s
  set ledger = adopt_ledger.ledger, replaying = adopt_ledger.restored
  where s.ledger is null;
  if not found and adopt_ledger.ledger is distinct from (select s.ledger from lethe_private.ledger_state as s) then
    raise exception using errcode = 'LE452',
      message = 'this database has another ledger',
      hint = 'LETHE_LEDGER names the folder that was made for this database; select * from lethe.ledger_state()';
  end if;
end
$$;

comment on function lethe.adopt_ledger(text, boolean) is
  'Says, once, which ledger is this database''s. restored: the ledger is older than that, and is to be replayed. Raises LE452.';

-- An officer who requires a ledger cannot be got round by a worker that knows of none.
create or replace function lethe.require_ledger(required boolean default true)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write the state of the ledger
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform lethe_private.assert_may_change(null);
  update lethe_private.ledger_state as s set required = require_ledger.required where s.ledger is not null;
  if not found and require_ledger.required then
    raise exception using errcode = 'LE452',
      message = 'this database has no ledger yet that could be required',
      hint = 'lethe ledger status, with LETHE_LEDGER and LETHE_LEDGER_KEYS set, begins one';
  end if;
end
$$;

comment on function lethe.require_ledger(boolean) is
  'Has erasures refused that are not in the ledger (LE454), or allows them again. Raises LE452, LE502.';

-- Hashes alone leave the database.
create or replace function lethe.ledger_subject(request bigint, pads bytea)
  returns jsonb
  language plpgsql
  volatile
  security definer  -- nobody may read who a person is
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_request lethe.requests := lethe_private.get_request(request);
begin
  return jsonb_build_object(
    'kind', v_request.kind,
    'state', v_request.state,
    'subject', v_request.subject,
    'controller', (select c.name from lethe.controllers as c where c.id = v_request.controller_id),
    'received_at', lethe_private.utc_text(v_request.received_at),
    'roots', (
      select coalesce(jsonb_agg(distinct h), '[]') from (
        select jsonb_array_elements(lethe_private.ledger_roots(r.table_id, array_agg(r.key), pads)) as h
        from lethe_private.request_roots as r where r.request_id = v_request.id group by r.table_id) as x),
    'identifiers', (
      select coalesce(jsonb_agg(distinct lethe_private.ledger_hash(
        lethe_private.ledger_identifier(v_request.subject) || lethe_private.identifier_key(i.identifier), pads)), '[]')
      from lethe_private.identifiers_of(array[v_request.id]) as i));
end
$$;

comment on function lethe.ledger_subject(bigint, bytea) is
  'Whom a request is about, as the ledger names people: keyed hashes. pads: the key''s inner and outer pad. Raises LE114.';

create or replace function lethe.lock_ledgered(request bigint)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody else may know the lock
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_lock(lethe_private.ledger_lock_id(request));
end
$$;

comment on function lethe.lock_ledgered(bigint) is 'Says, for this session, that an entry about this request is being written.';

create or replace function lethe.unlock_ledgered(request bigint)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody else may know the lock
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_unlock(lethe_private.ledger_lock_id(request));
end
$$;

comment on function lethe.unlock_ledgered(bigint) is 'Says that the entry is written.';

-- A request is known by its number and the moment it was received: after a restore numbers are given again.
create or replace function lethe.ledger_fate(request bigint, received_at text)
  returns text
  language plpgsql
  volatile
  security definer  -- workers may not read requests
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
begin
  if not pg_try_advisory_xact_lock(lethe_private.ledger_lock_id(request)) then
    return 'busy';
  end if;
  select r.state into v_state from lethe.requests as r
  where r.id = ledger_fate.request and lethe_private.utc_text(r.received_at) = ledger_fate.received_at;
  return case when v_state is null then 'unknown' when v_state in ('executed', 'blocked', 'completed') then 'done' else 'alive' end;
end
$$;

comment on function lethe.ledger_fate(bigint, text) is
  'What became of the request of an intent: busy (somebody is at it), done, alive (it waits, or was given up), unknown (not in this database).';

create or replace function lethe.know_entry(number bigint, hash text)
  returns void
  language sql
  volatile
  security definer  -- nobody may write the state of the ledger
begin atomic
  select lethe_private.know_entry(know_entry.number, know_entry.hash);
end;

comment on function lethe.know_entry(bigint, text) is 'Remembers that this database has taken in an entry of the ledger.';

create or replace function lethe.settle_ledger(number bigint, hash text)
  returns void
  language sql
  volatile
  security definer  -- nobody may write the state of the ledger
begin atomic
  update lethe_private.ledger_state as s
  set last_number = settle_ledger.number, last_hash = settle_ledger.hash
  where s.last_number < settle_ledger.number;
  delete from lethe_private.ledger_known as k
  where k.number <= (select s.last_number from lethe_private.ledger_state as s);
end;

comment on function lethe.settle_ledger(bigint, text) is 'Says that everything up to an entry of the ledger is known here.';

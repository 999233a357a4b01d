-- Does what a request asks for. An erasure: all of a person's rows in one transaction, which ends as the approved plan says or
-- not at all.
--
--   select lethe.execute_request(12);
--
-- ledger_number, ledger_hash: the entry of the ledger outside the database that announced this (see docs/ledger.md).
create or replace function lethe.execute_request(request bigint, ledger_number bigint default null, ledger_hash text default null)
  returns text
  language plpgsql
  volatile
  security definer  -- reads whose rows they are, and the controller's key, which its callers may not
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
declare
  v_request lethe.requests;
  v_state text;
begin
  perform lethe_private.assert_read_committed();
  v_request := lethe_private.get_request(execute_request.request);
  perform lethe_private.assert_executable(v_request);
  perform lethe_private.assert_may_name_entry(v_request.id, ledger_number, ledger_hash);
  if v_request.kind <> 'erasure' then
    execute format('select lethe_private.%I($1)', 'execute_' || v_request.kind) using v_request;
    perform lethe_private.move_request(r, 'completed') from lethe.requests as r where r.id = v_request.id and r.state = 'approved';
    v_state := 'completed';
  else
    -- What is left for today was announced with all the rest.
    if v_request.state <> 'blocked' then
      perform lethe_private.assert_ledgered(ledger_number);
    end if;
    v_state := lethe_private.execute_erasures(array[v_request]);
    if v_state = 'executed' then
      perform lethe_private.note_ledgered(v_request.id, ledger_number, ledger_hash);
    end if;
  end if;
  return v_state;
end
$$;

comment on function lethe.execute_request(bigint, bigint, text) is
  'Executes an approved request. Returns executed (erasure), completed (others), planned (the plan has changed: it is to be approved again), delayed (a hold) or blocked (nothing can be done yet). Raises LE114, LE405, LE421, LE431 to LE437, LE439, LE454, LE501, LE502.';

create or replace function lethe_private.assert_read_committed()
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'LE405',
      message = format('a request cannot be executed at isolation level %s', current_setting('transaction_isolation')),
      hint = 'begin the transaction with: set transaction isolation level read committed';
  end if;
end
$$;

comment on function lethe_private.assert_read_committed() is 'Raises LE405: what is read again must be what was committed meanwhile.';

create or replace function lethe_private.assert_may_name_entry(request bigint, ledger_number bigint, ledger_hash text)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if num_nonnulls(ledger_number, ledger_hash) > 0 and not lethe_private.is_one_of(array['lethe_worker']) then
    raise exception using errcode = 'LE502',
      message = format('you may not name the entry of the ledger for request %s', assert_may_name_entry.request),
      hint = 'who writes the ledger does: lethe work, or lethe request execute as a member of lethe_worker';
  end if;
end
$$;

comment on function lethe_private.assert_may_name_entry(bigint, bigint, text) is 'Raises LE502 where an entry is named by who does not write the ledger.';

create or replace function lethe_private.note_ledgered(request bigint, ledger_number bigint, ledger_hash text)
  returns void
  language sql
  volatile
begin atomic
  select lethe_private.know_entry(note_ledgered.ledger_number, note_ledgered.ledger_hash) where note_ledgered.ledger_number is not null;
  update lethe.requests as r set outcome = r.outcome || jsonb_build_object('ledger', note_ledgered.ledger_number)
  where r.id = note_ledgered.request and note_ledgered.ledger_number is not null;
end;

comment on function lethe_private.note_ledgered(bigint, bigint, text) is 'Remembers which entry of the ledger announced an erasure, if one did.';

create or replace function lethe_private.assert_executable(request lethe.requests)
  returns void
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not lethe_private.is_one_of(array['lethe_officer', 'lethe_worker'] || case when request.kind <> 'erasure' then 'lethe_agent' end) then
    raise exception using errcode = 'LE502', message = format('you may not execute request %s', request.id),
      hint = 'it takes lethe_officer or lethe_worker: see lethe.request_moves';
  elsif request.state not in ('approved', 'delayed', 'blocked') then
    raise exception using errcode = 'LE431',
      message = format('request %s is %s and cannot be executed', request.id, request.state),
      hint = case request.state
        when 'received' then format(case request.kind when 'erasure' then 'plan it, and have the plan approved: lethe request plan %s' else 'approve it first: lethe request approve %s' end, request.id)
        when 'planned' then format('an officer approves it first: lethe request approve %s --plan MARK', request.id)
        else 'only what is approved, delayed by a hold, or blocked is executed' end;
  end if;
end
$$;

comment on function lethe_private.assert_executable(lethe.requests) is 'Raises LE431, LE502.';

-- Many erasures in one transaction and, where they are of one kind and nothing is out of the ordinary, by one set of
-- statements. One that fails leaves the others alone: its cause is in lethe.requests.failure.
--
-- ledger_numbers, ledger_hashes: of each request the entry that announced it, in the same order; null where there is none.
create or replace function lethe.execute_requests(requests bigint[], ledger_numbers bigint[] default null, ledger_hashes text[] default null)
  returns table (request bigint, state text)
  language plpgsql
  volatile
  security definer  -- as lethe.execute_request
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
#variable_conflict use_column
declare
  v_group record;
  v_state text;
begin
  perform lethe_private.assert_read_committed();
  for v_group in
    select array_agg(l.r order by (l.r).id) as requests, array_agg((l.r).id order by (l.r).id) as ids,
      array_agg(l.number order by (l.r).id) as numbers, array_agg(l.hash order by (l.r).id) as hashes,
      bool_and((l.r).kind = 'erasure' and (l.r).state = 'approved') as alike
    from (
      select lethe_private.get_request(x.id) as r, x.number, x.hash
      from (
        select distinct on (u.id) u.*
        from unnest(execute_requests.requests, execute_requests.ledger_numbers, execute_requests.ledger_hashes) as u (id, number, hash)
        order by u.id
      ) as x
    ) as l
    group by (l.r).controller_id, (l.r).subject, (l.r).kind, (l.r).state = 'approved'
    order by min((l.r).id)
  loop
    v_state := null;
    if v_group.alike and cardinality(v_group.ids) > 1 then
      begin
        perform lethe_private.assert_executable(r) from unnest(v_group.requests) as r;
        perform lethe_private.assert_may_name_entry(u.id, u.number, u.hash), lethe_private.assert_ledgered(u.number)
        from unnest(v_group.ids, v_group.numbers, v_group.hashes) as u (id, number, hash);
        v_state := lethe_private.execute_erasures(v_group.requests);
        if v_state = 'executed' then
          perform lethe_private.note_ledgered(u.id, u.number, u.hash) from unnest(v_group.ids, v_group.numbers, v_group.hashes) as u (id, number, hash);
        end if;
      exception when others then
        v_state := null;
      end;
    end if;
    if v_state is not null then
      return query select i, v_state from unnest(v_group.ids) as i;
    else
      return query
        select u.id, lethe_private.try_to_execute(u.id, u.number, u.hash)
        from unnest(v_group.ids, v_group.numbers, v_group.hashes) as u (id, number, hash);
    end if;
  end loop;
end
$$;

comment on function lethe.execute_requests(bigint[], bigint[], text[]) is
  'Executes many requests in one transaction; failed: its cause is in lethe.requests.failure, and it is as it was. Raises LE114, LE405.';

create or replace function lethe_private.try_to_execute(request bigint, ledger_number bigint default null, ledger_hash text default null)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text; v_constraint text; v_relation text; v_cause text;
begin
  return lethe.execute_request(try_to_execute.request, try_to_execute.ledger_number, try_to_execute.ledger_hash);
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name, v_cause = column_name;
  perform lethe_private.fail_request(try_to_execute.request, v_state, v_relation, v_constraint, v_cause);
  return 'failed';
end
$$;

comment on function lethe_private.try_to_execute(bigint, bigint, text) is 'Executes a request, or writes down why that failed.';

create or replace function lethe_private.fail_request(request bigint, sqlstate text, "table" text, constraint_name text, cause text)
  returns void
  language sql
  volatile
begin atomic
  with failed as (
    update lethe.requests as r
    set failure = jsonb_strip_nulls(jsonb_build_object('sqlstate', fail_request.sqlstate,
      'cause', nullif(fail_request.cause, ''), 'table', nullif(fail_request."table", ''), 'constraint', nullif(fail_request.constraint_name, '')))
    where r.id = fail_request.request
    returning r.id, r.failure
  )
  insert into lethe.request_events (request_id, event, reason)
  select f.id, 'failed', concat_ws(', ', f.failure ->> 'sqlstate', f.failure ->> 'cause', f.failure ->> 'table', f.failure ->> 'constraint') from failed as f;
end;

comment on function lethe_private.fail_request(bigint, text, text, text, text) is 'Writes down what failed: SQLSTATE, the SQLSTATE that caused it, table and constraint.';

-- For a caller whose transaction was undone by the failure.
create or replace function lethe.record_failure(request bigint, sqlstate text, "table" text default null, constraint_name text default null, cause text default null)
  returns void
  language plpgsql
  volatile
  security definer  -- nobody may write lethe.requests
  set search_path = pg_catalog, pg_temp
  set jit = off
as $$
begin
  perform lethe_private.get_request(record_failure.request);
  perform lethe_private.fail_request(record_failure.request, record_failure.sqlstate, record_failure."table", record_failure.constraint_name, record_failure.cause);
end
$$;

comment on function lethe.record_failure(bigint, text, text, text, text) is
  'Writes down why a request could not be executed: SQLSTATE, table and constraint, never a message. cause: of LE433, the SQLSTATE that PostgreSQL gave, which the error has as its column. Raises LE114.';

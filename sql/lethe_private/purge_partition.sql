-- Purges partitions whole, one a step, before rows are looked for. Returns null when there is none (left): the
-- rows that are due in what remains are then deleted as ever.
create or replace function lethe_private.purge_partition(cycle_table lethe.cycle_tables, managed lethe.managed_tables, program jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_spec jsonb := program #> '{purge,partitions}';
  v_next lethe.partition_purges;
  v_pads lethe_private.controller_keys;
  v_facts jsonb;
  v_cause jsonb;
  v_state text;
  v_constraint text;
  v_relation text;
begin
  if v_spec is null then
    delete from lethe.partition_purges as p
    where p.cycle_id = cycle_table.cycle_id and p.table_id = cycle_table.table_id and p.how = 'waiting';
    return null;
  elsif not exists (
    select from lethe.partition_purges as p
    where p.cycle_id = cycle_table.cycle_id and p.table_id = cycle_table.table_id and p.round = cycle_table.round)
  then
    v_state := lethe_private.list_partitions(cycle_table, managed, v_spec);
    if v_state is not null then
      return v_state;
    end if;
  end if;
  select p.* into v_next from lethe.partition_purges as p
  where p.table_id = cycle_table.table_id
    and (p.how = 'waiting' and p.cycle_id = cycle_table.cycle_id or p.how = 'detaching')  -- also what an earlier cycle left so
  order by p.how, p.attempts, p.id
  limit 1;
  if not found then
    return null;
  end if;

  begin
    select k.* into strict v_pads
    from lethe_private.controller_keys as k
    join lethe.cycles as c on c.controller_id = k.controller_id
    where c.id = cycle_table.cycle_id
    order by k.version desc limit 1;
    v_facts := lethe_private.take_partition(v_next, managed, v_spec, v_pads);
  exception
    when query_canceled then
      raise exception using errcode = 'query_canceled', message = 'canceled at a partition, which is as it was',
        hint = 'call it again to go on; see statement_timeout if nobody canceled it';
    when others or assert_failure then
      get stacked diagnostics v_state = returned_sqlstate, v_constraint = constraint_name, v_relation = table_name;
      v_cause := jsonb_strip_nulls(jsonb_build_object('sqlstate', v_state,
        'constraint', nullif(v_constraint, ''), 'table', nullif(v_relation, '')));
  end;

  if (left(v_state, 2) = '40' or v_state in ('55P03', '55006'))
    and v_next.attempts + 1 < (select s.attempts_max from lethe.settings as s)
  then
    update lethe.partition_purges as p set attempts = p.attempts + 1 where p.id = v_next.id;
    return 'retry';
  elsif v_state is not null and v_next.how = 'detaching'
    and not exists (select from pg_inherits as i where i.inhrelid = v_next.partition_oid and not i.inhdetachpending)
  then
    -- Detached and not read: it may hold a row that must not be lost. It stays on the list, and is tried again.
    return lethe_private.table_failed(cycle_table, v_cause);
  elsif v_facts ->> 'how' = 'detaching' then
    update lethe.partition_purges as p set how = 'detaching', bound = v_facts ->> 'bound', attempts = p.attempts + 1 where p.id = v_next.id;
    return 'detach';
  elsif v_facts ->> 'root' is null then
    update lethe.partition_purges as p set how = 'row by row', cause = coalesce(v_cause, v_facts) where p.id = v_next.id;
    return 'swept';
  end if;

  insert into lethe.evidence_batches (cycle_id, table_id, phase, rows_done, counts, root, key_version)
  values (cycle_table.cycle_id, cycle_table.table_id, cycle_table.phase, (v_facts ->> 'rows')::bigint,
    jsonb_build_object(v_spec ->> 'flag', v_facts -> 'rows', 'partition', v_next.partition, 'how', v_facts -> 'how'),
    v_facts ->> 'root', v_pads.version);
  update lethe.partition_purges as p set how = v_facts ->> 'how', rows = (v_facts ->> 'rows')::bigint, at = now() where p.id = v_next.id;
  update lethe.cycle_tables as t
  set state = 'sweeping', batches = t.batches + 1, rows_done = t.rows_done + p.rows,
      rows_found = case t.round when 1 then t.rows_found + p.rows else t.rows_found end,
      found = case t.round when 1 then t.found || jsonb_build_object('partitions', coalesce((t.found ->> 'partitions')::bigint, 0) + p.rows) else t.found end
  from (select (v_facts ->> 'rows')::bigint as rows) as p
  where t.cycle_id = cycle_table.cycle_id and t.table_id = cycle_table.table_id;
  return 'swept';
end
$$;

comment on function lethe_private.purge_partition(lethe.cycle_tables, lethe.managed_tables, jsonb) is
  'One partition of a table, with its evidence. Returns discovered, swept, retry, detach (the driver is to run lethe.detach_statement), or null: none is left.';

create or replace function lethe_private.list_partitions(cycle_table lethe.cycle_tables, managed lethe.managed_tables, spec jsonb)
  returns text
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  insert into lethe.partition_purges (cycle_id, table_id, round, partition, partition_oid, parent_oid)
  select cycle_table.cycle_id, cycle_table.table_id, cycle_table.round, lethe_private.host_name(r.partition), r.partition, r.parent
  from lethe_private.ready_partitions(managed, spec) as r;
  return case when found then 'discovered' end;
exception
  -- The search for rows meets the same, and reports it.
  when query_canceled then raise exception using errcode = 'query_canceled', message = 'canceled at the first look at partitions';
  when others then return null;
end
$$;

comment on function lethe_private.list_partitions(lethe.cycle_tables, lethe.managed_tables, jsonb) is
  'The first look: puts partitions that may go whole on the list. Returns discovered, or null: there is none.';

-- Looks again under a lock and, if every row leaves, drops or detaches the partition.
--
-- The lock is in two parts. First the partition, in EXCLUSIVE mode: its rows can be read and not written, no row
-- can come to refer to them, and nobody else waits. Only when all has been read and counted the parent, in
-- ACCESS EXCLUSIVE mode, as PostgreSQL needs it: for as long as DDL takes. Who holds the parent may by then
-- be waiting for the partition, so that wait ends before anybody's deadlock_timeout, which would make an
-- application's transaction the victim.
create or replace function lethe_private.take_partition(
  next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oid oid := next.partition_oid;
  v_root oid := lethe_private.host_table(managed.schema_name, managed.table_name);
  v_name text := lethe_private.host_name(v_oid);
  v_parent oid := (select w.parent from lethe_private.whole_partitions(v_root) as w where w.partition = next.partition_oid);
  v_how text := case spec ->> 'how' when 'detach concurrently' then 'detach' else spec ->> 'how' end;
  v_facts jsonb;
  v_statement text;
begin
  if next.how = 'detaching' then
    v_facts := lethe_private.take_detached(next, managed, spec, pads);
    if v_facts is not null then
      return v_facts;
    end if;
  end if;
  if v_parent is null then
    return jsonb_build_object('why', 'gone');
  elsif lethe_private.has_delete_trigger(v_oid) then
    return jsonb_build_object('why', 'a trigger on DELETE');
  elsif not lethe_private.may_drop(v_oid) then
    return jsonb_build_object('sqlstate', '42501');
  elsif spec ->> 'how' = 'detach concurrently' and next.how = 'waiting' and lethe_private.driver_detaches() then
    v_facts := lethe_private.look_again(v_oid, v_root, managed, spec, pads);
    return case when v_facts ? 'root' then jsonb_build_object('how', 'detaching',
      'bound', (select pg_get_expr(c.relpartbound, c.oid) from pg_class as c where c.oid = v_oid)) else v_facts end;
  end if;

  perform lethe_private.run_as_dropper(format('lock table %s in exclusive mode', v_name));
  if lethe_private.host_name(v_oid) is distinct from v_name or not exists (
    select from pg_inherits as i where i.inhrelid = v_oid and i.inhparent = v_parent)
  then
    return jsonb_build_object('why', 'gone');
  end if;
  v_facts := lethe_private.look_again(v_oid, v_root, managed, spec, pads);
  if not v_facts ? 'root' then
    return v_facts;
  end if;
  perform set_config('lock_timeout', least(
    extract(epoch from s.lock_timeout) * 1000, extract(epoch from current_setting('deadlock_timeout')::interval) * 500)::bigint::text, true)
  from lethe.settings as s;
  perform lethe_private.run_as_dropper(format('lock table only %s in access exclusive mode', lethe_private.host_name(v_parent)));
  perform lethe_private.may_go(v_oid, managed);
  foreach v_statement in array lethe_private.partition_statements(v_oid, v_parent, v_how) loop
    perform lethe_private.run_as_dropper(v_statement);
  end loop;
  delete from lethe_private.guarded_relations as g where g.xact = pg_current_xact_id();
  return v_facts || jsonb_build_object('how', case v_how when 'drop' then 'dropped' else 'detached' end);
end
$$;

comment on function lethe_private.take_partition(lethe.partition_purges, lethe.managed_tables, jsonb, lethe_private.controller_keys) is
  'Drops or detaches one partition if all of it leaves: {"rows", "root", "how"}; else why it stays: {"why"} or {"sqlstate"}.';

-- Nothing may write to the partition meanwhile, unless it is to be asked once more.
create or replace function lethe_private.look_again(
  partition oid, root oid, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
  v_statement text;
begin
  if lethe_private.has_delete_trigger(partition) then
    return jsonb_build_object('why', 'a trigger on DELETE');
  elsif not lethe_private.is_ready(partition, managed, spec) then
    return jsonb_build_object('why', 'rows that stay');
  end if;
  for v_statement in select r from lethe_private.partition_references(partition, root) as r loop
    if lethe_private.ask_of_partition(v_statement, partition, managed) then
      return jsonb_build_object('why', 'rows that others refer to');
    end if;
  end loop;
  perform set_config('work_mem', '64MB', true);
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(lethe_private.fill(spec ->> 'read', jsonb_build_object('from', lethe_private.host_name(partition))),
    managed, null, pads.inner_pad, pads.outer_pad) as r;
  if v_facts ->> 'stay' <> '0' or v_facts ->> 'rows' = '0' then
    return jsonb_build_object('why', 'rows that stay');
  end if;
  return v_facts - 'stay';
end
$$;

comment on function lethe_private.look_again(oid, oid, lethe.managed_tables, jsonb, lethe_private.controller_keys) is
  'Reads a partition whole: {"rows", "root"} when every row leaves and nothing refers to any; else {"why"}.';

-- DETACH … CONCURRENTLY runs in no function, only at the top level of a session. So the step says "detach", the
-- driver runs the statement, and the next step comes here. Until PostgreSQL has detached it, rows may have been
-- written: it is read again, and put back unless every row leaves. Null: it is still attached; go on as with "detach".
create or replace function lethe_private.take_detached(
  next lethe.partition_purges, managed lethe.managed_tables, spec jsonb, pads lethe_private.controller_keys
)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text := lethe_private.host_name(next.partition_oid);
  v_parent text := lethe_private.host_name(next.parent_oid);
  v_facts jsonb;
begin
  if v_name is null then
    return jsonb_build_object('why', 'gone');
  end if;
  if (select i.inhdetachpending from pg_inherits as i where i.inhrelid = next.partition_oid) then
    perform lethe_private.run_as_dropper(format('alter table %s detach partition %s finalize', v_parent, v_name));
  elsif exists (select from pg_inherits as i where i.inhrelid = next.partition_oid) then
    return null;
  end if;
  perform lethe_private.run_as_dropper(format('lock table %s in exclusive mode', v_name));
  v_facts := lethe_private.look_again(next.partition_oid, lethe_private.host_table(managed.schema_name, managed.table_name), managed, spec, pads);
  if v_facts ? 'root' then
    return v_facts || '{"how": "detached"}';
  end if;
  perform lethe_private.run_as_dropper(format('alter table %s attach partition %s %s', v_parent, v_name, next.bound));
  return v_facts;
end
$$;

comment on function lethe_private.take_detached(lethe.partition_purges, lethe.managed_tables, jsonb, lethe_private.controller_keys) is
  'Reads a partition that the driver has detached concurrently, and attaches it again unless every row of it leaves.';

-- Whoever drives a cycle says so in its session, if its login may become lethe_dropper; psql does not.
create or replace function lethe_private.driver_detaches()
  returns boolean
  language sql
  stable
return coalesce(current_setting('lethe.driver_detaches', true), '') = 'on'
  and pg_has_role(session_user, 'lethe_dropper', case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end);

comment on function lethe_private.driver_detaches() is 'True when the session''s driver will run a DETACH … CONCURRENTLY that a step asks for.';

create or replace function lethe.detach_statement(cycle_id bigint, table_id int)
  returns text
  language sql
  stable
  security definer  -- a worker reads none of Lethe's tables
  set jit = off
begin atomic
  select format('alter table %s detach partition %s concurrently', lethe_private.host_name(i.inhparent), lethe_private.host_name(i.inhrelid))
  from lethe.partition_purges as p
  join pg_catalog.pg_inherits as i on i.inhrelid = p.partition_oid and not i.inhdetachpending
  where p.cycle_id = detach_statement.cycle_id and p.table_id = detach_statement.table_id and p.how = 'detaching'
  order by p.id
  limit 1;
end;

comment on function lethe.detach_statement(bigint, int) is
  'After a step that said "detach": the statement that its driver is to run as lethe_dropper, outside any transaction; null when there is none.';

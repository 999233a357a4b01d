-- Locks. One number a controller: batches of a cycle share it, whoever drives a cycle alone from a
-- session holds it exclusively. A worker killed with -9 leaves no lock behind: they end with the
-- transaction or the connection.
create or replace function lethe_private.lock_id(controller_id int)
  returns bigint
  language sql
  immutable
return (x'4c455448'::bigint << 32) + controller_id;  -- "LETH"

comment on function lethe_private.lock_id(int) is 'The advisory lock of a controller''s cycle.';

create or replace function lethe_private.table_lock_id(table_id int)
  returns bigint
  language sql
  immutable
return (x'4c455454'::bigint << 32) + table_id;  -- "LETT"

comment on function lethe_private.table_lock_id(int) is 'The advisory lock that keeps one table from being swept twice at once, by cycles of two controllers too.';

create or replace function lethe_private.holds_lock_id()
  returns bigint
  language sql
  immutable
return x'4c455444'::bigint << 32;  -- "LETD"

comment on function lethe_private.holds_lock_id() is
  'The advisory lock that batches share and that whoever changes holds takes alone: when a hold has been committed, no batch is under way that did not see it.';

create or replace function lethe_private.mirrors_lock_id()
  returns bigint
  language sql
  immutable
return x'4c45544d'::bigint << 32;  -- "LETM"

comment on function lethe_private.mirrors_lock_id() is 'The advisory lock of whoever looks after the archive''s tables.';

create or replace function lethe_private.get_cycle(cycle_id bigint)
  returns lethe.cycles
  language plpgsql
  stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_cycle lethe.cycles;
begin
  select c.* into v_cycle from lethe.cycles as c where c.id = get_cycle.cycle_id;
  if not found then
    raise exception using errcode = 'LE403',
      message = format('cycle %s does not exist', coalesce(get_cycle.cycle_id::text, '(null)')),
      hint = 'lethe.cycles lists them';
  end if;
  return v_cycle;
end
$$;

comment on function lethe_private.get_cycle(bigint) is 'A cycle by its id. Raises LE403.';

-- What people decided about when sweeping may happen. By hand (run_cycle) none of this is asked.
create or replace function lethe_private.may_sweep_now(controller lethe.controllers)
  returns boolean
  language sql
  stable
begin atomic
  select
    case
      when s.window_starts_at <= s.window_ends_at then n.local >= s.window_starts_at and n.local < s.window_ends_at
      else n.local >= s.window_starts_at or n.local < s.window_ends_at
    end
    and not exists (select from pg_stat_replication as r where r.replay_lag > s.replica_lag_max)
  from lethe.settings as s
  cross join (select (now() at time zone controller.time_zone)::time as local) as n;
end;

comment on function lethe_private.may_sweep_now(lethe.controllers) is
  'True within the time window, in the controller''s zone, and while no replica lags too far.';

create or replace function lethe_private.deleted_in_transaction(relation oid)
  returns bigint
  language sql
  volatile
begin atomic
  select coalesce(sum(pg_stat_get_xact_tuples_deleted(t.relid)), 0)::bigint
  from (select relation as relid union select p.relid from pg_partition_tree(relation::regclass) as p) as t;
end;

comment on function lethe_private.deleted_in_transaction(oid) is
  'Rows deleted from a table so far by this transaction, cascades included, as PostgreSQL''s own statistics count them.';

-- What the engine calls. Two shapes of statement: one that returns facts (jsonb) alone, and one that
-- returns facts, target and addresses, batch by batch.
create or replace function lethe_private.run_as_sweeper(
  statement text,
  managed lethe.managed_tables,
  tids tid[] default null,
  inner_pad bytea default null,
  outer_pad bytea default null
)
  returns table (facts jsonb, target oid, found_tids tid[])
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.as_sweeper(text, tid[], bytea, bytea, text)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = (select r.oid from pg_roles as r where r.rolname = 'lethe_sweeper')
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off', 'bytea_output=hex', 'extra_float_digits=1', 'IntervalStyle=postgres', 'DateStyle=ISO, YMD', 'jit=off']
      and not exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where a.grantee not in (select r.oid from pg_roles as r where r.rolname in ('lethe_sweeper', 'lethe_owner')))
  ) then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.as_sweeper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  -- What writes has deferred triggers fired as lethe_sweeper, and before PostgreSQL 18 those that the caller has pending,
  -- too. So nobody with fewer rights may come with a trigger of his own.
  if statement !~ '^\s*select\M' and current_setting('server_version_num')::int < 180000
    and not pg_has_role(session_user, 'lethe_owner', 'member')
    and exists (
      select from pg_trigger as t
      join pg_class as c on c.oid = t.tgrelid
      join pg_proc as p on p.oid = t.tgfoid
      where t.tgdeferrable and not t.tgisinternal
        and (pg_has_role(session_user, c.relowner, 'member') or pg_has_role(session_user, p.proowner, 'member'))
        and pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) + pg_stat_get_xact_tuples_deleted(c.oid) > 0)
  then
    raise exception using errcode = 'LE504', message = 'a deferred trigger of the caller is pending, and would run as lethe_sweeper',
      hint = 'commit first; what writes to managed tables wants a transaction of its own';
  end if;
  -- The addresses of a batch lie close together, but the planner takes each for a random read and, on a
  -- table that is not very large, would rather read all of it again and again.
  if run_as_sweeper.tids is not null then
    perform set_config('random_page_cost', '0.1', true);
  end if;
  return query select * from lethe_private.as_sweeper(
    statement, tids, inner_pad, outer_pad, coalesce(managed.search_path, 'pg_catalog, pg_temp'));

  -- A search path that a trigger set for the whole session, be it to the very value it had, is still in
  -- force here: from now on the host's schema would be searched on our behalf.
  if pg_catalog.current_setting('search_path') operator(pg_catalog.<>) 'pg_catalog, pg_temp' then
    raise exception using errcode = 'LE504', message = 'a trigger changed search_path or row_security of the session',
      hint = 'give the trigger''s function a "set search_path" clause';
  end if;
end
$$;

comment on function lethe_private.run_as_sweeper(text, lethe.managed_tables, tid[], bytea, bytea) is
  'Runs one statement over a managed table as lethe_sweeper. Raises LE504, LE505.';

create or replace function lethe_private.count_as_sweeper(statement text, managed lethe.managed_tables)
  returns jsonb
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_facts jsonb;
  v_state text;
begin
  -- The planner cannot know how few rows a partial index still holds. Starting helpers for those takes
  -- longer than counting them; for a table that must be read whole they pay all the same.
  perform set_config('parallel_setup_cost', '10000', true);
  select r.facts into v_facts
  from lethe_private.run_as_sweeper(
    format('select (%s), null::oid, null::tid[]', count_as_sweeper.statement), count_as_sweeper.managed) as r;
  return v_facts;
exception
  when insufficient_privilege then
    raise;
  -- The message of a cast or a division that fails on some row quotes the row, whosever it is.
  when others then
    get stacked diagnostics v_state = returned_sqlstate;
    if v_state like 'LE%' then
      raise;
    end if;
    raise exception using errcode = v_state,
      message = format('a statement over %I.%I fails on some row (SQLSTATE %s)', managed.schema_name, managed.table_name, v_state),
      hint = 'a predicate must be able to read every value of its columns';
end
$$;

comment on function lethe_private.count_as_sweeper(text, lethe.managed_tables) is
  'The one jsonb value of a statement run as lethe_sweeper.';

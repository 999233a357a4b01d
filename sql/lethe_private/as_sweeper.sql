-- Owned by lethe_sweeper, as is ask_of_row, which only asks; and the only way in which Lethe touches a host's table.
--
-- A trigger of the host runs with the rights of whoever changes the row. Here that is lethe_sweeper,
-- which may do nothing but what was granted to it on managed tables. Because it owns this function, a
-- hostile trigger could alter it (it cannot replace it: that takes CREATE on the schema). So the body
-- trusts nothing of its own definition: names are qualified down to the operators, and it refuses to
-- go on unless it really runs as lethe_sweeper. Its caller checks the definition too.
--
-- lethe init runs this file every time, and so restores what was altered or dropped.
--
-- Deferred constraints and triggers are made to fire here, as lethe_sweeper: at COMMIT they would run
-- as somebody else, and as a different role on PostgreSQL 15 than on 18.
create or replace function lethe_private.as_sweeper(
  statement text,
  tids tid[],
  inner_pad bytea,
  outer_pad bytea,
  host_search_path text
)
  returns table (facts jsonb, target oid, found_tids tid[])
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set row_security = off
  -- A row's key is the same text in every session, else a hold would not find its row. These are defaults.
  set bytea_output = hex
  set extra_float_digits = 1
  set intervalstyle = postgres
  set datestyle = 'ISO, YMD'
  set jit = off  -- short statements over many partitions: compiling took 24 times as long as running
as $$
declare
  v_settings pg_catalog.text[];
begin
  if current_user operator(pg_catalog.<>) 'lethe_sweeper'::pg_catalog.name then
    raise exception using errcode = 'LE505', message = 'function lethe_private.as_sweeper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  perform pg_catalog.set_config('search_path', host_search_path, true);
  v_settings := array[
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')];

  return query execute statement using tids, inner_pad, outer_pad;
  -- Before PostgreSQL 18 what the caller has pending would run as lethe_sweeper, too. So not after a mere reading by
  -- somebody who has fewer rights. A statement that begins with SELECT writes nothing by itself, since WITH may write at
  -- the top level alone. For what writes, see run_as_sweeper.
  if statement operator(pg_catalog.!~) '^\s*select\M'
    or pg_catalog.current_setting('server_version_num')::pg_catalog.int4 operator(pg_catalog.>=) 180000
    or pg_catalog.pg_has_role(session_user, 'lethe_owner', 'member')
  then
    set constraints all immediate;
  end if;

  -- A setting that a trigger changed would outlive this function: it would be met by code with more rights,
  -- or end the cycle for every table.
  if v_settings operator(pg_catalog.<>) array[
    pg_catalog.current_setting('search_path'), 'off',
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')]
    or pg_catalog.current_setting('row_security') operator(pg_catalog.<>) 'off'
  then
    raise exception using errcode = 'LE504', message = 'a trigger changed search_path, row_security or another setting of the session',
      hint = 'give the trigger''s function a "set" clause for what it needs';
  end if;
end
$$;

comment on function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) is
  'Runs one statement as lethe_sweeper, row security off, under the search path declared for the table. Raises LE504, LE505.';

-- Handing it over takes CREATE on the schema for as long as that lasts.
grant create on schema lethe_private to lethe_sweeper;
revoke all on function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) from public;
grant execute on function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) to lethe_owner;
alter function lethe_private.as_sweeper(text, tid[], bytea, bytea, text) owner to lethe_sweeper;
revoke create on schema lethe_private from lethe_sweeper;

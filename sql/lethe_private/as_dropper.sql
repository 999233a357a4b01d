-- The only function that lethe_dropper owns, and the only way in which Lethe drops or detaches a partition.
--
-- That takes the rights of the table's owner. lethe_sweeper must not have them: triggers of one host would run
-- with the rights of another's owner. Nor lethe_owner: an event trigger, or a function in a partition key, runs
-- with the rights of whoever alters the table, and would read keys and evidence. So a role of its own has
-- them, which changes no row, reads nothing of Lethe's, and gets an owner's role only where a DBA grants it.
--
-- As with as_sweeper, the body trusts nothing of its own definition, its caller checks that, and lethe init
-- restores it.
create or replace function lethe_private.as_dropper(statement text)
  returns void
  language plpgsql
  volatile
  security definer
  set search_path = pg_catalog, pg_temp
  set row_security = off
as $$
declare
  v_settings pg_catalog.text[];
begin
  if current_user operator(pg_catalog.<>) 'lethe_dropper'::pg_catalog.name then
    raise exception using errcode = 'LE505', message = 'function lethe_private.as_dropper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  v_settings := array[
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')];
  execute statement;
  if v_settings operator(pg_catalog.<>) array[
    pg_catalog.current_setting('search_path'), pg_catalog.current_setting('row_security'),
    pg_catalog.current_setting('transaction_read_only'), pg_catalog.current_setting('default_transaction_read_only'),
    pg_catalog.current_setting('default_transaction_isolation'), pg_catalog.current_setting('standard_conforming_strings'),
    pg_catalog.current_setting('statement_timeout'), pg_catalog.current_setting('lock_timeout')]
  then
    raise exception using errcode = 'LE504', message = 'an event trigger changed search_path, row_security or another setting of the session',
      hint = 'give the trigger''s function a "set" clause for what it needs';
  end if;
end
$$;

comment on function lethe_private.as_dropper(text) is
  'Runs one statement as lethe_dropper: a lock on a partition, DETACH, ATTACH or DROP. Raises LE504, LE505.';

grant create on schema lethe_private to lethe_dropper;
revoke all on function lethe_private.as_dropper(text) from public;
grant execute on function lethe_private.as_dropper(text) to lethe_owner;
alter function lethe_private.as_dropper(text) owner to lethe_dropper;
revoke create on schema lethe_private from lethe_dropper;

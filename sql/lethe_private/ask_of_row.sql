-- How a guard asks about a row that somebody is changing: as lethe_sweeper, since a host's types and tables may run
-- the host's code. It differs from as_sweeper in that it writes nothing, and does not touch the constraints of a
-- transaction that is not ours. As there, the body trusts nothing of its own definition, its caller checks that, and
-- lethe init restores it.
create or replace function lethe_private.ask_of_row(statement text, old_row record, new_row record)
  returns boolean
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
  set jit = off
as $$
declare
  v_answer pg_catalog.bool;
begin
  if current_user operator(pg_catalog.<>) 'lethe_sweeper'::pg_catalog.name then
    raise exception using errcode = 'LE505', message = 'function lethe_private.ask_of_row has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  execute statement into v_answer using old_row, new_row;
  return v_answer;
end
$$;

comment on function lethe_private.ask_of_row(text, record, record) is
  'Asks one question about a row as lethe_sweeper, row security off. Raises LE505.';

grant create on schema lethe_private to lethe_sweeper;
revoke all on function lethe_private.ask_of_row(text, record, record) from public;
grant execute on function lethe_private.ask_of_row(text, record, record) to lethe_owner;
alter function lethe_private.ask_of_row(text, record, record) owner to lethe_sweeper;
revoke create on schema lethe_private from lethe_sweeper;

-- What the engine calls.
create or replace function lethe_private.run_as_dropper(statement text)
  returns void
  language plpgsql
  volatile
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from pg_proc as p
    where p.oid = to_regprocedure('lethe_private.as_dropper(text)')
      and p.prosecdef and p.provolatile = 'v' and not p.proisstrict
      and p.proowner = (select r.oid from pg_roles as r where r.rolname = 'lethe_dropper')
      and p.proconfig = array['search_path=pg_catalog, pg_temp', 'row_security=off']
      and not exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
        where a.grantee not in (select r.oid from pg_roles as r where r.rolname in ('lethe_dropper', 'lethe_owner')))
  ) then
    raise exception using errcode = 'LE505',
      message = 'function lethe_private.as_dropper has been altered',
      hint = 'run lethe init to restore it, and find out who altered it';
  end if;
  perform lethe_private.as_dropper(statement);
  if pg_catalog.current_setting('search_path') operator(pg_catalog.<>) 'pg_catalog, pg_temp' then
    raise exception using errcode = 'LE504', message = 'an event trigger changed search_path of the session',
      hint = 'give the trigger''s function a "set search_path" clause';
  end if;
end
$$;

comment on function lethe_private.run_as_dropper(text) is 'Runs one statement as lethe_dropper, the definition checked first. Raises LE504, LE505.';

-- Page: docs/checks/unforced-row-security.md.
create or replace function lethe_private.check_unforced_row_security(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(c.oid),
    format('row security of %s does not bind its owner %I, who sees and changes every row', lethe_private.host_name(c.oid), pg_get_userbyid(c.relowner)),
    format('let the application log in as another role; or alter table %s force row level security, after which the owner''s own dump fails', lethe_private.host_name(c.oid)),
    true
  from unnest(check_unforced_row_security.reached) as r
  join pg_catalog.pg_class as c on c.oid = r.relation and c.relrowsecurity and not c.relforcerowsecurity;
end;

comment on function lethe_private.check_unforced_row_security(lethe_private.reached[]) is 'Tables whose owner row security does not bind.';

-- For views and policies of the host's own: which of its rows the caller may see. An array, so that a statement
-- asks once and may use an index: where publisher_id::text = any ((select lethe.controller_references())::text[]).
create or replace function lethe.controller_references()
  returns text[]
  language sql
  stable
  security definer  -- asked on behalf of roles that may not read lethe.controllers
begin atomic
  select coalesce(array_agg(c.reference order by c.id), '{}')
  from lethe.controllers as c
  where c.reference is not null and lethe_private.acts_for(c.id);
end;

comment on function lethe.controller_references() is
  'References of the controllers that the login, or the request under way, acts for.';

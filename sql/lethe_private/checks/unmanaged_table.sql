-- Page: docs/checks/unmanaged-table.md.
create or replace function lethe_private.check_unmanaged_table(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    lethe_private.host_name(r.relation),
    format('table %s is not managed, and %s leads to it', lethe_private.host_name(r.relation), r.via),
    format('name it under tables in the policy file, or select lethe.manage_table(%L); then decide on its columns and links',
      lethe_private.host_name(r.relation)),
    true
  from unnest(check_unmanaged_table.reached) as r
  where r.managed_id is null;
end;

comment on function lethe_private.check_unmanaged_table(lethe_private.reached[]) is 'Tables that foreign keys join to people and that the policy does not know.';

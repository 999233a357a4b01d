-- Page: docs/checks/unclassified-column.md.
create or replace function lethe_private.check_unclassified_column(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    format('%s.%I', lethe_private.host_name(c.relation), c.name),
    format('column %I of %s has no decision%s', c.name, lethe_private.host_name(c.relation),
      coalesce('; it refers to ' || lethe_private.host_name(c.refers_to), '')),
    'give it a category, and a rule if it is about people: under columns in the policy file, or select lethe.set_column(…)',
    true
  from lethe_private.checked_columns(check_unclassified_column.reached) as c
  where c.decided_by is null;
end;

comment on function lethe_private.check_unclassified_column(lethe_private.reached[]) is 'Columns of managed tables without a category, a rule, or anything else that decides on them.';

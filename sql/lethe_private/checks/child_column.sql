-- Page: docs/checks/child-column.md. Rules of a table reach its inheritance children, but not what these have besides.
create or replace function lethe_private.check_child_column(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  select
    format('%s.%I', lethe_private.host_name(t.relation), h.name),
    format('column %I of %s is not in %s, from which it inherits, so no rule can reach it',
      h.name, lethe_private.host_name(t.relation), lethe_private.host_name(t.root)),
    format('add the column to %s, or keep such rows in a table of its own', lethe_private.host_name(t.root)),
    true
  from lethe_private.topmost as t
  join unnest(check_child_column.reached) as r on r.relation = t.root
  join pg_catalog.pg_class as c on c.oid = t.relation and c.relkind in ('r', 'f')
  join lethe_private.host_columns as h on h.relation = t.relation
  where not exists (
    select
    from lethe_private.topmost as o
    join unnest(check_child_column.reached) as m on m.relation = o.root and m.managed_id is not null
    join lethe_private.host_columns as p on p.relation = o.root and p.name = h.name
    where o.relation = t.relation);
end;

comment on function lethe_private.check_child_column(lethe_private.reached[]) is 'Columns that an inheritance child has and its parent has not.';

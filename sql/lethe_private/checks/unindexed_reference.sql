-- Page: docs/checks/unindexed-reference.md. A rule that deletes is refused at once where this is so (LE310); here it is
-- said of all references to people, before anybody is forgotten, and of an index that was dropped since.
create or replace function lethe_private.check_unindexed_reference(reached lethe_private.reached[])
  returns setof lethe_private.finding
  language sql
  stable
begin atomic
  with refs as (
    select f.child, f.child_columns, f.parent from lethe_private.top_references as f
    union
    select lethe_private.host_table(c.schema_name, c.table_name), l.columns, lethe_private.host_table(p.schema_name, p.table_name)
    from lethe.links as l
    join lethe.managed_tables as c on c.id = l.table_id
    join lethe.managed_tables as p on p.id = l.to_table_id
    where l.foreign_key is null and l.kind is distinct from 'ignore'
  )
  select
    format('%s(%s)', lethe_private.host_name(f.child), x.columns),
    format('%s refers to people in %s by %s, without an index: whoever looks up one person''s rows reads the whole table',
      lethe_private.host_name(f.child), lethe_private.host_name(f.parent), x.columns),
    format('create index concurrently on %s (%s)', lethe_private.host_name(f.child), x.columns),
    true
  from refs as f
  join unnest(check_unindexed_reference.reached) as child on child.relation = f.child
  join unnest(check_unindexed_reference.reached) as parent on parent.relation = f.parent and parent.personal
  cross join lateral (
    select string_agg(quote_ident(n.name), ', ' order by n.place) as columns, array_agg(h.position order by n.place)::int2[] as positions
    from unnest(f.child_columns) with ordinality as n (name, place)
    join lethe_private.host_columns as h on h.relation = f.child and h.name = n.name
  ) as x
  where x.positions is not null and not lethe_private.has_leading_index(f.child, x.positions);
end;

comment on function lethe_private.check_unindexed_reference(lethe_private.reached[]) is 'References to people''s rows that no index helps to look up.';

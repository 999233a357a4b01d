-- Every column of the tables a check is about, and what decides on it. No decision of its own is needed by
-- - the column that names the controller,
-- - a generated column: it follows the columns it is computed from,
-- - a key that the database itself makes up (a number or uuid with an identity or a default): it says nothing,
-- - a column that refers to a table where people are: the link is the decision.
-- Anything else wants a category or a rule.
create or replace function lethe_private.checked_columns(reached lethe_private.reached[])
  returns table (relation oid, managed_id int, "position" int2, name text, category text, decided_by text, has_rule boolean, refers_to oid)
  language sql
  stable
begin atomic
  with refers as materialized (
    select f.child, x.name, min(f.parent) filter (where p.personal) as people, min(f.parent) as parent
    from lethe_private.top_references as f
    cross join unnest(f.child_columns) as x (name)
    left join unnest(checked_columns.reached) as p on p.relation = f.parent
    group by f.child, x.name
  ), seen as materialized (
    select r.relation, r.managed_id, h.position, h.name, m.key_columns, m.controller_column, h.is_generated,
      h.type_name in ('int2', 'int4', 'int8', 'uuid') and (h.is_identity or a.atthasdef) as is_made_up
    from unnest(checked_columns.reached) as r
    join lethe.managed_tables as m on m.id = r.managed_id
    join lethe_private.host_columns as h on h.relation = r.relation
    join pg_catalog.pg_attribute as a on a.attrelid = h.relation and a.attnum = h.position
  )
  select s.relation, s.managed_id, s.position, s.name, c.category,
    case
      when c.category is not null then 'category'
      when u.has_rule then 'rule'
      when s.name = s.controller_column then 'controller'
      when s.is_generated then 'its sources'
      when f.people is not null then 'link'
      when s.name = any (s.key_columns) and s.is_made_up then 'key'
    end,
    u.has_rule,
    f.parent
  from seen as s
  left join lethe.managed_columns as c on c.table_id = s.managed_id and c.column_name = s.name
  left join refers as f on f.child = s.relation and f.name = s.name
  cross join lateral (select exists (select from lethe.rules as x where x.table_id = s.managed_id and x.column_name = s.name and x.action in ('anonymize', 'archive', 'purge')) as has_rule) as u;
end;

comment on function lethe_private.checked_columns(lethe_private.reached[]) is
  'The columns of managed tables and what decides on each; decided_by is null where nothing does.';

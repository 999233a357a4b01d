-- Other people's data in rows that are also, or rather, theirs. A row that several share shows this person's part; one
-- that only mentions the person shows that it does, and when. A reference to a person is shown where it leads to one of
-- the rows reached, and nowhere else, whatever the row.
create or replace function lethe_private.facts_at(facts jsonb, columns text[])
  returns jsonb
  language sql
  immutable
return case when not facts ?& columns then null else (
  select case when bool_or(facts -> x.c = 'null') then null else jsonb_agg(facts -> x.c order by x.n) end
  from unnest(columns) with ordinality as x (c, n)) end;

comment on function lethe_private.facts_at(jsonb, text[]) is 'What some columns of a row hold, as an array; null when one of them is null or not known.';

create or replace function lethe_private.references_to_people()
  returns table (table_id int, columns text[], to_table_id int, to_columns text[])
  language sql
  stable
begin atomic
  select l.table_id, l.columns, l.to_table_id, l.to_columns
  from lethe.links as l
  where l.kind in ('own', 'share', 'mention')
  union
  select c.table_id, r.child_columns, p.table_id, r.parent_columns
  from lethe_private.host_references as r
  join lethe_private.managed_relations as c on c.relation = r.child
  join lethe_private.managed_relations as p on p.relation = r.parent
  where p.table_id in (select s.table_id from lethe.subject_types as s);
end;

comment on function lethe_private.references_to_people() is
  'The columns by which a row says whose it is or whom it is about: declared links, and foreign keys to tables of people.';

-- inside, outside: columns of references that lead to rows of this person, and to others.
create or replace function lethe_private.personal_masks(rows lethe_private.reached_row[])
  returns table (n int, inside text[], outside text[])
  language sql
  stable
begin atomic
  with reached as materialized (
    select r.n::int as n, r.table_id, r.facts
    from unnest(rows) with ordinality as r (subject, table_id, mirror_id, key, kind, link_id, facts, decision, cut, until, basis, because, n)
  ), refs as materialized (
    select x.* from lethe_private.references_to_people() as x where x.table_id in (select r.table_id from reached as r)
  ), targets as materialized (
    select distinct x.to_table_id, x.to_columns, lethe_private.facts_at(r.facts, x.to_columns) as found
    from refs as x join reached as r on r.table_id = x.to_table_id
  ), pointed as (
    select r.n, x.columns, t.found is not null as is_inside
    from refs as x
    join reached as r on r.table_id = x.table_id
    left join targets as t on t.to_table_id = x.to_table_id and t.to_columns = x.to_columns and t.found = lethe_private.facts_at(r.facts, x.columns)
    where lethe_private.facts_at(r.facts, x.columns) is not null
  )
  select p.n, coalesce(array_agg(distinct c) filter (where p.is_inside), '{}'), coalesce(array_agg(distinct c) filter (where not p.is_inside), '{}')
  from pointed as p cross join unnest(p.columns) as c
  group by p.n;
end;

comment on function lethe_private.personal_masks(lethe_private.reached_row[]) is
  'Of each row reached, by its number, the columns of references that lead to this person and of those that lead to others.';

create or replace function lethe_private.masked(facts jsonb, columns text[])
  returns jsonb
  language sql
  immutable
return (
  select jsonb_object_agg(e.key, case when e.key = any (columns) and e.value <> 'null' then '"***"' else e.value end)
  from jsonb_each(facts) as e);

comment on function lethe_private.masked(jsonb, text[]) is 'The row with *** where some columns hold something.';
